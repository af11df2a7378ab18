package vars

import (
	"bytes"
	"regexp/syntax"
)

// plain is a pattern that needs no engine: one of a few texts, anchored or not, perhaps followed by
// "anything to the end of the line".
type plain struct {
	texts      []plainText // in order of preference
	fold       bool        // texts are in lower case
	start, end bool
	dollar     bool // the end may be before a final newline
	groups     int

	// tail is what follows the texts: .* or .+
	tail      bool
	tailMin   int
	tailGroup int // group that holds the tail, 0 for none

	first [256]bool // bytes a text may begin with, when it may stand anywhere
}

// plainText is one of the texts, with the groups inside it.
type plainText struct {
	text []byte
	caps []int // group, from, to, and so on
}

// Limits of what is searched text by text.
const (
	maxTexts    = 64
	maxTextSize = 256
)

// match finds the text that matches and where it begins.
func (p *plain) match(s []byte) (at int, t *plainText, ok bool) {
	if p.end && p.dollar && endsLine(s) {
		s = s[:len(s)-1]
	}
	switch {
	case p.start:
		return p.matchStart(s)
	case p.end:
		return p.matchEnd(s)
	}
	return p.search(s)
}

func (p *plain) matchStart(s []byte) (int, *plainText, bool) {
	for i := range p.texts {
		t := &p.texts[i]
		if !p.begins(s, t.text) {
			continue
		}
		rest := s[len(t.text):]
		switch {
		case !p.tail:
			if p.end && len(rest) > 0 {
				continue
			}
		case p.end:
			if len(rest) < p.tailMin || bytes.IndexByte(rest, '\n') >= 0 {
				continue
			}
		case p.tailMin > 0 && (len(rest) == 0 || rest[0] == '\n'):
			continue
		}
		return 0, t, true
	}
	return 0, nil, false
}

// matchEnd prefers the match that begins first, which is the longest text.
func (p *plain) matchEnd(s []byte) (at int, best *plainText, ok bool) {
	for i := range p.texts {
		t := &p.texts[i]
		from := len(s) - len(t.text)
		if from < 0 || best != nil && from >= at || !p.begins(s[from:], t.text) {
			continue
		}
		at, best = from, t
	}
	return at, best, best != nil
}

func (p *plain) search(s []byte) (int, *plainText, bool) {
	if len(p.texts) == 1 && !p.fold {
		at := bytes.Index(s, p.texts[0].text)
		return at, &p.texts[0], at >= 0
	}
	for at, c := range s {
		if !p.first[c] {
			continue
		}
		for i := range p.texts {
			if p.begins(s[at:], p.texts[i].text) {
				return at, &p.texts[i], true
			}
		}
	}
	return 0, nil, false
}

func (p *plain) begins(s, text []byte) bool {
	if len(s) < len(text) {
		return false
	}
	if !p.fold {
		return bytes.Equal(s[:len(text)], text)
	}
	for i, c := range text {
		if d := s[i]; d != c && (d < 'A' || d > 'Z' || d|0x20 != c) {
			return false
		}
	}
	return true
}

// find is match with offsets.
func (p *plain) find(dst []int, s []byte) ([]int, bool) {
	at, t, ok := p.match(s)
	if !ok {
		return dst, false
	}
	base := len(dst)
	for range 2 * p.groups {
		dst = append(dst, -1)
	}
	end := at + len(t.text)
	for i := 0; i < len(t.caps); i += 3 {
		g := base + 2*t.caps[i]
		dst[g], dst[g+1] = at+t.caps[i+1], at+t.caps[i+2]
	}
	if p.tail {
		from := end
		if end = p.lineEnd(s, from); p.tailGroup > 0 {
			dst[base+2*p.tailGroup], dst[base+2*p.tailGroup+1] = from, end
		}
	}
	dst[base], dst[base+1] = at, end
	return dst, true
}

// lineEnd is how far "." reaches. With an end, the text was already found to be one line.
func (p *plain) lineEnd(s []byte, from int) int {
	if i := bytes.IndexByte(s[from:], '\n'); i >= 0 {
		return from + i
	}
	return len(s)
}

// recognise returns the plain form of a pattern in Go's syntax, or nil. It looks at the parsed form,
// so it does not matter how a text is written: \.(?:jpe?g|png)$ is three texts.
func recognise(expr string, groups int) *plain {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	for _, fold := range []bool{false, true} {
		p := &plain{fold: fold, groups: groups}
		if p.read(re) {
			return p
		}
	}
	return nil
}

// read takes the anchors and the tail off; the rest must be texts.
func (p *plain) read(re *syntax.Regexp) bool {
	parts := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		parts = re.Sub
	}
	if len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		p.start, parts = true, parts[1:]
	}
	if n := len(parts) - 1; n >= 0 && parts[n].Op == syntax.OpEndText {
		p.end, p.dollar, parts = true, parts[n].Flags&syntax.WasDollar != 0, parts[:n]
	}
	if n := len(parts) - 1; n >= 0 && p.start && p.readTail(parts[n]) {
		parts = parts[:n]
	}
	var ok bool
	if p.texts, ok = p.expand(parts); !ok {
		return false
	}
	for _, t := range p.texts {
		switch {
		case len(t.text) > 0:
			p.first[t.text[0]] = true
			if c := t.text[0]; p.fold && 'a' <= c && c <= 'z' {
				p.first[c-0x20] = true
			}
		case !p.start && !p.end:
			return false // found everywhere; leave the choice of place to an engine
		}
	}
	return true
}

// readTail recognises .* and .+ with or without a group.
func (p *plain) readTail(re *syntax.Regexp) bool {
	group := 0
	if re.Op == syntax.OpCapture {
		group, re = re.Cap, re.Sub[0]
	}
	if re.Op != syntax.OpStar && re.Op != syntax.OpPlus ||
		re.Flags&syntax.NonGreedy != 0 || re.Sub[0].Op != syntax.OpAnyCharNotNL {
		return false
	}
	p.tail, p.tailGroup = true, group
	if re.Op == syntax.OpPlus {
		p.tailMin = 1
	}
	return true
}
