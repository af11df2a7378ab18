package proxy

import (
	"bytes"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/vars"
)

// redirects is proxy_redirect.
type redirects struct {
	off  bool
	list []rewrite
}

// rewrites is proxy_cookie_domain or proxy_cookie_path. The first that fits is the one that works.
type rewrites struct {
	off  bool
	list []rewrite
}

// A rewrite replaces what a text begins with, or is, or what a regular expression matches in whole.
type rewrite struct {
	from  *http.Text // nil: the default of proxy_redirect, or a pattern
	regex *vars.Pattern
	slots []int
	to    *http.Text
	// byDefault stands for the URL of proxy_pass, which is known when the location is built.
	byDefault      bool
	fromURL, toURL []byte
}

// declareRedirect gives the named groups of a regular expression their variables.
func declareRedirect(call *conf.Call) error {
	if source, kind := cutPattern(call.Arg(0)); kind != patternNone && call.Len() == 2 {
		return http.DeclareCaptures(call, 0, source, kind == patternFold)
	}
	return nil
}

func addRedirect(c *proxyConf, call *conf.Call) error {
	first := call.Arg(0)
	if c.redirect.off {
		return call.Errorf(-1, "\"%s\" directive is duplicate", call.Name())
	}
	if call.Len() == 1 {
		switch first {
		case "off":
			if len(c.redirect.list) > 0 {
				return call.Errorf(-1, "\"%s\" directive is duplicate", call.Name())
			}
			c.redirect.off = true
			return nil
		case "default":
			if err := checkDefaultRedirect(call); err != nil {
				return err
			}
			c.redirect.list = append(c.redirect.list, rewrite{byDefault: true})
			return nil
		}
		return call.Errorf(0, "invalid parameter \"%s\"", first)
	}
	from, kind := cutPattern(first)
	w, err := newRewrite(call, from, kind, call.Arg(1))
	if err != nil {
		return err
	}
	c.redirect.list = append(c.redirect.list, w)
	return nil
}

// checkDefaultRedirect says whether there is a proxy_pass, before it in its block, for the default to
// refer to.
func checkDefaultRedirect(call *conf.Call) error {
	pass := call.Block().First("proxy_pass")
	for _, n := range call.Block().Nodes {
		if n == call.Node {
			pass = nil
			break
		}
		if n == pass {
			break
		}
	}
	switch {
	case pass == nil:
		return call.Errorf(-1, "\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive")
	case len(pass.Args()) > 0 && strings.Contains(pass.Args()[0].Text, "$"):
		return call.Errorf(-1, "\"proxy_redirect default\" cannot be used with \"proxy_pass\" directive with variables")
	}
	return nil
}

// cutPattern takes the mark of a regular expression off: "~" minds case, "~*" does not.
func cutPattern(s string) (pattern string, kind patternKind) {
	switch {
	case strings.HasPrefix(s, "~*"):
		return s[2:], patternFold
	case strings.HasPrefix(s, "~"):
		return s[1:], patternExact
	}
	return s, patternNone
}

type patternKind uint8

const (
	patternNone patternKind = iota
	patternExact
	patternFold
)

func newRewrite(call *conf.Call, from string, kind patternKind, to string) (w rewrite, err error) {
	if kind == patternNone {
		w.from, err = http.CompileText(call, 0, from)
	} else {
		w.regex, w.slots, err = compilePattern(call, from, kind == patternFold)
	}
	if err != nil {
		return w, err
	}
	w.to, err = http.CompileText(call, 1, to)
	return w, err
}

func compilePattern(call *conf.Call, src string, fold bool) (*vars.Pattern, []int, error) {
	p, err := http.Env(call).Vars.Pattern(src, fold)
	if err != nil {
		return nil, nil, call.Errorf(0, "%v", err)
	}
	slots, err := http.Env(call).Vars.DefineGroups(p)
	if err != nil {
		return nil, nil, call.Errorf(0, "%v", err)
	}
	return p, slots, nil
}

// forTarget completes the redirects of a location: the default is that of its proxy_pass.
func (d *redirects) forTarget(t *target) []rewrite {
	if d.off {
		return nil
	}
	list := d.list
	if len(list) == 0 && t.text == nil {
		list = []rewrite{{byDefault: true}}
	}
	out := make([]rewrite, 0, len(list))
	for _, w := range list {
		if !w.byDefault {
			out = append(out, w)
			continue
		}
		if t.uri != "" {
			w.fromURL, w.toURL = []byte(t.url), []byte(t.location)
		} else {
			w.fromURL, w.toURL = []byte(t.url+"/"), []byte("/")
		}
		out = append(out, w)
	}
	return out
}

// prefix changes the beginning of value[skip:], or all of it where a regular expression matches.
func (w *rewrite) prefix(r *http.Request, value []byte, skip int) ([]byte, bool) {
	text := value[skip:]
	n := len(text)
	var to []byte
	switch {
	case w.regex != nil:
		if ok, err := r.MatchPattern(w.regex, w.slots, text); err != nil || !ok {
			return value, false
		}
		to = r.Text(w.to)
	case w.byDefault:
		if !bytes.HasPrefix(text, w.fromURL) {
			return value, false
		}
		n, to = len(w.fromURL), w.toURL
	default:
		from := r.Text(w.from)
		if !bytes.HasPrefix(text, from) {
			return value, false
		}
		n, to = len(from), r.Text(w.to)
	}
	return r.Concat(value[:skip], to, text[n:]), true
}

// first applies the first of a list that fits.
func first(list []rewrite, r *http.Request, value []byte, skip int) ([]byte, bool) {
	for i := range list {
		if out, ok := list[i].prefix(r, value, skip); ok {
			return out, true
		}
	}
	return value, false
}

// refreshURL is where the address begins in a Refresh, -1 if it has none.
func refreshURL(value []byte) int {
	const mark = "url="
	if at := indexFold(value, mark); at >= 0 {
		return at + len(mark)
	}
	return -1
}

// indexFold is where a word is mentioned in a text, whatever its case, -1 if it is not.
func indexFold(text []byte, lower string) int {
	for i := 0; i+len(lower) <= len(text); i++ {
		if text[i]|0x20 == lower[0] && field.EqualFold(text[i:i+len(lower)], lower) {
			return i
		}
	}
	return -1
}
