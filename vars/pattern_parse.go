package vars

import (
	"fmt"
	"strings"
)

// translation is a PCRE pattern rewritten for both engines. Groups are without names there: both count
// them alike, and references are by number.
type translation struct {
	std, exact []byte
	names      []string
	backtrack  bool // only exact says it all
	newline    bool // exact and std differ for texts that end in a newline
}

// flags are the options of a pattern, which groups set and restore.
type flags struct{ fold, lines, dotAll, spaced, spacedClass, lazy, noCapture bool }

// group is an open parenthesis.
type group struct {
	flags flags
	at    mark
}

// mark is a place in both outputs.
type mark struct{ std, exact int }

// parser rewrites one pattern. Errors are thrown by fail and caught in translate.
type parser struct {
	translation
	src     string
	pos     int
	flags   flags
	open    []group
	atom    mark // where the last atom began
	hasAtom bool
	refs    []reference
}

// reference is a use of a group, to be checked when all groups are known.
type reference struct{ number, pos int }

// maxNesting is PCRE's own limit of parentheses inside each other.
const maxNesting = 250

// translate reads a pattern.
func translate(src string, fold bool) (t *translation, err error) {
	p := &parser{src: src}
	p.names = []string{""}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *patternError:
			t, err = nil, e
		default:
			panic(e)
		}
	}()
	if fold {
		p.emit("(?i)")
		p.flags.fold = true
	}
	for p.pos < len(src) {
		p.item()
	}
	if len(p.open) > 0 {
		p.fail(len(src), "missing closing parenthesis")
	}
	for _, r := range p.refs {
		if r.number >= len(p.names) || r.number <= 0 {
			p.fail(r.pos, "reference to non-existent subpattern")
		}
	}
	return &p.translation, nil
}

// patternError says what is wrong, in PCRE's words and nginx's frame.
type patternError struct{ text string }

func (e *patternError) Error() string { return e.text }

func (p *parser) fail(at int, what string) {
	text := fmt.Sprintf(`pcre2_compile() failed: %s in "%s"`, what, p.src)
	if at < len(p.src) {
		text += fmt.Sprintf(` at "%s"`, p.src[at:])
	}
	panic(&patternError{text})
}

// refuse ends the translation at something PCRE knows and weir does not.
func (p *parser) refuse(what string) {
	panic(&patternError{fmt.Sprintf(`the regular expression "%s" uses %s, which weir does not support`, p.src, what)})
}

func (p *parser) emit(s string) {
	p.std = append(p.std, s...)
	p.exact = append(p.exact, s...)
}

func (p *parser) emitBoth(std, exact string) {
	p.std = append(p.std, std...)
	p.exact = append(p.exact, exact...)
}

func (p *parser) here() mark { return mark{len(p.std), len(p.exact)} }

// begin notes that an atom follows, which a quantifier may repeat.
func (p *parser) begin() {
	p.atom = p.here()
	p.hasAtom = true
}

func (p *parser) literal(b byte) {
	p.begin()
	p.std = appendLiteral(p.std, b)
	p.exact = appendLiteral(p.exact, b)
}

func (p *parser) class(s byteSet, negated bool) {
	p.begin()
	p.std = appendClass(p.std, s, negated)
	p.exact = appendClass(p.exact, s, negated)
}

// take moves past s if it comes next.
func (p *parser) take(s string) bool {
	if strings.HasPrefix(p.src[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

// item reads the next piece of the pattern.
func (p *parser) item() {
	c := p.src[p.pos]
	p.pos++
	switch c {
	case '\\':
		p.escape()
	case '[':
		p.readClass()
	case '(':
		p.openGroup()
	case ')':
		p.closeGroup()
	case '|':
		p.emit("|")
		p.hasAtom = false
	case '.':
		p.begin()
		if p.flags.dotAll {
			p.emit("(?s:.)")
		} else {
			p.emit(".")
		}
	case '^':
		p.hasAtom = false
		if p.flags.lines {
			p.newline = true
			p.emitBoth("(?m:^)", `(?:\A|(?<=\n)(?!\z))`)
		} else {
			p.emit(`\A`)
		}
	case '$':
		p.dollar(p.flags.lines)
	case '*', '+', '?':
		p.quantifier(string(c))
	case '{':
		if q, ok := p.braces(); ok {
			p.quantifier(q)
		} else {
			p.literal(c)
		}
	default:
		if p.flags.spaced && (c == '#' || strings.IndexByte(" \t\n\v\f\r", c) >= 0) {
			p.skipSpaced(c)
			return
		}
		p.literal(c)
	}
}

// dollar writes "$". Go's knows no final newline; texts that have one go to the exact form.
func (p *parser) dollar(lines bool) {
	p.hasAtom = false
	if lines {
		p.emitBoth("(?m:$)", `(?=\n|\z)`)
		return
	}
	p.newline = true
	p.emitBoth("$", `(?=\n?\z)`)
}

// skipSpaced skips white space and comments of the option x.
func (p *parser) skipSpaced(c byte) {
	if c != '#' {
		return
	}
	if i := strings.IndexByte(p.src[p.pos:], '\n'); i >= 0 {
		p.pos += i + 1
	} else {
		p.pos = len(p.src)
	}
}

// braces reads what follows "{" if it is a quantifier; else "{" stands for itself.
func (p *parser) braces() (q string, ok bool) {
	end := strings.IndexByte(p.src[p.pos:], '}')
	if end < 0 {
		return "", false
	}
	low, high, ranged := strings.Cut(p.src[p.pos:p.pos+end], ",")
	if low == "" || !isNumber(low) || !isNumber(high) {
		return "", false
	}
	last := p.pos + end
	a, b := p.count(low, last), p.count(high, last)
	if ranged && high != "" && b < a {
		p.fail(last, "numbers out of order in {} quantifier")
	}
	p.pos = last + 1
	switch {
	case !ranged:
		return fmt.Sprintf("{%d}", a), true
	case high == "":
		return fmt.Sprintf("{%d,}", a), true
	}
	return fmt.Sprintf("{%d,%d}", a, b), true
}

// bracesFollow reports whether a quantifier in braces stands here.
func (p *parser) bracesFollow() bool {
	at := p.pos
	p.pos++
	_, ok := p.braces()
	p.pos = at
	return ok
}

// isNumber accepts the empty text too.
func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

func (p *parser) count(digits string, at int) int {
	n := 0
	for i := range len(digits) {
		if n = n*10 + int(digits[i]-'0'); n > 65535 {
			p.fail(at, "number too big in {} quantifier")
		}
	}
	return n
}

// quantifier writes a repetition; a possessive one becomes an atomic group.
func (p *parser) quantifier(q string) {
	if !p.hasAtom {
		p.fail(p.pos-1, "quantifier does not follow a repeatable item")
	}
	p.hasAtom = false
	if p.take("+") {
		p.backtrack = true
		p.exact = append(p.exact, "   "...)
		copy(p.exact[p.atom.exact+3:], p.exact[p.atom.exact:])
		copy(p.exact[p.atom.exact:], "(?>")
		p.emit(q + ")")
		return
	}
	if p.take("?") != p.flags.lazy {
		q += "?"
	}
	p.emit(q)
}
