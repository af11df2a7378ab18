package proxy

import (
	"bytes"
	"slices"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// A paramConf is one fastcgi_param, uwsgi_param or scgi_param.
type paramConf struct {
	name      string
	value     *http.Text
	skipEmpty bool // if_not_empty
}

// paramDirective is fastcgi_param and its kin.
func paramDirective[C any](prefix string, of func(*C) *[]paramConf) conf.Directive[C] {
	return conf.Directive[C]{
		Name: prefix + "param", In: inLoc, Repeat: true, Syntax: "<name:string> <value:text> [if_not_empty]",
		Doc: `A parameter of requests to the peer; with **if_not_empty** only if it has a value.

A parameter named HTTP_… takes the place of the client's field of that name; with an empty value there is neither.
Parameters of outer blocks hold only where a block sets none itself.`,
		Example: prefix + "param QUERY_STRING $query_string;",
		Set: func(c *C, call *conf.Call) error {
			value, err := http.CompileText(call, 1, call.Arg(1))
			if err != nil {
				return err
			}
			list := of(c)
			*list = append(*list, paramConf{call.Arg(0), value, call.Len() == 3})
			return nil
		},
	}
}

// params are what requests to peers of a location say in the way of CGI (RFC 3875, section 4.1): the parameters that
// are configured, then the client's fields as HTTP_….
type params struct {
	list []paramConf
	// covered are the fields, as in HTTP_…, that are not passed on because there is a parameter of that name.
	covered []string
	fields  bool // the client's fields are passed on
}

// newParams completes the parameters of a location. Host is that of the request, whatever the client's field was,
// unless there is a parameter HTTP_HOST.
//
// cached are the parameters of requests whose responses may be stored; nil where there is no cache.
func newParams(in *http.Install, prefix string, list []paramConf, c *upstreamConf) (plain, cached *params, err error) {
	if plain, err = paramsOf(in, list, c); err != nil || !c.Cache.On {
		return plain, nil, err
	}
	if c.Cache.Key == nil {
		in.Builder.Diags.Warn(in.Block.Nearest(prefix+"cache"), -1, "no \"%scache_key\" for \"%scache\"", prefix, prefix)
	}
	for _, f := range conditionFields {
		name := "HTTP_" + strings.ToUpper(strings.ReplaceAll(f.id.String(), "-", "_"))
		if slices.ContainsFunc(list, func(p paramConf) bool { return strings.EqualFold(p.name, name) }) {
			continue
		}
		text, err := in.Builder.Vars.Compile(f.value)
		if err != nil {
			return nil, nil, err
		}
		list = append(list[:len(list):len(list)], paramConf{name, text, true})
	}
	cached, err = paramsOf(in, list, c)
	return plain, cached, err
}

func paramsOf(in *http.Install, list []paramConf, c *upstreamConf) (*params, error) {
	const host = "HTTP_HOST"
	p := &params{fields: c.PassHeaders}
	own := false
	for _, one := range list {
		own = own || strings.EqualFold(one.name, host)
		name, isField := strings.CutPrefix(one.name, "HTTP_")
		if isField && name != "" {
			p.covered = append(p.covered, name)
			if text, ok := one.value.Const(); ok && text == "" {
				continue
			}
		}
		p.list = append(p.list, one)
	}
	if own {
		return p, nil
	}
	text, err := in.Builder.Vars.Compile("$host$is_request_port$request_port")
	if err != nil {
		return nil, err
	}
	p.list = append(p.list, paramConf{host, text, true})
	p.covered = append(p.covered, host[len("HTTP_"):])
	return p, nil
}

// A paramCoding is how a protocol writes parameters: begin appends what goes before a name of n bytes, middle what
// goes between name and value, and end completes a parameter whose name and value begin at these offsets of b.
type paramCoding struct {
	protocol string // for the debug log
	begin    func(b []byte, n int) []byte
	middle   func(b []byte) []byte
	end      func(b []byte, name, value int) []byte
}

// append appends all parameters of a request to b.
func (p *params) append(b []byte, r *http.Request, coding *paramCoding) []byte {
	for i := range p.list {
		one := &p.list[i]
		start := len(b)
		b = coding.begin(b, len(one.name))
		name := len(b)
		b = coding.middle(append(b, one.name...))
		value := len(b)
		b = one.value.Append(b, r)
		if one.skipEmpty && len(b) == value {
			b = b[:start]
			continue
		}
		if r.Debugs() {
			r.Debugf("%s param: \"%s: %s\"", coding.protocol, one.name, b[value:])
		}
		b = coding.end(b, name, value)
	}
	if p.fields {
		b = p.appendFields(b, r, coding)
	}
	return b
}

func (p *params) appendFields(b []byte, r *http.Request, coding *paramCoding) []byte {
	const prefix = "HTTP_"
	for i := range r.In {
		f := &r.In[i]
		if p.covers(f.Name) || earlier(r.In[:i], f) {
			continue
		}
		b = coding.begin(b, len(prefix)+len(f.Name))
		name := len(b)
		b = coding.middle(appendUpper(append(b, prefix...), f.Name))
		value := len(b)
		b = appendOthers(append(b, f.Value...), r.In[i+1:], f)
		if r.Debugs() {
			r.Debugf("%s param: \"%s: %s\"", coding.protocol, b[name:name+len(prefix)+len(f.Name)], b[value:])
		}
		b = coding.end(b, name, value)
	}
	return b
}

// covers reports whether there is a parameter in place of a field.
func (p *params) covers(name []byte) bool {
	for _, c := range p.covered {
		if sameParam(c, name) {
			return true
		}
	}
	return false
}

// sameParam compares the name of a parameter with that of a field, which has dashes for underscores.
func sameParam(param string, name []byte) bool {
	if len(param) != len(name) {
		return false
	}
	for i, c := range name {
		if c == '-' {
			c = '_'
		}
		if lower(c) != lower(param[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// appendUpper appends a field's name as CGI has it.
func appendUpper(b, name []byte) []byte {
	for _, c := range name {
		switch {
		case 'a' <= c && c <= 'z':
			c &^= 0x20
		case c == '-':
			c = '_'
		}
		b = append(b, c)
	}
	return b
}

// sameField says that two fields have the same name.
func sameField(f, g *http.Field) bool {
	if f.ID != field.Unknown || g.ID != field.Unknown {
		return f.ID == g.ID
	}
	return bytes.EqualFold(f.Name, g.Name)
}

// earlier says that a field of this name was there before, and so has this one's value with its own.
func earlier(before http.Fields, f *http.Field) bool {
	for i := range before {
		if sameField(&before[i], f) {
			return true
		}
	}
	return false
}

// appendOthers appends the values of further fields of the same name.
func appendOthers(b []byte, rest http.Fields, f *http.Field) []byte {
	for i := range rest {
		if sameField(&rest[i], f) {
			separator := ", "
			if f.ID == field.Cookie {
				separator = "; "
			}
			b = append(append(b, separator...), rest[i].Value...)
		}
	}
	return b
}

// tooBig is for requests whose parameters are more than the protocol can carry.
func tooBig(r *http.Request, what string, size int) http.Verdict {
	r.Logf(logs.Alert, "%s is too big: %d", what, size)
	return http.StatusInternal
}

// choose returns the parameters of a request.
func choose(c *call, plain, cached *params) *params {
	if c.caching {
		return cached
	}
	return plain
}
