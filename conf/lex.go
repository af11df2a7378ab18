package conf

import (
	"fmt"
	"strings"
)

// maxWord is the length at which nginx gives up on a word or a comment: the size of its buffer.
const maxWord = 4096

// statement is what a lexer found.
type statement uint8

const (
	stEOF   statement = iota // the end of the text
	stPlain                  // words and ";"
	stOpen                   // words and "{"
	stClose                  // "}"
	stSkip                   // words that an error makes useless
	stStop                   // an error after which nothing makes sense
)

// A lexer cuts the text of one file into statements.
type lexer struct {
	src  string
	file int32
	pos  int
	slab *[]Word // where words are allocated, of all files
	fail func(at, length, line int, text string)

	args     bool // the text is of -g
	last     Pos  // in l.fail: the last word of the directive that does not end; not valid where it is something else
	unclosed int  // where a quote begins that never ends; 0: nowhere that matters
}

// next reads a statement: its words and the place of what ended it.
func (l *lexer) next() (kind statement, words []Word, end int) {
	start := len(*l.slab)
	if cap(*l.slab)-start < 16 {
		*l.slab = make([]Word, 0, 1024)
		start = 0
	}
	kind, end = l.words(start)
	words = (*l.slab)[start:len(*l.slab):len(*l.slab)]
	if kind == stEOF || kind == stClose || len(words) == 0 {
		*l.slab = (*l.slab)[:start]
	}
	return kind, words, end
}

// words appends words to the slab up to the end of a statement.
func (l *lexer) words(start int) (kind statement, end int) {
	for {
		c, ok := l.token()
		if !ok {
			return stStop, l.pos
		}
		have := len(*l.slab) > start
		at := l.pos
		switch {
		case c < 0 && have:
			l.last = (*l.slab)[len(*l.slab)-1].Pos
			l.unfinished()
			return stStop, at
		case c < 0:
			return stEOF, at
		case (c == ';' || c == '{') && !have:
			l.pos++
			l.fail(at, 1, at, fmt.Sprintf("unexpected \"%c\"", c))
			if c == '{' {
				return stOpen, at
			}
			continue
		case c == ';':
			l.pos++
			return stPlain, at
		case c == '{':
			l.pos++
			return stOpen, at
		case c == '}' && have: // a ";" is missing: what follows is whole again
			l.last = (*l.slab)[len(*l.slab)-1].Pos
			l.fail(at, 1, at, "unexpected \"}\"")
			l.last = nowhere
			return stSkip, at
		case c == '}':
			l.pos++
			return stClose, at
		case c == '"' || c == '\'':
			if !l.quoted(byte(c)) {
				return stStop, l.pos
			}
		default:
			if !l.bare() {
				return stStop, l.pos
			}
		}
	}
}

// token moves to the next token and returns its first byte, -1 at the end of the text.
func (l *lexer) token() (c int, ok bool) {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; c {
		case ' ', '\t', '\r', '\n':
			l.pos++
		case '#':
			n := strings.IndexByte(l.src[l.pos:], '\n')
			if n < 0 {
				n = len(l.src) - l.pos
			}
			if n >= maxWord && l.pos+maxWord < len(l.src) {
				l.tooLong(l.pos, l.pos)
				// A comment does no harm: go on behind it.
			}
			l.pos += n
		default:
			return int(c), true
		}
	}
	return -1, true
}

// bare reads a word without quotes.
func (l *lexer) bare() bool {
	start := l.pos
	dollar, escaped := false, false
	for i := start; i < len(l.src); i++ {
		c := l.src[i]
		if i-start >= maxWord {
			l.tooLong(start, start)
			l.pos = i + strings.IndexAny(l.src[i:]+";", " \t\r\n;{")
			return true
		}
		switch {
		case c == '{' && dollar: // of ${name}
			continue
		case c == '\\' || c == '$':
		case i > start && (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '{'):
			l.add(start, i, start, i, escaped, false)
			l.pos = i
			l.blankAfter(start, start)
			return true
		}
		dollar = c == '$'
		if c == '\\' { // the next byte belongs to the word, whatever it is
			escaped = true
			i++
		}
	}
	l.pos = len(l.src)
	l.last = Pos{l.file, int32(start)}
	l.unfinished()
	return false
}

// quoted reads a word in quotes, and looks at what follows it.
func (l *lexer) quoted(q byte) bool {
	start := l.pos
	escaped := false
	for i := start + 1; i < len(l.src); i++ {
		if i-start > maxWord {
			l.fail(start, 1, start, fmt.Sprintf("too long parameter, probably missing terminating \"%c\" character", q))
			l.pos = i
			return false
		}
		switch l.src[i] {
		case '\\':
			escaped = true
			i++
		case q:
			l.add(start, i+1, start+1, i, escaped, true)
			l.pos = i + 1
			return l.afterQuote(start)
		}
	}
	l.pos = len(l.src)
	l.unclosed = start
	l.unfinished()
	return false
}

// afterQuote checks the byte after the closing quote.
func (l *lexer) afterQuote(start int) bool {
	if l.pos >= len(l.src) {
		return true
	}
	if l.pos-start > maxWord {
		l.tooLong(start+1, start)
	}
	switch c := l.src[l.pos]; c {
	case ' ', '\t', '\r', '\n':
		l.blankAfter(start+1, start)
	case ';', '{', ')':
	default:
		l.fail(l.pos, 1, l.pos, fmt.Sprintf("unexpected \"%c\"", c))
	}
	return true
}

// add makes a word of src[start:end]; its text is in src[from:to].
func (l *lexer) add(start, end, from, to int, escaped, quoted bool) {
	text := l.src[from:to]
	if escaped {
		text = unescape(text)
	}
	*l.slab = append(*l.slab, Word{Text: text, Pos: Pos{l.file, int32(start)}, Len: int32(end - start), Quoted: quoted})
}

// unescape resolves the escapes that nginx knows; other backslashes stay.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			if n := strings.IndexByte(`"'\trn`, s[i+1]); n >= 0 {
				c = "\"'\\\t\r\n"[n]
				i++
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// blankAfter checks the length of a word together with one blank behind it: nginx's buffer holds
// both until the next word begins.
func (l *lexer) blankAfter(from, line int) {
	c := l.src[l.pos]
	if c != ';' && c != '{' && l.pos+1-from == maxWord && l.pos+1 < len(l.src) {
		l.tooLong(from, line)
	}
}

func (l *lexer) tooLong(at, line int) {
	l.fail(at, 10, line, fmt.Sprintf("too long parameter \"%s...\" started", l.src[at:at+10]))
}

// unfinished reports the end of the text inside of a statement.
func (l *lexer) unfinished() {
	text := "unexpected end of file, expecting \";\" or \"}\""
	if l.args {
		text = "unexpected end of parameter, expecting \";\""
	}
	l.fail(len(l.src), 0, len(l.src), text)
}

// splitWords cuts a text into words, as for the arguments of a directive.
func splitWords(s string) []Word {
	l := lexer{src: s + " ;", file: -1, slab: new([]Word), fail: func(int, int, int, string) {}}
	_, words, _ := l.next()
	return words
}
