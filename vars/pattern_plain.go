package vars

import (
	"bytes"
	"regexp/syntax"
	"strings"
)

// plain is a pattern that needs no engine: one of a few texts, anchored or not, perhaps followed by
// "anything to the end of the line".
type plain struct {
	texts      []plainText // in order of preference
	fold       bool        // texts are in lower case
	start, end bool
	dollar     bool // the end may be before a final newline
	groups     int
	// A word begins or ends before or behind the text, as \b says; only where the text may stand anywhere.
	wordStart, wordEnd bool

	// tail is what follows the texts: .* or .+
	tail      bool
	tailMin   int
	tailGroup int // group that holds the tail, 0 for none

	first *[256]bool // bytes that one of several texts may begin with, when they may stand anywhere
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
	if len(p.texts) == 1 {
		return p.searchOne(s)
	}
	for at, c := range s {
		if !p.first[c] {
			continue
		}
		for i := range p.texts {
			if p.stands(s, at, p.texts[i].text) {
				return at, &p.texts[i], true
			}
		}
	}
	return 0, nil, false
}

func (p *plain) searchOne(s []byte) (int, *plainText, bool) {
	t := &p.texts[0]
	if !p.fold && !p.wordStart && !p.wordEnd {
		at := bytes.Index(s, t.text)
		return at, t, at >= 0
	}
	low := t.text[0]
	high := low
	if p.fold && 'a' <= low && low <= 'z' {
		high -= 0x20
	}
	for at := 0; at+len(t.text) <= len(s); at++ {
		if c := s[at]; (c == low || c == high) && p.stands(s, at, t.text) {
			return at, t, true
		}
	}
	return 0, nil, false
}

// stands reports whether a text stands at a place, between the borders of words that the pattern asks for.
func (p *plain) stands(s []byte, at int, text []byte) bool {
	return p.begins(s[at:], text) && (!p.wordStart || isBorder(s, at)) && (!p.wordEnd || isBorder(s, at+len(text)))
}

// isBorder reports whether a word begins or ends at a place.
func isBorder(s []byte, at int) bool {
	return (at > 0 && isNameByte(s[at-1])) != (at < len(s) && isNameByte(s[at]))
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

// recogniseText returns the plain form of a pattern that is one text, perhaps between borders of words, without parsing it: lists of many
// thousand such patterns are common. nil says nothing of the pattern.
func recogniseText(src string, fold bool) *plain {
	p := &plain{fold: fold, groups: 1}
	p.wordStart, src = cutBorder(src, strings.CutPrefix)
	p.wordEnd, src = cutBorder(src, strings.CutSuffix)
	if src == "" || len(src) > maxTextSize {
		return nil
	}
	text := make([]byte, 0, len(src))
	for i := 0; i < len(src); i++ {
		c := src[i]
		switch {
		case c == '\\' && i+1 < len(src) && isMark(src[i+1]):
			i++
			c = src[i]
		case c == '\\' || strings.IndexByte(".[]{}()*+?|^$\x00", c) >= 0:
			return nil
		case fold && 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		text = append(text, c)
	}
	p.texts = []plainText{{text: text}}
	return p
}

// isMark reports whether a backslash before a byte does nothing but take it as it is.
func isMark(c byte) bool { return ' ' <= c && c <= '~' && (c == '_' || !isNameByte(c)) }

// cutBorder cuts the border of a word off one end of a pattern, in the forms in which lists of user agents have it: (?:\b), and (?:\b|), which
// holds everywhere.
func cutBorder(src string, cut func(s, part string) (string, bool)) (border bool, rest string) {
	if rest, ok := cut(src, `(?:\b)`); ok {
		return true, rest
	}
	rest, _ = cut(src, `(?:\b|)`)
	return false, rest
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
	if !p.start && !p.end {
		parts = p.readBorders(parts)
	}
	var ok bool
	if p.texts, ok = p.expand(parts); !ok {
		return false
	}
	if p.start || p.end {
		return true
	}
	return p.anywhere()
}

// anywhere makes texts ready that may stand anywhere.
func (p *plain) anywhere() bool {
	if len(p.texts) != 1 {
		p.first = new([256]bool)
	}
	for _, t := range p.texts {
		if len(t.text) == 0 {
			return false // found everywhere; leave the choice of place to an engine
		}
		if p.first == nil {
			continue
		}
		p.first[t.text[0]] = true
		if c := t.text[0]; p.fold && 'a' <= c && c <= 'z' {
			p.first[c-0x20] = true
		}
	}
	return true
}

// readBorders takes the borders of words off.
func (p *plain) readBorders(parts []*syntax.Regexp) []*syntax.Regexp {
	if len(parts) > 1 && parts[0].Op == syntax.OpWordBoundary {
		p.wordStart, parts = true, parts[1:]
	}
	if n := len(parts) - 1; n > 0 && parts[n].Op == syntax.OpWordBoundary {
		p.wordEnd, parts = true, parts[:n]
	}
	return parts
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
