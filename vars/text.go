package vars

import (
	"errors"
	"slices"
	"strings"
	"unsafe"
)

// A Text is literal text and variables in a row, as a word of the configuration compiles to.
type Text[R any] struct {
	source string
	parts  []Part[R]
}

// A Part of a Text is a piece of literal text, or a variable.
type Part[R any] struct {
	Lit []byte
	Ref *Ref[R] // nil for literal text
}

// Compile reads text with "$name", "${name}" and the captures "$1" to "$9". Names may still be
// unknown: Finish will tell.
//
// After "$1" the digit ends the name, so "$10" is the first capture and a zero; "$0" and "${1}" are
// ordinary names, as they are in nginx.
//
// Texts with variables that are written alike are one Text.
func (t *Table[R]) Compile(s string) (*Text[R], error) {
	if strings.IndexByte(s, '$') < 0 {
		return constText[R](s), nil
	}
	if x := t.texts[s]; x != nil {
		return x, nil
	}
	x, err := t.compile(s)
	if err == nil {
		t.texts[s] = x
	}
	return x, err
}

// CompileAt is Compile for text that stands at a place: that of the errors of the names in it that are unknown so far. Load only.
func (t *Table[R]) CompileAt(at any, s string) (*Text[R], error) {
	x, err := t.Compile(s)
	if err == nil && x.Open() {
		x.Ask(at)
	}
	return x, err
}

// Open reports whether some name in the text is unknown so far. Load only.
func (x *Text[R]) Open() bool {
	return slices.ContainsFunc(x.parts, func(p Part[R]) bool { return p.Ref != nil && p.Ref.unknown() })
}

// Ask remembers a place where the text is used, for the errors of the names in it that are unknown so far. Load only.
func (x *Text[R]) Ask(at any) {
	for i := range x.parts {
		if f := x.parts[i].Ref; f != nil {
			f.ask(at)
		}
	}
}

// constText is a text without variables: its bytes are those of the source, and it takes one piece of memory.
func constText[R any](s string) *Text[R] {
	if s == "" {
		return &Text[R]{}
	}
	x := &struct {
		Text[R]
		part [1]Part[R]
	}{}
	x.part[0].Lit = literal(s)
	x.source, x.parts = s, x.part[:]
	return &x.Text
}

// literal is a text as bytes, which nobody changes.
func literal(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func (t *Table[R]) compile(s string) (*Text[R], error) {
	parts := make([]Part[R], 0, 2*strings.Count(s, "$")+1)
	for i := 0; i < len(s); {
		if s[i] != '$' {
			end := i
			for end < len(s) && s[end] != '$' {
				end++
			}
			parts = append(parts, Part[R]{Lit: literal(s[i:end])})
			i = end
			continue
		}
		if i++; i < len(s) && '1' <= s[i] && s[i] <= '9' {
			parts = append(parts, Part[R]{Ref: t.groups[s[i]-'0']})
			i++
			continue
		}
		name, n, err := readName(s[i:])
		if err != nil {
			return nil, err
		}
		parts = append(parts, Part[R]{Ref: t.Lookup(name)})
		i += n
	}
	return &Text[R]{source: s, parts: parts}, nil
}

// readName reads what follows "$" and returns how long that is.
func readName(s string) (name string, n int, err error) {
	braced := s != "" && s[0] == '{'
	if braced {
		n++
	}
	start := n
	for n < len(s) && isNameByte(s[n]) {
		n++
	}
	name = s[start:n]
	if braced {
		if name != "" && (n == len(s) || s[n] != '}') {
			return "", 0, errors.New(`the closing bracket in "` + name + `" variable is missing`)
		}
		n++
	}
	if name == "" {
		return "", 0, errors.New("invalid variable name")
	}
	return name, n, nil
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// ParseName takes the "$" off a word that names a variable to be defined, as set and map do.
func ParseName(word string) (string, error) {
	if len(word) < 2 || word[0] != '$' {
		return "", errors.New(`invalid variable name "` + word + `"`)
	}
	return word[1:], nil
}

// Append appends the text as it reads for a request. It allocates only when dst is too short, or when
// a variable's own function does.
func (x *Text[R]) Append(dst []byte, r R) []byte {
	for i := range x.parts {
		p := &x.parts[i]
		if p.Ref == nil {
			dst = append(dst, p.Lit...)
			continue
		}
		dst = append(dst, p.Ref.Get(r).B...)
	}
	return dst
}

// Const returns the text when it has no variables.
func (x *Text[R]) Const() (string, bool) {
	_, ok := x.Bytes()
	if !ok {
		return "", false
	}
	return x.source, true // a text without variables is its source
}

// Empty reports whether there is no text (nil), or one of no bytes. A text of variables is not empty, whatever comes of it.
func (x *Text[R]) Empty() bool { return x == nil || len(x.parts) == 0 }

// Bytes is Const without a copy; they must not be changed.
func (x *Text[R]) Bytes() ([]byte, bool) {
	switch {
	case len(x.parts) == 0:
		return []byte{}, true
	case len(x.parts) == 1 && x.parts[0].Ref == nil:
		return x.parts[0].Lit, true
	}
	return nil, false
}

// Single returns the variable when the text is one variable and nothing else.
func (x *Text[R]) Single() (*Ref[R], bool) {
	if len(x.parts) == 1 && x.parts[0].Ref != nil {
		return x.parts[0].Ref, true
	}
	return nil, false
}

// Parts returns the pieces in order, for whoever treats them apart: log_format escapes variables and
// shows missing ones as "-".
func (x *Text[R]) Parts() []Part[R] { return x.parts }

// Source returns the text as it was written.
func (x *Text[R]) Source() string { return x.source }
