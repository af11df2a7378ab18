package filter

import (
	"bytes"
	"fmt"

	"weir/http"
	"weir/logs"
)

// ssiVar is a variable that a page has set.
type ssiVar struct{ name, value []byte }

// ssiShared is what a page and those included in it have in common.
type ssiShared struct {
	vars   []ssiVar
	blocks []ssiBlock
	groups []int  // offset pairs into source: what a regular expression matched last
	source []byte // what it was matched with
}

// ssiBlock is a stretch of a page that stands in for others.
type ssiBlock struct {
	name []byte
	text []byte
}

func (h *ssiShared) reset() {
	clear(h.vars)
	clear(h.blocks)
	h.vars, h.blocks, h.groups, h.source = h.vars[:0], h.blocks[:0], h.groups[:0], nil
}

// set gives a variable a value; both must live as long as the main request.
func (h *ssiShared) set(name, value []byte) {
	if v := h.find(name); v != nil {
		v.value = value
		return
	}
	h.vars = append(h.vars, ssiVar{name, value})
}

func (h *ssiShared) find(name []byte) *ssiVar {
	for i := range h.vars {
		if bytes.Equal(h.vars[i].name, name) {
			return &h.vars[i]
		}
	}
	return nil
}

// group is the text of a group by its digit, if that is what name is.
func (h *ssiShared) group(name []byte) ([]byte, bool) {
	if len(name) != 1 || name[0] < '0' || name[0] > '9' {
		return nil, false
	}
	n := 2 * int(name[0]-'0')
	if n+1 >= len(h.groups) || h.groups[n] < 0 {
		return nil, false
	}
	return h.source[h.groups[n]:h.groups[n+1]], true
}

// variable is the value of a variable by its name in lower case: of a regular expression, of the page,
// or of the server.
func (g *page) variable(r *http.Request, name []byte) ([]byte, bool) {
	if v, ok := g.shared.group(name); ok {
		return v, true
	}
	if v := g.shared.find(name); v != nil {
		return v.value, true
	}
	v, known := r.App.Vars.Value(r, name)
	return v.B, known && !v.Missing
}

// appendText appends a value as it reads with its variables: $name or ${name}. A backslash takes the
// meaning off a dollar, a quote and a backslash.
func (g *page) appendText(dst []byte, r *http.Request, text []byte) ([]byte, error) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && isEscapable(text[i+1]):
			i++
			dst = append(dst, text[i])
		case c == '$':
			name, end, err := ssiVarName(text, i+1)
			if err != nil {
				return dst, err
			}
			v, _ := g.variable(r, r.Lower(name))
			dst = append(dst, v...)
			i = end - 1
		default:
			dst = append(dst, c)
		}
	}
	return dst, nil
}

func isEscapable(c byte) bool { return c == '$' || c == '"' || c == '\'' || c == '\\' }

// ssiVarName reads the name of a variable from text[at:]; end is behind it.
func ssiVarName(text []byte, at int) (name []byte, end int, err error) {
	braced := at < len(text) && text[at] == '{'
	if braced {
		at++
	}
	end = at
	for end < len(text) && isNameByte(text[end]) {
		end++
	}
	name = text[at:end]
	switch {
	case len(name) == 0:
		return nil, 0, fmt.Errorf("invalid variable name in \"%s\"", text)
	case !braced:
		return name, end, nil
	case end == len(text) || text[end] != '}':
		return nil, 0, fmt.Errorf("the closing bracket in \"%s\" variable is missing", name)
	}
	return name, end + 1, nil
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// text evaluates a value; the result lives as long as the main request. It is not ok, and why was
// logged, when the value is faulty.
func (g *page) text(r *http.Request, value []byte) ([]byte, bool) {
	buf := r.Loop().Take(1024)
	defer r.Loop().Give(buf)
	out, err := g.appendText(buf[:0], r, value)
	if err != nil {
		r.Log(logs.Error, err.Error())
		return nil, false
	}
	return r.Main().Copy(out), true
}

// truth evaluates the expression of an if: a text that is not empty, or a comparison with another text
// or with a regular expression between slashes.
func (g *page) truth(r *http.Request, expr []byte) (truth, ok bool) {
	left, right, op := splitExpr(expr)
	if op == opBad {
		return g.badExpr(r, expr)
	}
	value, ok := g.text(r, bytes.ToLower(left))
	if !ok {
		return false, false
	}
	if op == opNone {
		return len(value) > 0, true
	}
	var same bool
	switch {
	case len(right) > 1 && right[0] == '/':
		if right[len(right)-1] != '/' {
			return g.badExpr(r, expr)
		}
		same, ok = g.matches(r, value, right[1:len(right)-1])
	default:
		if len(right) > 1 && right[0] == '\\' && right[1] == '/' {
			right = right[1:]
		}
		var other []byte
		other, ok = g.text(r, right)
		same = bytes.Equal(value, other)
	}
	return same == (op == opEqual), ok
}

func (g *page) badExpr(r *http.Request, expr []byte) (truth, ok bool) {
	r.Logf(logs.Error, "invalid expression in \"%s\"", expr)
	return false, false
}

type ssiOp uint8

const (
	opNone ssiOp = iota
	opEqual
	opNotEqual
	opBad
)

// splitExpr splits an expression at its = or !=. The left side is of a few characters only; the right
// side goes on to the end, spaces and all.
func splitExpr(expr []byte) (left, right []byte, op ssiOp) {
	n := 0
	for n < len(expr) && (isNameByte(expr[n]) || bytes.IndexByte([]byte(`$'"{}`), expr[n]) >= 0) {
		n++
	}
	left, right = expr[:n], expr[n:]
	if n > 0 || len(right) == 0 || right[0] == '=' || right[0] == '!' {
		right = bytes.TrimLeft(right, " ")
		switch {
		case len(right) == 0:
			return left, nil, opNone
		case right[0] == '=':
			return left, bytes.TrimLeft(right[1:], " "), opEqual
		case bytes.HasPrefix(right, []byte("!=")):
			return left, bytes.TrimLeft(right[2:], " "), opNotEqual
		}
	}
	return nil, nil, opBad
}

// matches matches value with a regular expression, which may have variables of its own. Groups are kept
// for $1 and its kin, those with names as variables.
func (g *page) matches(r *http.Request, value, expr []byte) (found, ok bool) {
	source, ok := g.text(r, expr)
	if !ok {
		return false, false
	}
	p, err := g.conf.common.pattern(string(source))
	if err == nil {
		var groups []int
		groups, found, err = p.Find(g.scratch[:0], value)
		g.scratch = groups[:0]
		if found {
			g.keepGroups(r, p.Names(), groups, value)
		}
	}
	if err != nil {
		r.Log(logs.Error, err.Error())
		return false, false
	}
	return found, true
}

func (g *page) keepGroups(r *http.Request, names []string, groups []int, source []byte) {
	h := g.shared
	h.groups = append(h.groups[:0], groups...)
	h.source = source
	for i, name := range names {
		if name == "" || 2*i+1 >= len(groups) || groups[2*i] < 0 {
			continue
		}
		h.set(r.Main().Copy(bytes.ToLower([]byte(name))), source[groups[2*i]:groups[2*i+1]])
	}
}
