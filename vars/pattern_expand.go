package vars

import (
	"regexp/syntax"
	"slices"
)

// expand lists the texts that a sequence of pieces can be, in the order an engine would try them.
func (p *plain) expand(parts []*syntax.Regexp) ([]plainText, bool) {
	list := []plainText{{}}
	for _, part := range parts {
		next, ok := p.textsOf(part)
		if !ok || len(list)*len(next) > maxTexts {
			return nil, false
		}
		var joined []plainText
		for _, a := range list {
			for _, b := range next {
				if len(a.text)+len(b.text) > maxTextSize {
					return nil, false
				}
				joined = append(joined, join(a, b))
			}
		}
		list = joined
	}
	return list, true
}

func join(a, b plainText) plainText {
	t := plainText{text: slices.Concat(a.text, b.text), caps: slices.Clone(a.caps)}
	for i := 0; i < len(b.caps); i += 3 {
		t.caps = append(t.caps, b.caps[i], len(a.text)+b.caps[i+1], len(a.text)+b.caps[i+2])
	}
	return t
}

// textsOf lists the texts of one piece.
func (p *plain) textsOf(re *syntax.Regexp) ([]plainText, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []plainText{{}}, true
	case syntax.OpLiteral:
		return p.literal(re)
	case syntax.OpCharClass:
		return p.members(re)
	case syntax.OpConcat:
		return p.expand(re.Sub)
	case syntax.OpAlternate:
		return p.either(re.Sub)
	case syntax.OpQuest:
		list, ok := p.textsOf(re.Sub[0])
		if re.Flags&syntax.NonGreedy != 0 {
			return append([]plainText{{}}, list...), ok
		}
		return append(list, plainText{}), ok
	case syntax.OpCapture:
		list, ok := p.textsOf(re.Sub[0])
		for i := range list {
			list[i].caps = append(list[i].caps, re.Cap, 0, len(list[i].text))
		}
		return list, ok
	}
	return nil, false
}

func (p *plain) either(parts []*syntax.Regexp) (list []plainText, ok bool) {
	for _, part := range parts {
		next, ok := p.textsOf(part)
		if list = append(list, next...); !ok || len(list) > maxTexts {
			return nil, false
		}
	}
	return list, true
}

// literal takes a text whose letters all heed case, or all ignore it, as the pattern does.
func (p *plain) literal(re *syntax.Regexp) ([]plainText, bool) {
	folds := re.Flags&syntax.FoldCase != 0
	text := make([]byte, 0, len(re.Rune))
	for _, r := range re.Rune {
		b, ok := byteOf(r)
		if !ok || b == '\n' || isLetter(b) && folds != p.fold {
			return nil, false
		}
		text = append(text, p.lower(b))
	}
	return []plainText{{text: text}}, true
}

// members takes a small class as so many texts of one byte.
func (p *plain) members(re *syntax.Regexp) (list []plainText, ok bool) {
	var set byteSet
	for i := 0; i < len(re.Rune); i += 2 {
		if re.Rune[i+1]-re.Rune[i] > maxTexts {
			return nil, false
		}
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			b, ok := byteOf(r)
			switch {
			case ok && b != '\n':
				set.add(b)
			case r != '\u017f' && r != '\u212a': // (?i) adds these to s and k; no text has them
				return nil, false
			}
		}
	}
	for b := range 256 {
		c := byte(b)
		if !set.has(c) {
			continue
		}
		if p.fold && isLetter(c) {
			if !set.has(c ^ 0x20) {
				return nil, false
			}
			if c != p.lower(c) {
				continue
			}
		}
		list = append(list, plainText{text: []byte{c}})
	}
	return list, len(list) > 0
}

// byteOf turns a code point of a translated pattern back into the byte.
func byteOf(r rune) (byte, bool) {
	switch {
	case r >= 0 && r < 0x80:
		return byte(r), true
	case r >= wideBase+0x80 && r <= wideBase+0xff:
		return byte(r - wideBase), true
	}
	return 0, false
}

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' && b < 0x80 }

func (p *plain) lower(b byte) byte {
	if p.fold && isLetter(b) {
		return b | 0x20
	}
	return b
}
