package logs

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"weir/conf"
)

// SyslogPrefix begins a log's name that is a syslog server instead of a path.
const SyslogPrefix = "syslog:"

// SyslogConf are the parameters of a syslog: log.
type SyslogConf struct {
	Server     string         // as it was written
	Addr       netip.AddrPort // of a UDP server
	Unix       string         // path of a Unix domain socket; Addr is not valid then
	Facility   int            // 0 to 23
	Severity   Level          // of access log lines; an error log line has its own
	Tag        string
	NoHostname bool
}

// The values that hold when nothing is said; the tag is nginx's, so that filters go on matching.
const (
	defaultFacility = 23 // local7
	defaultTag      = "nginx"
	maxTag          = 32
	syslogPort      = 514
)

// facilities has the words for the codes of RFC 3164, section 4.1.1; its place is the code.
var facilities = [...]string{
	"kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv", "ftp",
	"ntp", "audit", "alert", "cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

// syslogParser reads the parameters of one syslog: log.
type syslogParser struct {
	SyslogConf
	lookup conf.Lookup
	seen   map[string]bool
}

// ParseSyslog reads what stands behind "syslog:". A nil lookup asks the operating system. Errors are
// nginx's sentences.
func ParseSyslog(params string, lookup conf.Lookup) (SyslogConf, error) {
	if lookup == nil {
		lookup = conf.LookupHost
	}
	p := syslogParser{lookup: lookup, seen: make(map[string]bool)}
	p.Facility, p.Severity, p.Tag = defaultFacility, Info, defaultTag
	for param := range strings.SplitSeq(params, ",") {
		if err := p.param(param); err != nil {
			return SyslogConf{}, err
		}
	}
	if p.Server == "" {
		return SyslogConf{}, errors.New("no syslog server specified")
	}
	return p.SyslogConf, nil
}

func (p *syslogParser) param(param string) error {
	if param == "nohostname" {
		p.NoHostname = true
		return nil
	}
	key, value, ok := strings.Cut(param, "=")
	set := p.setter(key)
	if !ok || set == nil {
		return fmt.Errorf("unknown syslog parameter %q", asIs(param))
	}
	if p.seen[key] {
		return fmt.Errorf("duplicate syslog %q", key)
	}
	p.seen[key] = true
	return set(value)
}

func (p *syslogParser) setter(key string) func(string) error {
	switch key {
	case "server":
		return p.setServer
	case "facility":
		return p.setFacility
	case "severity":
		return p.setSeverity
	case "tag":
		return p.setTag
	}
	return nil
}

func (p *syslogParser) setFacility(value string) error {
	for code, name := range facilities {
		if name == value {
			p.Facility = code
			return nil
		}
	}
	return fmt.Errorf("unknown syslog facility %q", asIs(value))
}

func (p *syslogParser) setSeverity(value string) error {
	v, ok := ParseLevel(value)
	if !ok || value != v.String() {
		return fmt.Errorf("unknown syslog severity %q", asIs(value))
	}
	p.Severity = v
	return nil
}

func (p *syslogParser) setTag(value string) error {
	if len(value) > maxTag {
		return fmt.Errorf("syslog tag length exceeds %d", maxTag)
	}
	for _, c := range []byte(value) {
		if !isAlnum(c) && c != '_' {
			return errors.New("syslog \"tag\" only allows alphanumeric characters and underscore")
		}
	}
	p.Tag = value
	return nil
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// setServer reads host, host:port, [ipv6]:port or unix:path.
func (p *syslogParser) setServer(value string) error {
	p.Server = value
	if path, ok := strings.CutPrefix(value, "unix:"); ok {
		switch {
		case path == "":
			return p.badServer("no path in the unix domain socket")
		case len(path) >= maxUnixPath:
			return p.badServer("too long path in the unix domain socket")
		}
		p.Unix = path
		return nil
	}
	host, port, bad := splitServer(value)
	if bad != "" {
		return p.badServer(bad)
	}
	addrs, err := p.addrs(host)
	if err != nil {
		return p.badServer(err.Error())
	}
	p.Addr = netip.AddrPortFrom(addrs[0], port)
	return nil
}

const maxUnixPath = 108 // sun_path of unix(7), with its final NUL

func (p *syslogParser) addrs(host string) ([]netip.Addr, error) {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !a.Is6() {
			return nil, errors.New("invalid IPv6 address")
		}
		return []netip.Addr{a}, nil
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
		return []netip.Addr{a}, nil
	}
	addrs, err := p.lookup(host)
	if err != nil || len(addrs) == 0 {
		return nil, errors.New("host not found")
	}
	return addrs, nil
}

func (p *syslogParser) badServer(what string) error {
	return fmt.Errorf("%s in syslog server %q", what, asIs(p.Server))
}

// splitServer cuts an address into its host, brackets included, and its port. bad says what is wrong
// with it.
func splitServer(s string) (host string, port uint16, bad string) {
	if strings.ContainsAny(s, "/?") { // where a path would begin
		return "", 0, "invalid host"
	}
	host, rest, colon := strings.Cut(s, ":")
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 || end+1 < len(s) && s[end+1] != ':' {
			return "", 0, "invalid host"
		}
		host = s[:end+1]
		_, rest, colon = strings.Cut(s[end:], ":")
	}
	port = syslogPort
	if colon {
		n, err := strconv.ParseUint(rest, 10, 16)
		if err != nil || n == 0 {
			return "", 0, "invalid port"
		}
		port = uint16(n)
	}
	if host == "" || host == "[]" {
		return "", 0, "no host"
	}
	return host, port, ""
}

// asIs is text that %q puts in quotes without escaping anything in it, as nginx prints words.
type asIs string

// Format writes the text between quotes.
func (s asIs) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "\"%s\"", string(s)) }
