package upstream

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
	"time"

	"weir/conf"
	"weir/load"
	"weir/zone"
)

// Sticky is how a group ties clients to servers. The texts have $variables; the http layer compiles them.
type Sticky struct {
	Node *conf.Node // the directive, for errors in its texts

	// Lookup are texts; the first that is not empty names a server, or with Sessions a session.
	Lookup []string

	// Of "cookie": it is set in every response. Name is "" for the others.
	Name     string
	Domain   string // text
	Path     string
	Expires  time.Duration // NoExpires: the cookie lives as long as the browser; MaxExpires
	SameSite string        // text
	HTTPOnly bool
	Secure   bool

	// Of "learn".
	Sessions *Sessions
	Create   []string // texts; the first that is not empty names a session, to be remembered
	Header   bool     // it is remembered when the head of the response has come, not at its end
	Timeout  time.Duration
}

const (
	// NoExpires says that a cookie has no time.
	NoExpires time.Duration = -1
	// MaxExpires is expires=max: the end of 2037, ten years.
	MaxExpires time.Duration = 1<<63 - 1
)

// StickyModule makes the table of nginx's ngx_http_upstream_sticky_module.
func StickyModule() *conf.Module {
	return conf.Define("http_upstream_sticky", "Ties clients to servers of a group.", []conf.Directive[settings]{{
		Name: "sticky",
		In:   conf.Upstream,
		Syntax: "! 2- cookie <name> [expires=<time> | expires=max] [domain=<domain:text>] [httponly] [samesite=<samesite:text>] [secure] [path=<path>]" +
			"\n! 2- route $<variable> ..." +
			"\n! 2- learn create=$<variable> ... lookup=$<variable> ... zone=<name>:<size> [timeout=<time>] [header] [sync]",
		Declare: onSpec(declareSticky),
		Doc: `Has a client's further requests go to the server that answered the first, as long as that server can be used.

With **cookie**, the response says in a cookie which server it was; the cookie has no time unless **expires** gives it one. With **route**, the first of
some variables that is not empty is the *route* of a server. With **learn**, the server's own sessions are watched: what the first variable of **create** that is
not empty has after a response is remembered with the server, and looked for in the variables of **lookup**. A session that is not used for
*timeout* (10 minutes) is forgotten; with **header** it is remembered as soon as the head of the response has come. **sync** is accepted and has no effect.

The server of a route, of a cookie or of a session is known by its *route*, or by a hash of its address. It gets requests that are tied to it
even when it is marked "drain".`,
		Example: "upstream app { server 127.0.0.1:8081; server 127.0.0.1:8082; sticky cookie srv_id expires=1h path=/; }",
	}})
}

func declareSticky(s *Spec, c *conf.Call) error {
	t := &Sticky{Node: c.Node, Expires: NoExpires}
	s.Sticky = t
	switch c.Arg(0) {
	case "cookie":
		return t.cookie(c)
	case "route":
		for i := 1; i < c.Len(); i++ {
			if !strings.HasPrefix(c.Arg(i), "$") {
				return c.Errorf(i, "invalid variable name %s", quote(c.Arg(i)))
			}
			t.Lookup = append(t.Lookup, variable(c.Arg(i)[1:]))
		}
		return nil
	case "learn":
		return t.learn(s, c)
	}
	return c.Errorf(0, "unknown parameter %s", quote(c.Arg(0)))
}

// variable is the text of one variable.
func variable(name string) string { return "${" + name + "}" }

// wrong is an error of a parameter that nginx words after the directive.
func wrong(c *conf.Call, arg int, what string) error {
	return c.Errorf(arg, "\"sticky\" directive %s", what)
}

func (t *Sticky) cookie(c *conf.Call) error {
	t.Name = c.Arg(1)
	if t.Name == "" {
		return wrong(c, 1, "empty cookie name")
	}
	t.Lookup = []string{variable("cookie_" + t.Name)}
	for i := 2; i < c.Len(); i++ {
		if err := t.cookieParameter(c, i); err != nil {
			return err
		}
	}
	return nil
}

func (t *Sticky) cookieParameter(c *conf.Call, i int) error {
	key, value, has := strings.Cut(c.Arg(i), "=")
	twice := func(is bool) error {
		if is {
			return wrong(c, i, "parameter \""+key+"\" is duplicate")
		}
		return nil
	}
	text := func(p *string) error {
		if err := twice(*p != ""); err != nil {
			return err
		}
		if value == "" {
			return wrong(c, i, "no value for \""+key+"\"")
		}
		*p = value
		return nil
	}
	switch {
	case has && key == "domain":
		return text(&t.Domain)
	case has && key == "path":
		return text(&t.Path)
	case has && key == "expires":
		if err := twice(t.Expires != NoExpires); err != nil {
			return err
		}
		t.Expires = MaxExpires
		if value != "max" {
			var err error
			if t.Expires, err = conf.ParseSeconds(value); err != nil {
				return wrong(c, i, "invalid \"expires\" parameter value")
			}
		}
		return nil
	case has && key == "samesite":
		if err := twice(t.SameSite != ""); err != nil {
			return err
		}
		if !strings.Contains(value, "$") && !IsSameSite(value) {
			return wrong(c, i, "invalid \"samesite\" parameter value")
		}
		t.SameSite = value
		return nil
	case !has && key == "httponly":
		err := twice(t.HTTPOnly)
		t.HTTPOnly = true
		return err
	case !has && key == "secure":
		err := twice(t.Secure)
		t.Secure = true
		return err
	}
	return c.Errorf(i, "unknown parameter %s", quote(c.Arg(i)))
}

// IsSameSite reports whether a value is one that a cookie's samesite may have.
func IsSameSite[T string | []byte](value T) bool {
	switch strings.ToLower(string(value)) {
	case "strict", "lax", "none":
		return true
	}
	return false
}

func (t *Sticky) learn(s *Spec, c *conf.Call) error {
	name, size, timeout := "", int64(0), time.Duration(0)
	for i := 1; i < c.Len(); i++ {
		key, value, has := strings.Cut(c.Arg(i), "=")
		var err error
		switch {
		case has && key == "zone":
			name, size, err = sessionZone(c, i, value, size)
		case has && key == "timeout":
			if timeout != 0 {
				return wrong(c, i, "duplicate timeout")
			}
			if timeout, err = conf.ParseTime(value); err != nil || timeout == 0 {
				return wrong(c, i, "invalid timeout")
			}
		case has && (key == "create" || key == "lookup"):
			if !strings.HasPrefix(value, "$") {
				return wrong(c, i, "missing variable in the \""+key+"\" parameter")
			}
			list := &t.Create
			if key == "lookup" {
				list = &t.Lookup
			}
			*list = append(*list, variable(value[1:]))
		case !has && key == "header":
			t.Header = true
		case !has && key == "sync":
		default:
			return c.Errorf(i, "unknown parameter %s", quote(c.Arg(i)))
		}
		if err != nil {
			return err
		}
	}
	for _, p := range []struct {
		missing bool
		name    string
	}{{len(t.Lookup) == 0, "lookup"}, {len(t.Create) == 0, "create"}, {size == 0, "zone"}} {
		if p.missing {
			return wrong(c, -1, "\""+p.name+"\" parameter is not specified")
		}
	}
	if timeout == 0 {
		timeout = 10 * time.Minute
	}
	z, err := load.Of(c).Zones.Declare(name, size, sessionUse)
	if err != nil {
		return c.Errorf(-1, "%v", err)
	}
	if by, ok := z.Declared.(*Spec); ok {
		return c.Errorf(-1, "sticky zone %s is already used in upstream %s", quote(name), quote(by.Name))
	}
	z.Declared = s
	t.Sessions, _ = zone.State(z, func(size int64) *Sessions { return newSessions(size, s.Name) })
	if before := t.Sessions.Of; before != s.Name {
		return c.Errorf(-1, "sticky zone %s is used in upstream %s while previously it was used in upstream %s", quote(name), quote(s.Name), quote(before)).Unplaced()
	}
	t.Timeout = timeout
	return nil
}

// sessionUse is what a zone of shared memory is for here.
const sessionUse = "sticky"

func sessionZone(c *conf.Call, i int, value string, had int64) (name string, size int64, err error) {
	if had != 0 {
		return "", 0, wrong(c, i, "duplicate zone")
	}
	name, text, ok := strings.Cut(value, ":")
	if !ok {
		return "", 0, wrong(c, i, "zone size is not specified")
	}
	if name == "" {
		return "", 0, wrong(c, i, "zone name is not specified")
	}
	if size, err = conf.ParseSize(text); err != nil {
		return "", 0, wrong(c, i, "invalid zone size")
	}
	if size < smallestZone {
		return "", 0, wrong(c, i, "zone is too small")
	}
	return name, size, nil
}

// sid is how clients know a peer: by its route, or by a hash of its address.
func sid(route, name string) string {
	if route != "" {
		return route
	}
	sum := md5.Sum([]byte(name))
	return hex.EncodeToString(sum[:])
}
