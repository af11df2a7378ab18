package route

import (
	"fmt"
	"math/rand"
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

// place is the naive model's location.
type place struct {
	kind    Kind
	name    string
	m       Matcher
	slash   bool
	kids    []*place
	id, lvl int
}

// seek is the rules of Find said by looking at every location.
func seek(kids []*place, uri string, inRegexp bool) (found *place, final, redirect bool) {
	for _, p := range kids {
		if !inRegexp && p.kind == Exact && p.name == uri {
			return p, true, false
		}
	}
	equal := false
	for _, p := range kids {
		if inRegexp || p.kind != Prefix && p.kind != NoRegexp {
			continue
		}
		equal = equal || p.name == uri
		if strings.HasPrefix(uri, p.name) && (found == nil || len(found.name) < len(p.name)) {
			found = p
		}
	}
	if !equal && !inRegexp {
		var short *place
		for _, p := range kids {
			if p.name == uri+"/" && p.kind != Regexp && (short == nil || p.kind == Exact) {
				short = p
			}
			redirect = redirect || p.name == uri+"/" && p.kind != Regexp && p.slash
		}
		if redirect {
			return short, true, true
		}
	}
	if found != nil {
		in, final, redirect := seek(found.kids, uri, false)
		if in != nil && final {
			return in, true, redirect
		}
		silent := found.kind == NoRegexp
		if in != nil {
			found = in
		}
		if silent {
			return found, false, false
		}
	}
	for _, p := range kids {
		if p.kind != Regexp {
			continue
		}
		if ok, _ := p.m.Match([]byte(uri)); ok {
			if in, _, _ := seek(p.kids, uri, true); in != nil {
				return in, true, false
			}
			return p, true, false
		}
	}
	return found, false, false
}

// scatter adds random locations to both and returns the model.
func scatter(rnd *rand.Rand, l *Locations[int], prefix string, lvl int, id *int) []*place {
	var kids []*place
	for range rnd.Intn(8) {
		*id++
		p := &place{id: *id, lvl: lvl, kind: Kind(rnd.Intn(4)), name: prefix + word(rnd)}
		if p.kind == Regexp {
			p.name = word(rnd)
			p.m = compile(p.name)
		}
		in, err := l.Add(p.kind, p.name, p.m, p.id)
		if err != nil {
			continue
		}
		if rnd.Intn(2) == 0 && strings.HasSuffix(p.name, "/") {
			p.slash = true
			in.AutoRedirect()
		}
		if lvl < 3 && p.kind != Exact {
			p.kids = scatter(rnd, in, p.name, lvl+1, id)
		}
		kids = append(kids, p)
	}
	return kids
}

func word(rnd *rand.Rand) string {
	b := make([]byte, rnd.Intn(4))
	for i := range b {
		b[i] = "ab/"[rnd.Intn(3)]
	}
	return string(b)
}

func TestFindLikeModel(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for round := range 4000 {
		l := NewLocations[int]()
		id := 0
		model := scatter(rnd, l, "", 0, &id)
		l.Finish()
		for range 30 {
			uri := word(rnd) + word(rnd) + word(rnd)
			want, _, redirect := seek(model, uri, false)
			got, err := l.Find([]byte(uri), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got.OK != (want != nil) || got.OK && (got.Loc != want.id || got.AutoRedirect != redirect) {
				t.Fatalf("round %d, uri %q: got %+v, want %+v, redirect %v", round, uri, got, want, redirect)
			}
		}
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

func FuzzFind(f *testing.F) {
	f.Add("/\n^~ /a\n= /b\n/c/ 301", "/c")
	f.Fuzz(func(t *testing.T, names, uri string) {
		l := NewLocations[int]()
		var model []*place
		for i, name := range strings.Split(names, "\n") {
			if strings.HasPrefix(name, "~ ") {
				continue // only the static rules are fuzzed here
			}
			kind, name, _, slash := parse(name)
			if kind == Named {
				continue
			}
			in, err := l.Add(kind, name, nil, i)
			if err != nil {
				continue
			}
			if slash = slash && strings.HasSuffix(name, "/"); slash {
				in.AutoRedirect()
			}
			model = append(model, &place{id: i, kind: kind, name: name, slash: slash})
		}
		l.Finish()
		got, _ := l.Find([]byte(uri), nil)
		want, _, redirect := seek(model, uri, false)
		if got.OK != (want != nil) || got.OK && (got.Loc != want.id || got.AutoRedirect != redirect) {
			t.Fatalf("got %+v, want %+v, redirect %v", got, want, redirect)
		}
	})
}
