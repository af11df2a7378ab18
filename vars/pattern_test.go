package vars

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestPatternErrors holds nginx 1.31.5's words (with PCRE2 10.42) without its place.
func TestPatternErrors(t *testing.T) {
	tests := []struct{ src, want string }{
		{`(`, `missing closing parenthesis in "("`},
		{`)`, `unmatched closing parenthesis in ")" at ")"`},
		{`a)b`, `unmatched closing parenthesis in "a)b" at ")b"`},
		{`(a`, `missing closing parenthesis in "(a"`},
		{`[a`, `missing terminating ] for character class in "[a"`},
		{`a**`, `quantifier does not follow a repeatable item in "a**" at "*"`},
		{`a*?+`, `quantifier does not follow a repeatable item in "a*?+" at "+"`},
		{`*a`, `quantifier does not follow a repeatable item in "*a" at "*a"`},
		{`a|*`, `quantifier does not follow a repeatable item in "a|*" at "*"`},
		{`^*`, `quantifier does not follow a repeatable item in "^*" at "*"`},
		{`\b*`, `quantifier does not follow a repeatable item in "\b*" at "*"`},
		{`a{2}{3}`, `quantifier does not follow a repeatable item in "a{2}{3}" at "}"`},
		{`\q`, `unrecognized character follows \ in "\q" at "q"`},
		{`\`, `\ at end of pattern in "\"`},
		{`[b-a]`, `range out of order in character class in "[b-a]" at "a]"`},
		{`a{3,1}`, `numbers out of order in {} quantifier in "a{3,1}" at "}"`},
		{`a{70000}`, `number too big in {} quantifier in "a{70000}" at "}"`},
		{`\1`, `reference to non-existent subpattern in "\1" at "1"`},
		{`(a)\2`, `reference to non-existent subpattern in "(a)\2" at "2"`},
		{`(a)\k<x>`, `reference to non-existent subpattern in "(a)\k<x>" at "x>"`},
		{`(?<x>a)(?<x>b)`, `two named subpatterns have the same name (PCRE2_DUPNAMES not set) in "(?<x>a)(?<x>b)" at "b)"`},
		{`(?<1x>a)`, `subpattern name must start with a non-digit in "(?<1x>a)" at "1x>a)"`},
		{`(?<x`, `syntax error in subpattern name (missing terminator?) in "(?<x"`},
		{`(?<>a)`, `subpattern name expected in "(?<>a)" at ">a)"`},
		{`(?<n-a>b)`, `syntax error in subpattern name (missing terminator?) in "(?<n-a>b)" at "-a>b)"`},
		{`(?q)`, `unrecognized character after (? or (?- in "(?q)" at "q)"`},
		{`[[:foo:]]`, `unknown POSIX class name in "[[:foo:]]" at "foo:]]"`},
		{`[[:alpha:]`, `missing terminating ] for character class in "[[:alpha:]"`},
		{`[a-\d]`, `invalid range in character class in "[a-\d]" at "]"`},
		{`[a[:digit:]-z]`, `invalid range in character class in "[a[:digit:]-z]" at "-z]"`},
		{`[z-[:digit:]]`, `invalid range in character class in "[z-[:digit:]]" at ":digit:]]"`},
		{`\x{100}`, `character code point value in \x{} or \o{} is too large in "\x{100}" at "}"`},
		{`\x{zz}`, `non-hex character in \x{} (closing brace missing?) in "\x{zz}" at "zz}"`},
		{`\c`, `\c at end of pattern in "\c"`},
		{`(?#a`, `missing ) after (?# comment in "(?#a"`},
		{`(?i`, `missing closing parenthesis in "(?i"`},
		{`\p{Foo}`, `unknown property after \P or \p in "\p{Foo}"`},
		{`\g1`, `reference to non-existent subpattern in "\g1" at "1"`},
		{`\g{-1}`, `reference to non-existent subpattern in "\g{-1}" at "{-1}"`},
		{`[]`, `missing terminating ] for character class in "[]"`},
		{`\8`, `reference to non-existent subpattern in "\8" at "8"`},
		{`(?P=n)`, `reference to non-existent subpattern in "(?P=n)" at "n)"`},
		{`\u0041`, `PCRE2 does not support \F, \L, \l, \N{name}, \U, or \u in "\u0041" at "0041"`},
		{`\N{U+41}`, `\N{U+dddd} is supported only in Unicode (UTF) mode in "\N{U+41}" at "{U+41}"`},
		{`[\N]`, `\N is not supported in a class in "[\N]" at "]"`},
		{`[\R]`, `escape sequence is invalid in character class in "[\R]" at "R]"`},
	}
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			_, err := CompilePattern(tt.src, false)
			if want := "pcre2_compile() failed: " + tt.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestPatternRefused(t *testing.T) {
	tests := []struct{ src, what string }{
		{`(?|(a)|(b))`, `(?|(a)`},
		{`a(?R)?`, `(?R)`},
		{`(a)(?1)`, `(?1)`},
		{`(a)(?(1)b|c)`, `(?(1)`},
		{`(?<n>a)(?&n)`, `(?&n)`},
		{`a\Kb`, `\K`},
		{`\X`, `\X`},
		{`(*FAIL)`, `(*FAIL)`},
		{`(a)\g<1>`, `\g as a subroutine`},
	}
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			_, err := CompilePattern(tt.src, false)
			want := fmt.Sprintf(`the regular expression "%s" uses %s, which weir does not support`, tt.src, tt.what)
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestPatternEngines(t *testing.T) {
	tests := []struct{ src, text, engine, want string }{
		{`\.php$`, "/a.php", "plain", "2,6"},
		{`\.php$`, "/a.php\n", "plain", "2,6"},
		{`\.(gif|jpe?g|png)$`, "/a.jpeg", "plain", "2,7,3,7"},
		{`^/api/(.*)$`, "/api/v1", "plain", "0,7,5,7"},
		{`^/api/(.+)`, "/api/\n", "plain", "none"},
		{`^/(a|ab)(.*)`, "/abc", "plain", "0,4,1,2,2,4"},
		{`^/(a|ab)$`, "/ab", "plain", "0,3,1,3"},
		{`(?i)\.PHP$`, "/a.pHp", "plain", "2,6"},
		{`bot|crawl|spider`, "a crawler bot", "plain", "2,7"},
		{`^$`, "", "plain", "0,0"},
		{`.`, "é", "regexp", "0,1"},
		{`^.{2}$`, "é", "regexp", "0,2"},
		{`^/u/(\d+)/(?<rest>.*)$`, "/u/é", "regexp", "none"},
		{`^/([^/]+)/(?<rest>.*)$`, "/é/ü", "regexp", "0,6,1,3,4,6"},
		{`a{1001}`, "b", "regexp2", "none"},
		{`^(?!/api/).*$`, "/x", "regexp2", "0,2"},
		{`(.)\1`, "é\xff\xff", "regexp2", "2,4,2,3"},
		{`(*UTF8)^.$`, "é", "regexp", "0,2"},
		{`(?x) a \  # text
			b`, "a b", "plain", "0,3"},
		{`(?s)a.b`, "a\nb", "regexp", "0,3"},
		{`(?U)a+(b*?)`, "aab", "regexp", "0,1,1,1"},
		{`(?n)(a)(?<x>b)`, "ab", "plain", "0,2,1,2"},
	}
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			p, err := CompilePattern(tt.src, false)
			if err != nil {
				t.Fatal(err)
			}
			if got := answer(p, []byte(tt.text)); got != tt.want || p.Engine() != tt.engine {
				t.Errorf("got %s by %s, want %s by %s", got, p.Engine(), tt.want, tt.engine)
			}
		})
	}
}

func TestPatternNames(t *testing.T) {
	p, err := CompilePattern(`(?<a>x)(y)(?P<b_2>z)(?'c'z)(?=(?<d>q))`, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Names(), ","); got != ",a,,b_2,c,d" {
		t.Error(got)
	}
}

func TestPatternLimit(t *testing.T) {
	p, err := CompilePattern(`^(a+)+\1$`, false)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(strings.Repeat("a", 5000) + "b")
	start := time.Now()
	if ok, err := p.Match(text); ok || !errors.Is(err, ErrLimit) {
		t.Errorf("got %v, %v", ok, err)
	}
	if _, ok, err := p.Find(nil, text); ok || !errors.Is(err, ErrLimit) {
		t.Errorf("got %v, %v", ok, err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("it took %v", d)
	}
}

var patternTimes = []struct{ name, src, text string }{
	{"suffix", `\.php$`, "/blog/2026/index.php"},
	{"extensions", `\.(gif|jpe?g|png|ico|css|js)$`, "/assets/img/logo-large.jpeg"},
	{"agents", `(bot|crawl|spider|slurp|archiver)`, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 something"},
	{"prefix", `^/api/(.*)$`, "/api/v1/users/17"},
	{"std", `^/api/v(\d+)/([^/]+)/(.*)$`, "/api/v1/users/17"},
	{"std high", `^/api/v(\d+)/([^/]+)/(.*)$`, "/api/v1/üsers/17"},
	{"back", `^(?!/api/)/(.*)$`, "/other/api/v1/users/17"},
}

func BenchmarkPattern(b *testing.B) {
	for _, tt := range patternTimes {
		p, _ := CompilePattern(tt.src, tt.name == "agents")
		text, dst := []byte(tt.text), make([]int, 0, 32)
		b.Run("match "+tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Match(text)
			}
		})
		b.Run("find "+tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Find(dst, text)
			}
		})
	}
}

// FuzzPattern wants no panic, and the engines to agree.
func FuzzPattern(f *testing.F) {
	for _, tt := range patternTimes {
		f.Add(tt.src, tt.text, false)
	}
	f.Add(`(?i)[^a-f\d]\x{e9}(?<n>a|b)*+`, "A\xe9", true)
	f.Add(`(?x: a #
		)(?m)^b$`, "a\nb\n", true)
	f.Fuzz(func(t *testing.T, src, text string, fold bool) {
		if len(src) > 200 || len(text) > 200 {
			return
		}
		p, err := CompilePattern(src, fold)
		if err != nil || p.utf {
			return
		}
		got := answer(p, []byte(text))
		if p.std == nil && p.plain == nil {
			return
		}
		full := p
		if p.exact == "" { // it was seen to be plain before it was parsed
			parsed, err := translate(src, fold)
			if err != nil {
				t.Fatalf("plain, but not parsed: %v", err)
			}
			full = &Pattern{source: src, names: parsed.names, exact: string(parsed.exact)}
		}
		if _, err := full.backtracker(); err != nil {
			t.Fatalf("regexp2: %v", err)
		}
		at, ok, err := full.findBack(nil, []byte(text))
		if err != nil {
			return
		}
		want := "none"
		if ok {
			want = strings.Trim(strings.ReplaceAll(fmt.Sprint(at), " ", ","), "[]")
		}
		if got != want && !loose(src) {
			t.Fatalf("%s says %s, regexp2 %s (%s)", p.Engine(), got, want, full.exact)
		}
	})
}

// loose patterns repeat what may be empty: there RE2 leaves out the last, empty round, and so groups
// in it may differ.
func loose(src string) bool {
	return regexp.MustCompile(`\)[*+{?]|[*+?}]\{`).MatchString(src)
}
