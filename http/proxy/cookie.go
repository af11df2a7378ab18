package proxy

import (
	"bytes"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/vars"
)

// cookieFlags is one proxy_cookie_flags.
type cookieFlags struct {
	name  *http.Text
	regex *vars.Pattern
	slots []int
	flags []*http.Text
}

// A flag is a change of one attribute of a cookie.
type flag uint8

const (
	secureOn flag = 1 << iota
	secureOff
	httpOnlyOn
	httpOnlyOff
	sameSiteStrict
	sameSiteLax
	sameSiteNone
	sameSiteOff

	sameSiteSet = sameSiteStrict | sameSiteLax | sameSiteNone
)

// flagOf is the flag of a word, 0 for words that mean nothing.
func flagOf(word []byte) flag {
	switch strings.ToLower(string(word)) {
	case "secure":
		return secureOn
	case "nosecure":
		return secureOff
	case "httponly":
		return httpOnlyOn
	case "nohttponly":
		return httpOnlyOff
	case "samesite=strict":
		return sameSiteStrict
	case "samesite=lax":
		return sameSiteLax
	case "samesite=none":
		return sameSiteNone
	case "nosamesite":
		return sameSiteOff
	}
	return 0
}

// offOr handles the form with one word, which can only be "off", first and last in its block.
func offOr(call *conf.Call, off *bool, others int) (done bool, err error) {
	switch {
	case *off, call.Len() == 1 && call.Arg(0) == "off" && others > 0:
		return true, call.Errorf(-1, "\"%s\" directive is duplicate", call.Name())
	case call.Len() > 1:
		return false, nil
	case call.Arg(0) != "off":
		return true, call.Errorf(0, "invalid parameter \"%s\"", call.Arg(0))
	}
	*off = true
	return true, nil
}

func addCookieDomain(c *proxyConf, call *conf.Call) error {
	if done, err := offOr(call, &c.domains.off, len(c.domains.list)); done {
		return err
	}
	from, kind := call.Arg(0), patternNone
	to := call.Arg(1)
	if strings.HasPrefix(from, "~") {
		from, kind = from[1:], patternFold
	} else {
		from, to = strings.TrimPrefix(from, "."), strings.TrimPrefix(to, ".")
	}
	w, err := newRewrite(call, from, kind, to)
	c.domains.list = append(c.domains.list, w)
	return err
}

func addCookiePath(c *proxyConf, call *conf.Call) error {
	if done, err := offOr(call, &c.paths.off, len(c.paths.list)); done {
		return err
	}
	from, kind := cutPattern(call.Arg(0))
	w, err := newRewrite(call, from, kind, call.Arg(1))
	c.paths.list = append(c.paths.list, w)
	return err
}

func addCookieFlags(c *proxyConf, call *conf.Call) error {
	if done, err := offOr(call, &c.flagsOff, len(c.flags)); done {
		return err
	}
	var f cookieFlags
	var err error
	if src, ok := strings.CutPrefix(call.Arg(0), "~"); ok {
		f.regex, f.slots, err = compilePattern(call, src, true)
	} else {
		f.name, err = http.CompileText(call, 0, call.Arg(0))
	}
	for i := 1; i < call.Len() && err == nil; i++ {
		var x *http.Text
		x, err = http.CompileText(call, i, call.Arg(i))
		f.flags = append(f.flags, x)
	}
	c.flags = append(c.flags, f)
	return err
}

// An attr is "name=value" in a Set-Cookie; the first is the cookie itself.
type attr struct {
	name, value []byte
	bare        bool // without "="
	gone        bool
}

// parseCookie splits a Set-Cookie into its parts, without the blanks around them.
func parseCookie(dst []attr, value []byte) []attr {
	for {
		part, rest, more := bytes.Cut(value, []byte(";"))
		name, val, ok := bytes.Cut(part, []byte("="))
		dst = append(dst, attr{
			name: bytes.Trim(name, " "), value: bytes.Trim(val, " "), bare: !ok,
		})
		if !more {
			return dst
		}
		value = rest
	}
}

// hasCookieRules says whether Set-Cookie has to be looked into at all.
func (c *proxyConf) hasCookieRules() bool {
	return len(c.domains.list)+len(c.paths.list)+len(c.flags) > 0
}

// rewriteCookie changes a Set-Cookie as proxy_cookie_domain, _path and _flags say.
func (c *proxyConf) rewriteCookie(r *http.Request, value []byte) []byte {
	var room [8]attr
	attrs := parseCookie(room[:0], value)
	if attrs[0].bare {
		return value
	}
	changed := false
	for i := 1; i < len(attrs); i++ {
		a := &attrs[i]
		if a.bare {
			continue
		}
		var did bool
		switch {
		case field.EqualFold(a.name, "domain"):
			a.value, did = rewriteDomain(c.domains.list, r, a.value)
		case field.EqualFold(a.name, "path"):
			a.value, did = first(c.paths.list, r, a.value, 0)
		}
		changed = changed || did
	}
	if f := c.cookieFlags(r, attrs[0].name); f != 0 {
		attrs = editFlags(attrs, f)
		changed = true
	}
	if !changed {
		return value
	}
	return joinCookie(r, attrs, len(value))
}

// rewriteDomain replaces a whole domain, without its leading dot.
func rewriteDomain(list []rewrite, r *http.Request, value []byte) ([]byte, bool) {
	for i := range list {
		w := &list[i]
		if w.regex != nil {
			if out, ok := w.prefix(r, value, 0); ok {
				return out, true
			}
			continue
		}
		bare := bytes.TrimPrefix(value, []byte("."))
		if from := r.Text(w.from); bytes.EqualFold(from, bare) {
			return r.Concat(value[:len(value)-len(bare)], r.Text(w.to)), true
		}
	}
	return value, false
}

// cookieFlags is what the first rule that fits says of a cookie.
func (c *proxyConf) cookieFlags(r *http.Request, name []byte) (f flag) {
	for i := range c.flags {
		rule := &c.flags[i]
		if rule.regex != nil {
			if ok, err := r.MatchPattern(rule.regex, rule.slots, name); err != nil || !ok {
				continue
			}
		} else if !bytes.EqualFold(r.Text(rule.name), name) {
			continue
		}
		for _, x := range rule.flags {
			f |= flagOf(r.Text(x))
		}
		return f
	}
	return 0
}

// editFlags changes attributes that are there and adds those that are missing.
func editFlags(attrs []attr, f flag) []attr {
	for i := 1; i < len(attrs); i++ {
		a := &attrs[i]
		switch {
		case field.EqualFold(a.name, "secure"):
			a.gone = f&(secureOn|secureOff) == secureOff
			f &^= secureOn
		case field.EqualFold(a.name, "httponly"):
			a.gone = f&(httpOnlyOn|httpOnlyOff) == httpOnlyOff
			f &^= httpOnlyOn
		case field.EqualFold(a.name, "samesite"):
			want := sameSiteName(f)
			switch {
			case want == "":
				a.gone = f&sameSiteOff != 0
			case !field.EqualFold(a.value, want):
				*a = attr{name: []byte("SameSite"), value: []byte(want)}
			}
			f &^= f & sameSiteSet & -(f & sameSiteSet)
		}
	}
	if f&secureOn != 0 {
		attrs = append(attrs, attr{name: []byte("Secure"), bare: true})
	}
	if f&httpOnlyOn != 0 {
		attrs = append(attrs, attr{name: []byte("HttpOnly"), bare: true})
	}
	if want := sameSiteName(f); want != "" {
		attrs = append(attrs, attr{name: []byte("SameSite"), value: []byte(want)})
	}
	return attrs
}

// sameSiteName is the value that flags ask for; the strictest wins.
func sameSiteName(f flag) string {
	switch {
	case f&sameSiteStrict != 0:
		return "Strict"
	case f&sameSiteLax != 0:
		return "Lax"
	case f&sameSiteNone != 0:
		return "None"
	}
	return ""
}

// joinCookie writes the parts as one value, size being that of the original.
func joinCookie(r *http.Request, attrs []attr, size int) []byte {
	for i := range attrs {
		size += len(attrs[i].name) + len(attrs[i].value) + 3
	}
	b := r.Alloc(size)[:0]
	for i := range attrs {
		a := &attrs[i]
		if a.gone {
			continue
		}
		if i > 0 {
			b = append(b, "; "...)
		}
		b = append(b, a.name...)
		if !a.bare {
			b = append(append(b, '='), a.value...)
		}
	}
	return b
}
