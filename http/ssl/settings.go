package ssl

import (
	"strings"
	"time"

	"weir/certs"
	"weir/conf"
	"weir/http"
	"weir/zone"
)

func addSSLName(list *[]sslName, call *conf.Call) error {
	text, err := http.CompileText(call, 0, call.Arg(0))
	if err != nil {
		return err
	}
	*list = append(*list, sslName{text, call})
	return nil
}

// confPath makes a path of a TLS directive absolute: unlike others it begins where the configuration lies.
func confPath(call *conf.Call, path string) string {
	if certs.IsAbsolute(path) {
		return path
	}
	return call.Tree().ConfPrefix + path
}

func setCertificateCache(c *sslConf, call *conf.Call) (err error) {
	limit, inactive, valid := 0, 10*time.Second, time.Minute
	off := false
	for i := range call.Len() {
		word := call.Arg(i)
		name, value, _ := strings.Cut(word, "=")
		switch {
		case word == "off":
			off = true
		case name == "max":
			limit, err = conf.ParseInt(value)
			if limit == 0 {
				return call.Errorf(i, "invalid parameter \"%s\"", word)
			}
		case name == "inactive":
			inactive, err = conf.ParseSeconds(value)
		case name == "valid":
			valid, err = conf.ParseSeconds(value)
		default:
			return call.Errorf(i, "invalid parameter \"%s\"", word)
		}
		if err != nil {
			return call.Errorf(i, "invalid parameter \"%s\"", word)
		}
	}
	c.cache = nil
	switch {
	case off:
	case limit == 0:
		return call.Errorf(-1, "\"%s\" must have the \"max\" parameter", call.Name())
	default:
		c.cache = certs.NewPairCache(limit, inactive, valid)
	}
	return nil
}

// leastCache is nginx's: eight pages.
const leastCache = 8 * 4096

func setSessionCache(c *sslConf, call *conf.Call) error {
	for i := range call.Len() {
		word := call.Arg(i)
		switch kind, rest, more := strings.Cut(word, ":"); {
		case word == "off":
			c.sessions = sessionsOff
		case word == "none":
			c.sessions = sessionsNone
		case word == "builtin":
			c.sessions = sessionsBuiltin
		case kind == "builtin" && rest != "":
			if _, err := conf.ParseInt(rest); err != nil {
				return call.Errorf(i, "invalid session cache \"%s\"", word)
			}
			c.sessions = sessionsBuiltin
		case kind == "shared" && more:
			z, err := sharedZone(call, i, rest, "session cache", "ssl_session_cache")
			if err != nil {
				return err
			}
			c.sessionZone = z
		default:
			return call.Errorf(i, "invalid session cache \"%s\"", word)
		}
	}
	return nil
}

// sharedZone declares the zone of "shared:name:size".
func sharedZone(call *conf.Call, arg int, rest, what, use string) (*zone.Zone, error) {
	name, size, ok := strings.Cut(rest, ":")
	n, err := conf.ParseSize(size)
	switch {
	case !ok || name == "" || err != nil:
		return nil, call.Errorf(arg, "invalid %s \"%s\"", what, call.Arg(arg))
	case n < leastCache:
		return nil, call.Errorf(arg, "%s \"%s\" is too small", what, call.Arg(arg))
	}
	z, err := http.Env(call).Zones.Declare(name, n, use)
	if err != nil {
		return nil, call.Errorf(arg, "%v", err)
	}
	return z, nil
}

func setOCSPCache(c *sslConf, call *conf.Call) (err error) {
	c.ocspZone = nil
	word := call.Arg(0)
	if word == "off" {
		return nil
	}
	rest, ok := strings.CutPrefix(word, "shared:")
	if !ok {
		return call.Errorf(0, "invalid OCSP cache \"%s\"", word)
	}
	c.ocspZone, err = sharedZone(call, 0, rest, "OCSP cache", "ssl_ocsp_cache")
	return err
}
