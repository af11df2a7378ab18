package conf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A syntaxParser reads one form.
type syntaxParser struct {
	s     string
	pos   int
	block bool
}

func (p *syntaxParser) blank() {
	for p.pos < len(p.s) && (p.s[p.pos] == ' ' || p.s[p.pos] == '\t') {
		p.pos++
	}
}

// elems reads elements up to the end, or to the ] of a bracket.
func (p *syntaxParser) elems(inside bool) ([]*elem, error) {
	var list []*elem
	for {
		p.blank()
		switch rest := p.s[p.pos:]; {
		case rest == "" && inside:
			return nil, fmt.Errorf("no ]")
		case rest == "":
			return list, nil
		case rest[0] == ']':
			if !inside {
				return nil, fmt.Errorf("] without [")
			}
			p.pos++
			return list, nil
		case rest[0] == '{':
			p.block = true
			p.pos = len(p.s) // what is inside is for people
			if inside {
				return nil, fmt.Errorf("{ in brackets")
			}
		case strings.HasPrefix(rest, "..."):
			if len(list) == 0 {
				return nil, errors.New("... without a word before it")
			}
			p.pos += 3
			last := list[len(list)-1]
			last.rep, last.times = true, p.number()
		default:
			e, err := p.choice()
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
	}
}

// number reads digits, if there are any.
func (p *syntaxParser) number() int {
	n := 0
	for p.pos < len(p.s) && p.s[p.pos] >= '0' && p.s[p.pos] <= '9' {
		n = n*10 + int(p.s[p.pos]-'0')
		p.pos++
	}
	return n
}

// choice reads a | b | c, or a bracket.
func (p *syntaxParser) choice() (*elem, error) {
	if p.s[p.pos] == '[' {
		p.pos++
		sub, err := p.elems(true)
		if err != nil || len(sub) == 0 {
			return nil, orError(err, "empty brackets")
		}
		return &elem{sub: sub, opt: true}, nil
	}
	e := &elem{}
	for {
		a, err := p.atom()
		if err != nil {
			return nil, err
		}
		e.atoms = append(e.atoms, a)
		p.blank()
		if p.pos >= len(p.s) || p.s[p.pos] != '|' {
			return e, nil
		}
		p.pos++
		p.blank()
	}
}

// atom reads one word. Inside of it | separates alternatives, which share what stands before "=".
func (p *syntaxParser) atom() (*atom, error) {
	start := p.pos
	a := &atom{}
	var shared, cur []piece
	for p.pos < len(p.s) && !strings.ContainsRune(" \t]", rune(p.s[p.pos])) {
		if p.s[p.pos] == '|' {
			if len(cur) == 0 || p.pos+1 == len(p.s) {
				return nil, fmt.Errorf("nothing beside |")
			}
			a.alts = append(a.alts, cur)
			cur = append([]piece(nil), shared...)
			p.pos++
			continue
		}
		q, err := p.piece()
		if err != nil {
			return nil, err
		}
		cur = append(cur, q)
		if shared == nil && a.key == "" && len(a.alts) == 0 {
			if k, v, ok := strings.Cut(q.lit, "="); ok && k != "" && len(cur) == 1 {
				a.key = k
				shared = []piece{{lit: k + "="}}
				cur = append([]piece(nil), shared...)
				if v != "" {
					cur = append(cur, piece{lit: v})
				}
			}
		}
	}
	if len(cur) == 0 {
		return nil, fmt.Errorf("a word is missing at %q", p.s[start:])
	}
	a.alts = append(a.alts, cur)
	a.text = p.s[start:p.pos]
	if first := a.alts[0]; a.key == "" && len(first) == 2 && len(first[1].opt) > 0 && strings.HasPrefix(first[1].opt[0].lit, "=") {
		a.key = first[0].lit // gzip[=<level>]
	}
	return a, nil
}

// piece reads <value>, [optional part], or literal text.
func (p *syntaxParser) piece() (piece, error) {
	switch p.s[p.pos] {
	case '<':
		end := strings.IndexByte(p.s[p.pos:], '>')
		if end < 0 {
			return piece{}, fmt.Errorf("no >")
		}
		v, err := parseValue(p.s[p.pos+1 : p.pos+end])
		p.pos += end + 1
		return piece{val: v}, err
	case '[':
		p.pos++
		var opt []piece
		for p.pos < len(p.s) && p.s[p.pos] != ']' {
			q, err := p.piece()
			if err != nil {
				return piece{}, err
			}
			opt = append(opt, q)
		}
		if p.pos >= len(p.s) || len(opt) == 0 {
			return piece{}, fmt.Errorf("no ] in a word")
		}
		p.pos++
		return piece{opt: opt}, nil
	}
	n := strings.IndexAny(p.s[p.pos:], "<[]| \t")
	if n < 0 {
		n = len(p.s) - p.pos
	}
	if n == 0 {
		return piece{}, fmt.Errorf("unexpected %q", p.s[p.pos])
	}
	lit := p.s[p.pos : p.pos+n]
	p.pos += n
	return piece{lit: lit}, nil
}

// parseValue reads what stands between < and >.
func parseValue(s string) (*value, error) {
	name, typ, ok := strings.Cut(s, ":")
	v := &value{name: name, typ: typ}
	if !ok {
		if v.typ = name; !isType(name) {
			v.typ = "string"
		}
		return v, nil
	}
	if low, high, ok := strings.Cut(typ, "-"); ok {
		var err1, err2 error
		v.min, err1 = strconv.Atoi(low)
		v.max = -1
		if high != "" {
			v.max, err2 = strconv.Atoi(high)
		}
		if err1 == nil && err2 == nil {
			v.typ, v.ranged = "number", true
			return v, nil
		}
	}
	if !isType(typ) {
		return nil, fmt.Errorf("no type %q", typ)
	}
	return v, nil
}

func orError(err error, text string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%s", text)
}
