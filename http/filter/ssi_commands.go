package filter

import (
	"bytes"

	"weir/http"
	"weir/http/url"
	"weir/logs"
)

// A ssiKind is one of the commands.
type ssiKind struct {
	params []string // those it must have end in "!"
	run    func(g *page, r *http.Request) (ok bool, err error)
	// where in an if it must stand; 0 for anywhere
	branch ssiBranches
	ends   bool // it is carried out where nothing is shown
	blocks bool // it is carried out inside a block
}

// ssiBranches is a set of ssiBranch.
type ssiBranches uint8

// ssiKindOf finds a command by its name.
func ssiKindOf(name []byte) (k ssiKind, ok bool) {
	const behindIf, behindAny = 1 << insideIf, 1<<insideIf | 1<<insideElse
	switch string(name) {
	case "include":
		return ssiKind{params: []string{"virtual", "file", "wait", "set", "stub"}, run: (*page).include}, true
	case "echo":
		return ssiKind{params: []string{"var!", "default", "encoding"}, run: (*page).echo}, true
	case "set":
		return ssiKind{params: []string{"var!", "value!"}, run: (*page).set}, true
	case "config":
		return ssiKind{params: []string{"errmsg", "timefmt"}, run: (*page).config}, true
	case "if":
		return ssiKind{params: []string{"expr!"}, run: (*page).beginIf}, true
	case "elif":
		return ssiKind{params: []string{"expr!"}, run: (*page).elseIf, branch: behindIf, ends: true}, true
	case "else":
		return ssiKind{run: (*page).beginElse, branch: behindIf, ends: true}, true
	case "endif":
		return ssiKind{run: (*page).endIf, branch: behindAny, ends: true}, true
	case "block":
		return ssiKind{params: []string{"name!"}, run: (*page).beginBlock, blocks: true}, true
	case "endblock":
		return ssiKind{run: (*page).endBlock, ends: true, blocks: true}, true
	}
	return ssiKind{}, false
}

// command carries out the command that the scanner has found. An error means that the request is lost.
func (g *page) command(r *http.Request) error {
	s := &g.scan
	k, known := ssiKindOf(s.name)
	switch {
	case !known && (g.hidden || g.block >= 0):
		return nil
	case !known:
		r.Logf(logs.Error, "invalid SSI command: \"%s\"", s.name)
		g.complain(r)
		return nil
	case g.block >= 0 && !k.blocks:
		g.quote()
		return nil
	case k.branch != 0 && k.branch&(1<<g.branch) == 0:
		r.Logf(logs.Error, "invalid context of SSI command: \"%s\"", s.name)
		g.complain(r)
		return nil
	case g.hidden && !k.ends:
		return nil
	case !g.check(r, k.params):
		g.complain(r)
		return nil
	}
	ok, err := k.run(g, r)
	if !ok && err == nil {
		g.complain(r)
	}
	return err
}

// check holds the parameters against those that the command has.
func (g *page) check(r *http.Request, allowed []string) bool {
	s := &g.scan
	for i := range s.params {
		name := s.params[i].name
		if !allows(allowed, name) {
			r.Logf(logs.Error, "invalid parameter name: \"%s\" in \"%s\" SSI command", name, s.name)
			return false
		}
		for k := range i {
			if bytes.Equal(s.params[k].name, name) {
				r.Logf(logs.Error, "duplicate \"%s\" parameter in \"%s\" SSI command", name, s.name)
				return false
			}
		}
	}
	for _, name := range allowed {
		if n := len(name) - 1; name[n] == '!' {
			if _, ok := g.param(name[:n]); !ok {
				r.Logf(logs.Error, "mandatory \"%s\" parameter is absent in \"%s\" SSI command", name[:n], s.name)
				return false
			}
		}
	}
	return true
}

func allows(allowed []string, name []byte) bool {
	for _, a := range allowed {
		if n := len(a) - 1; a == string(name) || a[n] == '!' && a[:n] == string(name) {
			return true
		}
	}
	return false
}

// param is the value of a parameter, as written. It is the scanner's.
func (g *page) param(name string) ([]byte, bool) {
	for i := range g.scan.params {
		if p := &g.scan.params[i]; string(p.name) == name {
			return p.value, true
		}
	}
	return nil, false
}

// quote writes a command into the block as it was, to be carried out where the block is used.
func (g *page) quote() {
	b := &g.shared.blocks[g.block]
	t := append(append(b.text, ssiMark...), g.scan.name...)
	for i := range g.scan.params {
		p := &g.scan.params[i]
		t = append(append(append(t, ' '), p.name...), '=', p.quote)
		t = append(append(t, p.value...), p.quote)
	}
	b.text = append(t, " -->"...)
}

// echo shows a variable.
func (g *page) echo(r *http.Request) (bool, error) {
	name, _ := g.param("var")
	value, ok := g.variable(r, r.Lower(name))
	if !ok {
		if value, ok = g.param("default"); !ok {
			value = []byte("(none)")
		}
	}
	if encoding, ok := g.param("encoding"); ok {
		g.setEncoding(r, encoding)
	}
	switch g.encoding {
	case ssiPlain:
		g.print(r.Main().Copy(value))
	case ssiURL:
		g.print(url.AppendEscaped(r.Main().Alloc(3 * len(value))[:0], value, escapeSSI))
	default:
		g.print(appendEntities(r.Main().Alloc(entitiesLen(value))[:0], value))
	}
	return true, nil
}

// ssiEncoding is how echo shows a value.
type ssiEncoding uint8

const (
	ssiEntity ssiEncoding = iota
	ssiPlain
	ssiURL
)

// setEncoding sets the encoding for this echo and, as in nginx, for those behind it that name none.
func (g *page) setEncoding(r *http.Request, name []byte) {
	switch string(name) {
	case "none":
		g.encoding = ssiPlain
	case "url":
		g.encoding = ssiURL
	case "entity":
		g.encoding = ssiEntity
	default:
		r.Logf(logs.Error, "unknown encoding \"%s\" in the \"echo\" command", name)
	}
}

// escapeSSI is what encoding="url" escapes.
const escapeSSI url.EscapeSet = " \"#%'<>\\^`{|}"

func entity(c byte) string {
	switch c {
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '&':
		return "&amp;"
	case '"':
		return "&quot;"
	}
	return ""
}

func entitiesLen(b []byte) int {
	n := len(b)
	for _, c := range b {
		n += max(len(entity(c))-1, 0)
	}
	return n
}

func appendEntities(dst, b []byte) []byte {
	for _, c := range b {
		if e := entity(c); e != "" {
			dst = append(dst, e...)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// set gives a variable a value.
func (g *page) set(r *http.Request) (bool, error) {
	name, _ := g.param("var")
	text, _ := g.param("value")
	value, ok := g.text(r, text)
	if ok {
		g.shared.set(r.Main().Copy(r.Lower(name)), value)
	}
	return ok, nil
}

// config sets the error message and the format of dates.
func (g *page) config(r *http.Request) (bool, error) {
	if v, ok := g.param("timefmt"); ok {
		g.timefmt = r.Main().Copy(v)
	}
	if v, ok := g.param("errmsg"); ok {
		g.errmsg, g.hasError = r.Main().Copy(v), true
	}
	return true, nil
}

func (g *page) beginIf(r *http.Request) (bool, error) {
	if g.branch != outsideIf {
		r.Log(logs.Error, "the \"if\" command inside the \"if\" command")
		return false, nil
	}
	expr, _ := g.param("expr")
	truth, ok := g.truth(r, expr)
	if ok {
		g.branch, g.taken, g.hidden = insideIf, truth, !truth
	}
	return ok, nil
}

func (g *page) elseIf(r *http.Request) (bool, error) {
	if g.taken {
		g.hidden = true
		return true, nil
	}
	expr, _ := g.param("expr")
	truth, ok := g.truth(r, expr)
	if ok {
		g.taken, g.hidden = truth, !truth
	}
	return ok, nil
}

func (g *page) beginElse(*http.Request) (bool, error) {
	g.hidden, g.branch = g.taken, insideElse
	return true, nil
}

func (g *page) endIf(*http.Request) (bool, error) {
	g.hidden, g.branch = false, outsideIf
	return true, nil
}

// beginBlock has what follows kept for a stub. A block inside a block ends that one.
func (g *page) beginBlock(r *http.Request) (bool, error) {
	name, _ := g.param("name")
	g.block = len(g.shared.blocks)
	g.shared.blocks = append(g.shared.blocks, ssiBlock{name: r.Main().Copy(name)})
	return true, nil
}

func (g *page) endBlock(*http.Request) (bool, error) {
	g.block, g.hidden = -1, false
	return true, nil
}
