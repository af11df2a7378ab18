package vars

import "regexp"

// A Pattern is a compiled regular expression. Any goroutine.
type Pattern struct {
	source string
	names  []string
	std    *regexp.Regexp
}

// CompilePattern compiles a regular expression in PCRE's syntax; fold ignores case.
func CompilePattern(src string, fold bool) (*Pattern, error) {
	s := src
	if fold {
		s = "(?i)" + s
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, err
	}
	return &Pattern{source: src, std: re, names: re.SubexpNames()}, nil
}

// Match reports whether s matches.
func (p *Pattern) Match(s []byte) (bool, error) { return p.std.Match(s), nil }

// Find appends the offset pairs of the match and its groups to dst.
func (p *Pattern) Find(dst []int, s []byte) ([]int, bool, error) {
	m := p.std.FindSubmatchIndex(s)
	return append(dst, m...), m != nil, nil
}

// Names returns the names of the groups; "" for unnamed ones and for index 0.
func (p *Pattern) Names() []string { return p.names }

// Source returns the expression as it was written.
func (p *Pattern) Source() string { return p.source }
