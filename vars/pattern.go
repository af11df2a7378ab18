package vars

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/dlclark/regexp2/v2"
)

// A Pattern is a regular expression in PCRE's syntax and with its meaning: it works on bytes, and "$"
// also holds before a final newline. Any goroutine.
//
// Three machines do the work. Patterns that are nothing but literal texts with anchors, like
// \.(gif|jpe?g)$ or ^/api/(.*)$, need no engine (pattern_plain.go). Most others go to Go's regexp,
// whose time is linear in the text. What only backtracking can do (lookaround, backreferences, atomic
// and possessive groups) goes to regexp2, which is stopped after matchTimeout: that is an error, never
// "no match".
//
// Neither engine knows bytes that are not text, so the translation (pattern_parse.go) moves the bytes
// 0x80 to 0xff to code points that have no case and belong to no class (pattern_wide.go).
type Pattern struct {
	source string
	names  []string
	plain  *plain         // no engine
	std    *regexp.Regexp // linear time
	utf    bool           // (*UTF8): text is UTF-8 for std
	// newline tells that a final newline in the text may change the result in a way std cannot
	// express; such texts go to back.
	newline bool
	exact   string // the pattern for back
	once    sync.Once
	back    *regexp2.Regexp
	backErr error
	runes   sync.Pool // *[]rune, texts for back
	bytes   sync.Pool // *[]byte, widened texts for std
}

// CompilePattern compiles a regular expression; fold ignores the case of ASCII letters. Syntax errors
// come in nginx's words: pcre2_compile() failed: … in "…" at "…".
//
// Not supported, and refused by name: recursion and subroutines, branch reset, conditions, callouts,
// verbs, \K, \X. Beyond PCRE, lookbehind may be of any length. A pattern that begins with (*UTF8)
// works on characters; it must be within RE2's syntax.
func CompilePattern(src string, fold bool) (*Pattern, error) {
	if rest, ok := cutUTF(src); ok {
		return compileUTF(src, rest, fold)
	}
	if p := recogniseText(src, fold); p != nil {
		return &Pattern{source: src, names: unnamed[:], plain: p}, nil
	}
	t, err := translate(src, fold)
	if err != nil {
		return nil, err
	}
	p := &Pattern{source: src, names: t.names, newline: t.newline, exact: string(t.exact)}
	if !t.backtrack {
		if p.plain = recognise(string(t.std), len(t.names)); p.plain != nil {
			return p, nil
		}
		if p.std, err = regexp.Compile(string(t.std)); err == nil {
			return p, nil
		}
	}
	if _, err := p.backtracker(); err != nil {
		return nil, fmt.Errorf(`pcre2_compile() failed: %v in "%s"`, err, src)
	}
	return p, nil
}

// unnamed are the names of a pattern without groups; nobody changes them.
var unnamed [1]string

// cutUTF takes the mark of UTF-8 mode off a pattern.
func cutUTF(src string) (rest string, utf bool) {
	for {
		i := slices.IndexFunc([]string{"(*UTF8)", "(*UTF)", "(*UCP)"}, func(v string) bool {
			return strings.HasPrefix(src, v)
		})
		if i < 0 {
			return src, utf
		}
		utf = true
		src = src[strings.IndexByte(src, ')')+1:]
	}
}

func compileUTF(src, s string, fold bool) (*Pattern, error) {
	if fold {
		s = "(?i)" + s
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, fmt.Errorf(`pcre2_compile() failed: %v in "%s"`, err, src)
	}
	return &Pattern{source: src, names: re.SubexpNames(), std: re, utf: true}, nil
}

// Source returns the expression as it was written.
func (p *Pattern) Source() string { return p.source }

// Names returns the names of the groups; "" for unnamed ones and for index 0, the whole match.
func (p *Pattern) Names() []string { return p.names }

// Engine names the machine that does the work: "plain", "regexp" or "regexp2".
func (p *Pattern) Engine() string {
	switch {
	case p.plain != nil:
		return "plain"
	case p.std != nil:
		return "regexp"
	}
	return "regexp2"
}

// Match reports whether s matches anywhere. It allocates nothing once its buffers have grown.
func (p *Pattern) Match(s []byte) (bool, error) {
	switch {
	case p.plain != nil:
		_, _, ok := p.plain.match(s)
		return ok, nil
	case p.std == nil || p.newline && endsLine(s):
		return p.matchBack(s)
	case p.utf || isASCII(s):
		return p.std.Match(s), nil
	}
	buf := p.widen(s)
	ok := p.std.Match(*buf)
	p.bytes.Put(buf)
	return ok, nil
}

// Find appends to dst the offset pairs of the match and its groups, -1 for groups that took no part,
// as regexp's FindSubmatchIndex has them. Without a match dst comes back as it was. Patterns on
// Go's regexp allocate once.
func (p *Pattern) Find(dst []int, s []byte) ([]int, bool, error) {
	switch {
	case p.plain != nil:
		dst, ok := p.plain.find(dst, s)
		return dst, ok, nil
	case p.std == nil || p.newline && endsLine(s):
		return p.findBack(dst, s)
	case p.utf || isASCII(s):
		m := p.std.FindSubmatchIndex(s)
		return append(dst, m...), m != nil, nil
	}
	buf := p.widen(s)
	m := p.std.FindSubmatchIndex(*buf)
	for _, at := range m {
		dst = append(dst, narrow(*buf, at))
	}
	p.bytes.Put(buf)
	return dst, m != nil, nil
}

func endsLine(s []byte) bool { return len(s) > 0 && s[len(s)-1] == '\n' }
