package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"weir/conf"
	"weir/upstream"
)

// parameters are what a request says of a server.
type parameters struct {
	server, service *string
	backup          *bool
	upstream.Change
}

func badParameter(code, text string) *answer {
	a := refuse(400, code, text)
	return &a
}

// readParameters reads the body of a request. What is said twice counts as it was said last.
func readParameters(body []byte) (*parameters, *answer) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var values map[string]any
	err := d.Decode(&values)
	if e := (*json.UnmarshalTypeError)(nil); errors.As(err, &e) || err == nil && values == nil {
		return nil, badParameter("UpstreamConfFormatError", "nested object or list")
	}
	if _, end := d.Token(); err != nil || end != io.EOF {
		a := refuse(415, "JsonError", "json error")
		return nil, &a
	}
	p := &parameters{}
	for name, v := range values {
		switch v.(type) {
		case map[string]any, []any:
			return nil, badParameter("UpstreamConfFormatError", "nested object or list")
		}
		if bad := p.read(name, v); bad != nil {
			return nil, bad
		}
	}
	return p, nil
}

// read takes one parameter in.
func (p *parameters) read(name string, v any) (bad *answer) {
	switch name {
	case "id", "parent", "host": // of a server as it was read: they cannot be changed
		return nil
	case "server":
		p.server, bad = text(name, v, "UpstreamBadAddress", func(s string) bool { return s != "" && printable(s) })
	case "service":
		if p.service, bad = text(name, v, "UpstreamBadService", printable); bad == nil && *p.service == "" {
			return badParameter("UpstreamBadService", "\"service\" is empty")
		}
	case "weight":
		p.Weight, bad = number(name, v, "UpstreamBadWeight", 1)
	case "max_conns":
		p.MaxConns, bad = number(name, v, "UpstreamBadMaxConns", 0)
	case "max_fails":
		p.MaxFails, bad = number(name, v, "UpstreamBadMaxFails", 0)
	case "fail_timeout":
		p.FailTimeout, bad = span(name, v, "UpstreamBadFailTimeout", conf.ParseSeconds)
	case "slow_start":
		p.SlowStart, bad = span(name, v, "UpstreamBadSlowStart", conf.ParseTime)
	case "route":
		if p.Route, bad = text(name, v, "UpstreamBadRoute", printable); bad == nil && len(*p.Route) > longestRoute {
			return badParameter("UpstreamBadRoute", "route is too long")
		}
	case "backup":
		p.backup, bad = flag(name, v)
	case "down":
		p.Down, bad = flag(name, v)
	case "drain":
		p.Drain, bad = flag(name, v)
	default:
		return badParameter("UpstreamConfFormatError", "unknown parameter \""+name+"\"")
	}
	return bad
}

// longestRoute is that of the server directive.
const longestRoute = 32

func wrongKind(name string) *answer {
	return badParameter("UpstreamConfFormatError", "invalid \""+name+"\" value")
}

func text(name string, v any, code string, ok func(string) bool) (*string, *answer) {
	s, is := v.(string)
	switch {
	case !is:
		return nil, wrongKind(name)
	case !ok(s):
		return nil, badParameter(code, "invalid \""+name+"\"")
	}
	return &s, nil
}

// printable keeps out what does not belong into a line of a file.
func printable(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }) < 0
}

func number(name string, v any, code string, least int) (*int, *answer) {
	n, is := v.(json.Number)
	if !is {
		return nil, wrongKind(name)
	}
	i, err := conf.ParseInt(n.String())
	if err != nil || i < least {
		return nil, badParameter(code, "invalid \""+name+"\"")
	}
	return &i, nil
}

// span reads a time, as a directive has it or as a number of seconds.
func span(name string, v any, code string, parse func(string) (time.Duration, error)) (*time.Duration, *answer) {
	s, is := v.(string)
	if n, ok := v.(json.Number); ok {
		s, is = n.String(), true
	}
	if !is {
		return nil, wrongKind(name)
	}
	d, err := parse(s)
	if err != nil {
		return nil, badParameter(code, "invalid \""+name+"\"")
	}
	return &d, nil
}

func flag(name string, v any) (*bool, *answer) {
	b, is := v.(bool)
	if !is {
		return nil, wrongKind(name)
	}
	return &b, nil
}
