package rewrite

import (
	"bytes"
	"errors"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/http/route"
	"weir/logs"
	"weir/vars"
)

// Referer is nginx's referer module: which pages may lead here.
var Referer = http.Define(http.Spec[refererConf]{
	Name: "http_referer",
	Doc:  "Tells whether a request comes from a page that may lead here, as its Referer says.",
	Directives: []conf.Directive[refererConf]{
		{
			Name: "valid_referers", In: conf.Server | conf.Location, Repeat: true, Syntax: "none | blocked | server_names | <name:string> ...",
			Doc: `Which values of ` + "`Referer`" + ` leave ` + "`$invalid_referer`" + ` empty: **none** (there is no such field), **blocked** (one that begins with neither
http:// nor https://), **server_names** (a name of this server), a *name*, which may have a wildcard at either end and the beginning of a URI
behind it, or, after "~", a regular expression that matches what stands behind "http://". It is easily forged.`,
			Example: "valid_referers none blocked server_names *.example.com ~\\.google\\.;",
			Set:     (*refererConf).add,
		},
		conf.TableSize[refererConf]("referer_hash_max_size", conf.Server|conf.Location, "2048"),
		conf.TableSize[refererConf]("referer_hash_bucket_size", conf.Server|conf.Location, "64"),
	},
	Variables: []http.Var{{
		Name: "invalid_referer", Doc: "Empty when the `Referer` is one of `valid_referers`, else `1`.", Cache: true, Changeable: true,
		Get: func(r *http.Request, _ string) http.Value {
			if v, ok := http.Kept[*validReferers](r.Loc); ok && !v.fits(r) {
				return http.Value{B: []byte("1")}
			}
			return http.Value{}
		},
	}},
	Install: func(c *refererConf, in *http.Install) error {
		if len(c.names)+len(c.patterns) == 0 && !c.serverNames {
			if (c.none || c.blocked) && in.Block.First("valid_referers") != nil {
				return errors.New("the \"none\" or \"blocked\" referers are specified in the \"valid_referers\" directive without any valid referer")
			}
			return nil
		}
		in.Keep(c.of(in.Loc.Server))
		return nil
	},
})

// refererConf holds the settings of one block.
type refererConf struct {
	none, blocked, serverNames bool
	names                      []referer
	patterns                   []*vars.Pattern
}

// A referer is a name, and the beginning of the URI behind it.
type referer struct{ name, uri string }

func (c *refererConf) add(call *conf.Call) error {
	var errs []error
	for i := range call.Len() {
		switch word := call.Arg(i); {
		case word == "":
			errs = append(errs, call.Errorf(i, "invalid referer \"%s\"", word))
		case word == "none":
			c.none = true
		case word == "blocked":
			c.blocked = true
		case word == "server_names":
			c.serverNames = true
		case word == "~":
			errs = append(errs, call.Errorf(i, "empty regex in \"%s\"", word))
		case word[0] == '~':
			p, err := http.Env(call).Vars.Pattern(word[1:], true)
			if err != nil {
				errs = append(errs, call.Errorf(i, "%v", err))
				continue
			}
			c.patterns = append(c.patterns, p)
		default:
			errs = append(errs, c.addName(call, i, word))
		}
	}
	return errors.Join(errs...)
}

func (c *refererConf) addName(call *conf.Call, i int, word string) error {
	name, uri := word, ""
	if at := strings.IndexByte(word, '/'); at >= 0 {
		name, uri = word[:at], word[at:]
	}
	if route.NewNames[string]().Add(strings.ToLower(name), uri) != nil {
		return call.Errorf(i, "invalid hostname or wildcard \"%s\"", name)
	}
	for _, have := range c.names {
		if strings.EqualFold(have.name, name) {
			return call.Errorf(i, "conflicting parameter \"%s\"", name)
		}
	}
	c.names = append(c.names, referer{strings.ToLower(name), uri})
	return nil
}

// of makes the settings ready for a server.
func (c *refererConf) of(s *http.Server) *validReferers {
	v := &validReferers{none: c.none, blocked: c.blocked, patterns: c.patterns, names: route.NewNames[string]()}
	for _, n := range c.names {
		_ = v.names.Add(n.name, n.uri)
	}
	if !c.serverNames {
		return v
	}
	for _, n := range s.Names {
		if n.Pattern != nil {
			v.hosts = append(v.hosts, n.Pattern)
		} else if n.Text != "" {
			_ = v.names.Add(n.Text, "") // one that was named already has more to say
		}
	}
	return v
}

// validReferers are the referers that may lead to a location.
type validReferers struct {
	none, blocked bool
	names         *route.Names[string]
	patterns      []*vars.Pattern // of all behind the scheme
	hosts         []*vars.Pattern // of the host: names of the server
}

// fits reports whether the request comes from a page that may lead here.
func (v *validReferers) fits(r *http.Request) bool {
	if !r.In.Has(field.Referer) {
		return v.none
	}
	from := r.In.Get(field.Referer)
	rest, ok := cutScheme(from)
	if !ok {
		return v.blocked
	}
	host := rest
	if i := bytes.IndexAny(rest, "/:"); i >= 0 {
		host = rest[:i]
	}
	if len(host) > 256 {
		return false
	}
	low := r.Lower(host)
	if uri, ok, _ := v.names.Find(low, nil); ok {
		at := bytes.IndexByte(rest, '/')
		return uri == "" || at >= 0 && bytes.HasPrefix(rest[at:], []byte(uri))
	}
	return matchAny(r, v.hosts, low) || matchAny(r, v.patterns, rest)
}

// cutScheme cuts http:// or https:// off an URL that is long enough to be one.
func cutScheme(b []byte) ([]byte, bool) {
	if len(b) < len("http://i.ru") {
		return nil, false
	}
	for _, scheme := range []string{"http://", "https://"} {
		if field.EqualFold(b[:len(scheme)], scheme) {
			return b[len(scheme):], true
		}
	}
	return nil, false
}

func matchAny(r *http.Request, all []*vars.Pattern, b []byte) bool {
	for _, p := range all {
		_, ok, err := p.Find(nil, b)
		if err != nil {
			r.Log(logs.Error, err.Error())
		}
		if ok {
			return true
		}
	}
	return false
}
