package vars

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"testing"
)

// generator makes random patterns and texts that have a chance to meet.
type generator struct{ *rand.Rand }

func (g generator) pick(all ...string) string { return all[g.Intn(len(all))] }

func (g generator) atom(depth int) string {
	if depth > 0 && g.Intn(3) == 0 {
		open := g.pick("(", "(", "(?:", "(?i:", "(?<n"+fmt.Sprint(g.Intn(1e6))+">", "(?=", "(?!", "(?>", "(?s:", "(?-i:")
		return open + g.alternatives(depth-1) + ")"
	}
	return g.pick("a", "b", "A", "/", `\.`, ".", "x", "1", "é", "\xff", "-", " ", `\n`,
		"[ab]", "[^a]", "[a-z]", "[A-Z0-9]", `[^/]`, "[é]", `[\x80-\xff]`, `[^\w]`, `[\d.-]`, "[[:alpha:]_]", `[^[:space:]]`,
		`\d`, `\w`, `\s`, `\S`, `\W`, `\h`, `\v`, `\N`, `\R`, `\x41`, `\xe9`, `\101`, `\Qa.b\E`, `\b`, "^", "$", `\z`, `\A`, `\Z`,
		"ab", "/a", "jpg|png", "k", "S", "(?i)", "(?m)", `\1`, "[]a]", "{", "{,2}", `\p{L}`)
}

func (g generator) sequence(depth int) string {
	var b strings.Builder
	for range 1 + g.Intn(4) {
		b.WriteString(g.atom(depth))
		if g.Intn(3) == 0 {
			b.WriteString(g.pick("*", "+", "?", "{2}", "{1,2}", "{0,}", "*?", "+?", "??", "*+", "++"))
		}
	}
	return b.String()
}

func (g generator) alternatives(depth int) string {
	s := g.sequence(depth)
	for g.Intn(3) == 0 {
		s += "|" + g.sequence(depth)
	}
	return s
}

func (g generator) pattern() string {
	if g.Intn(4) == 0 {
		return g.likely()
	}
	return g.pick("", "", "^") + g.alternatives(2) + g.pick("", "", "$")
}

// likely makes patterns as configurations have them.
func (g generator) likely() string {
	word := func() string { return g.pick("a", "b", "ab", "A", "/a", `\.a`, "jpe?g", "[ab]", "x1", "é", "ss", "k") }
	list := word() + "|" + word() + "|" + word()
	return g.pick("", "^") + g.pick("", "/", word()) +
		g.pick("", "("+list+")", "(?:"+list+")", "(?:(a)|b)", "("+word()+")?", "(|"+word()+")") +
		g.pick("", "(.*)", ".*", "(.+)", ".+", word()) + g.pick("", "$", `\z`)
}

func (g generator) text() string {
	var b strings.Builder
	for range g.Intn(9) {
		b.WriteString(g.pick("a", "b", "A", "B", "/", ".", "x", "1", "é", "\xff", "\xe9", " ", "-", "jpg", "jpeg", "ss", "k", "S", "\t", "\x0b", "\r\n", "\x85"))
	}
	return b.String() + g.pick("", "", "", "", "\n", "\n\n")
}

// TestPatternCases writes cases for testdata/pcre.py when it is asked to.
func TestPatternCases(t *testing.T) {
	path := os.Getenv("WEIR_PCRE_CASES")
	if path == "" {
		t.Skip("WEIR_PCRE_CASES is not set")
	}
	n, seed := 400, int64(1)
	fmt.Sscan(os.Getenv("WEIR_PCRE_COUNT"), &n, &seed)
	var b strings.Builder
	g := generator{rand.New(rand.NewSource(seed))}
	for range n {
		pattern, fold := g.pattern(), g.Intn(2)
		for range 4 {
			fmt.Fprintf(&b, "%x %d %x\n", pattern, fold, g.text())
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestPatternLikePCRE compares with the answers of PCRE2 10.42 in testdata/pcre.txt.
func TestPatternLikePCRE(t *testing.T) {
	path := os.Getenv("WEIR_PCRE_ANSWERS")
	if path == "" {
		path = "testdata/pcre.txt"
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	engines := map[string]int{}
	bad, last := 0, ""
	for in := bufio.NewScanner(f); in.Scan() && bad < 25; {
		part := strings.Split(in.Text(), " ")
		pattern, _ := hex.DecodeString(part[0])
		text, _ := hex.DecodeString(part[2])
		p, err := CompilePattern(string(pattern), part[1] == "1")
		want := part[3]
		if err != nil || want == "error" {
			if (err == nil) != (want != "error") && last != part[0] {
				last = part[0]
				bad++
				t.Errorf("%q: got error %v, want %s", pattern, err, want)
			}
			continue
		}
		engines[p.Engine()]++
		got := answer(p, text)
		if got != want && want != "limit" {
			bad++
			t.Errorf("%q (fold %s, %s) on %q: got %s, want %s", pattern, part[1], p.Engine(), text, got, want)
		}
		if m, err := p.Match(text); err == nil && m != (got != "none") {
			t.Errorf("%q on %q: Match says %v, Find %s", pattern, text, m, got)
		}
	}
	t.Log(engines)
}

func answer(p *Pattern, text []byte) string {
	at, ok, err := p.Find(nil, text)
	switch {
	case err != nil:
		return err.Error()
	case !ok:
		return "none"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(at), " ", ","), "[]")
}
