package route

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

type re struct{ *regexp.Regexp }

func (r re) Match(s []byte) (bool, error) { return r.Regexp.Match(s), nil }

func compile(s string) Matcher { return re{regexp.MustCompile(s)} }

// block reads a small language: one location a line, "kind name", a tab for each level; a trailing
// "301" asks for AutoRedirect. A location's value is its line.
func block(t testing.TB, text string) *Locations[string] {
	t.Helper()
	root := NewLocations[string]()
	at := []*Locations[string]{root}
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		depth := len(line) - len(strings.TrimLeft(line, "\t"))
		line = strings.TrimSpace(line)
		kind, name, m, slash := parse(line)
		in, err := at[depth].Add(kind, name, m, line)
		if err != nil {
			t.Fatal(err)
		}
		if slash {
			in.AutoRedirect()
		}
		at = append(at[:depth+1], in)
	}
	root.Finish()
	return root
}

func parse(line string) (Kind, string, Matcher, bool) {
	line, slash := strings.CutSuffix(line, " 301")
	mark, name, ok := strings.Cut(line, " ")
	if !ok {
		name, mark = mark, ""
	}
	switch mark {
	case "=":
		return Exact, name, nil, slash
	case "^~":
		return NoRegexp, name, nil, slash
	case "~":
		return Regexp, name, compile(name), slash
	}
	if strings.HasPrefix(name, "@") {
		return Named, name, nil, slash
	}
	return Prefix, name, nil, slash
}

// verified is a configuration whose answers were taken from nginx 1.31.5.
const verified = `
/
/p/ 301
~ /p
/q/ 301
= /q
^~ /r
	~ /r/in
	^~ /r/z
	= /r/e
	~ z
~ \.php$
	~ a
/n
	^~ /n/m
		~ k
	~ j
	/n/p/ 301
	/n/n
= /eq/ 301
/eq2
/eq2/ 301
@nm
= /same
/same
	/same
/ex
	= /ex
~ /exre
~ j$
~ k$
`

func TestFindVerified(t *testing.T) {
	l := block(t, verified)
	tests := []struct{ uri, want string }{
		{"/", "/"},
		{"/p", "301 /p/ 301"},
		{"/p/", "~ /p"},
		{"/q", "= /q"},
		{"/q/", "/q/ 301"},
		{"/r", "^~ /r"},
		{"/r/in", "~ /r/in"},
		{"/r/z", "^~ /r/z"},
		{"/r/e", "= /r/e"},
		{"/r/zz", "^~ /r/z"},
		{"/r.php", "^~ /r"},
		{"/x.php", `~ \.php$`},
		{"/xa.php", "~ a"},
		{"/n", "/n"},
		{"/n/m", "^~ /n/m"},
		{"/n/mj", "~ j$"},
		{"/n/mk", "~ k"},
		{"/n/j", "~ j"},
		{"/n/p", "301 /n/p/ 301"},
		{"/n/n", "/n/n"},
		{"/n/nj", "~ j"},
		{"/n/k", "~ k$"},
		{"/eq", "301 = /eq/ 301"},
		{"/eq/", "= /eq/ 301"},
		{"/eq2", "/eq2"},
		{"/same", "= /same"},
		{"/same2", "/same"},
		{"/ex", "= /ex"},
		{"/exr", "/ex"},
		{"/exre", "~ /exre"},
		{"/exj", "~ j$"},
	}
	for _, tt := range tests {
		t.Run(tt.uri, func(t *testing.T) {
			if got := ask(t, l, tt.uri); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if loc, ok := l.Named([]byte("@nm")); !ok || loc != "@nm" {
		t.Errorf("@nm: %q, %v", loc, ok)
	}
	if _, ok := l.Named([]byte("@x")); ok {
		t.Error("@x is known")
	}
}

func ask(t testing.TB, l *Locations[string], uri string) string {
	t.Helper()
	f, err := l.Find([]byte(uri), nil)
	switch {
	case err != nil:
		t.Fatal(err)
	case !f.OK:
		return "none"
	case f.AutoRedirect:
		return "301 " + f.Loc
	}
	return f.Loc
}

func TestFindOdd(t *testing.T) {
	tests := []struct{ name, conf, uri, want string }{
		{"nothing fits", "/a", "/b", "none"},
		{"exact only, longer", "= /a", "/ab", "none"},
		{"exact only, shorter", "= /ab", "/a", "none"},
		{"exact between prefixes", "/a\n= /ab\n/abc", "/abcd", "/abc"},
		{"no redirect unless asked", "/a/", "/a", "none"},
		{"redirect before shorter prefix", "/a\n/ab/ 301", "/ab", "301 /ab/ 301"},
		{"redirect only one slash short", "/a/b/ 301", "/a/", "none"},
		{"redirect beside siblings", "/a/ 301\n/a/b\n/ab", "/a", "301 /a/ 301"},
		{"static inside regexp is not found", "~ /s\n\t/s/t", "/s/t", "~ /s"},
		{"case counts", "/A", "/a", "none"},
		{"high bytes", "/\xff\x00", "/\xff\x00x", "/\xff\x00"},
		{"empty uri", "/a", "", "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(t, block(t, tt.conf), tt.uri); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAddErrors(t *testing.T) {
	tests := []struct{ name, around, inside, want string }{
		{"duplicate", "", "/a", `duplicate location "/a"`},
		{"duplicate with mark", "", "^~ /a", `duplicate location "/a"`},
		{"exact beside prefix", "", "= /a", ""},
		{"outside", "/a", "/b", `location "/b" is outside location "/a"`},
		{"exact outside", "/a", "= /b", `location "/b" is outside location "/a"`},
		{"regexp anywhere", "/a", "~ /b", ""},
		{"outside a regexp", `~ \.php$`, "/b", `location "/b" is outside location "\.php$"`},
		{"named inside", "/a", "@b", `named location "@b" can be on the server level only`},
		{"inside named", "@a", "/b", `location "/b" cannot be inside the named location "@a"`},
		{"inside exact", "= /a", "~ /b", `location "/b" cannot be inside the exact location "/a"`},
		{"same name inside", "/a", "/a", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := NewLocations[string]()
			add := func(l *Locations[string], line string) (*Locations[string], error) {
				kind, name, m, _ := parse(line)
				return l.Add(kind, name, m, line)
			}
			in := l
			if tt.around != "" {
				in, _ = add(l, tt.around)
			} else if _, err := add(l, "/a"); err != nil {
				t.Fatal(err)
			}
			_, err := add(in, tt.inside)
			if got := fmt.Sprint(err); got != tt.want && (tt.want != "" || err != nil) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

type failing struct{}

func (failing) Match([]byte) (bool, error) { return false, fmt.Errorf("too long") }

func TestFindError(t *testing.T) {
	l := NewLocations[int]()
	in, _ := l.Add(Prefix, "/", nil, 1)
	if _, err := in.Add(Regexp, "x", failing{}, 2); err != nil {
		t.Fatal(err)
	}
	l.Finish()
	if f, err := l.Find([]byte("/"), nil); err == nil || f.OK {
		t.Errorf("got %v, %v", f, err)
	}
	f, err := l.Find([]byte("/"), func(loc int, uri []byte) (bool, error) { return loc == 2, nil })
	if err != nil || f.Loc != 2 {
		t.Errorf("with try: %v, %v", f, err)
	}
}

func many(n int) (*Locations[int], [][]byte) {
	l := NewLocations[int]()
	uris := make([][]byte, 0, n)
	for i := range n {
		name := fmt.Sprintf("/tenant%d/app%d/", i%97, i)
		if _, err := l.Add(Prefix, name, nil, i); err != nil {
			panic(err)
		}
		uris = append(uris, []byte(name+"index.html"))
	}
	l.Finish()
	return l, uris
}

func TestFindAllocs(t *testing.T) {
	l := block(t, verified)
	uris := [][]byte{[]byte("/n/mk"), []byte("/p"), []byte("/exre"), []byte("/r/zz")}
	hits := 0
	n := testing.AllocsPerRun(100, func() {
		for _, u := range uris {
			f, _ := l.Find(u, func(_ string, uri []byte) (bool, error) { hits += len(uri); return false, nil })
			if !f.OK {
				t.Fatal("not found")
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{10, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l, uris := many(n)
			i := 0
			for b.Loop() {
				if f, _ := l.Find(uris[i%n], nil); f.Loc != i%n {
					b.Fatal(f)
				}
				i++
			}
		})
	}
}
