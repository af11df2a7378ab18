package route

import (
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// TestNamesVerified holds answers taken from nginx 1.31.5.
func TestNamesVerified(t *testing.T) {
	n := NewNames[string]()
	var conflicts []string
	for _, name := range []string{
		"a.b", ".a.b", ".c.b", "*.c.b", "*.d.b", ".d.b", "mail.*", "mail.x.*", "*.x", "~^re", "~^rex", "*.i.", "K2.b",
	} {
		if pattern, ok := strings.CutPrefix(name, "~"); ok {
			n.AddRegexp(compile(pattern), name)
			continue
		}
		var c *ConflictError
		if err := n.Add(name, name); errors.As(err, &c) {
			conflicts = append(conflicts, c.Name)
		} else if err != nil {
			t.Error(err)
		}
	}
	if got := fmt.Sprint(conflicts); got != "[.a.b *.c.b .d.b]" {
		t.Errorf("conflicts %s", got)
	}
	tests := []struct{ host, want string }{
		{"a.b", "a.b"},
		{"x.a.b", ""},
		{"c.b", ".c.b"},
		{"q.c.b", ".c.b"},
		{"d.b", ""},
		{"q.d.b", "*.d.b"},
		{"y.x.d.b", "*.d.b"},
		{"mail", ""},
		{"mail.a", "mail.*"},
		{"mail.x", "*.x"},
		{"mail.x.a", "mail.x.*"},
		{"mail.x.x", "*.x"},
		{"mail.q.x", "*.x"},
		{"mailx", ""},
		{"re.x", "*.x"},
		{"re.b", "~^re"},
		{"rexx.c", "~^re"},
		{".a.b", ""},
		{".mail", ""},
		{".c.b", ".c.b"},
		{".x", "*.x"},
		{"x", ""},
		{"k2.b", "K2.b"},
		{"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			got, ok, err := n.Find([]byte(tt.host), nil)
			if err != nil || ok != (tt.want != "") || ok && got != tt.want {
				t.Errorf("got %q, %v, %v, want %q", got, ok, err, tt.want)
			}
		})
	}
}

func TestNamesErrors(t *testing.T) {
	for _, name := range []string{"..", "*.a.*", "w*.a", "a*", "a.*.b", "a..b", "*.*", "a.*.", "*..a", "a..*", "..a"} {
		n := NewNames[int]()
		want := `invalid server name or wildcard "` + name + `"`
		if err := n.Add(name, 1); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, name := range []string{"*", "*.", ".", "*a.b", "**"} {
		want := `server name "` + name + `" is invalid`
		if err := CheckName(name); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, name := range []string{"", "..", ".a", "a.*", "*.a", "a*", "_"} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, pair := range []string{"a A", " ", ".b .B", "*.b *.B", "b.* B.*", "a.b .a.b", ".a.b a.b", ".a.b *.a.b", "*.a.b .a.b"} {
		n := NewNames[int]()
		a, b, _ := strings.Cut(pair, " ")
		if err := n.Add(a, 1); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		want := `conflicting server name "` + strings.ToLower(b) + `"`
		if err := n.Add(b, 2); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", pair, err, want)
		}
	}
}

// slow is Find said by looking at every name.
func slow(names []string, host string) string {
	best, rank := "", 0
	for _, name := range names {
		r := 0
		switch bare := strings.Trim(name, "*"); {
		case name == host || "."+host == name:
			r = 1 << 20
		case (name[0] == '*' || name[0] == '.') && strings.HasSuffix(host, bare):
			r = 1<<10 + len(bare)
		case strings.HasSuffix(name, "*") && strings.HasPrefix(host, bare):
			r = len(bare)
		}
		if r > rank {
			best, rank = name, r
		}
	}
	return best
}

func TestNamesLikeModel(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	host := func() string {
		parts := make([]string, 1+rnd.Intn(4))
		for i := range parts {
			parts[i] = []string{"a", "b", "ab"}[rnd.Intn(3)]
		}
		return strings.Join(parts, ".")
	}
	for range 3000 {
		n := NewNames[string]()
		var kept []string
		for range rnd.Intn(8) {
			name := []string{"", "*.", "."}[rnd.Intn(3)] + host()
			if rnd.Intn(4) == 0 {
				name = host() + ".*"
			}
			if n.Add(name, name) == nil {
				kept = append(kept, name)
			}
		}
		for range 20 {
			h := host()
			if got, _, _ := n.Find([]byte(h), nil); got != slow(kept, h) {
				t.Fatalf("%v, host %q: got %q, want %q", kept, h, got, slow(kept, h))
			}
		}
	}
}

func TestNamesTry(t *testing.T) {
	n := NewNames[int]()
	n.AddRegexp(failing{}, 1)
	if _, ok, err := n.Find([]byte("x"), nil); ok || err == nil {
		t.Error("no error")
	}
	s, ok, err := n.Find([]byte("x"), func(Matcher, int) (bool, error) { return true, nil })
	if s != 1 || !ok || err != nil {
		t.Error(s, ok, err)
	}
}

func manyNames() *Names[int] {
	n := NewNames[int]()
	for i := range 10000 {
		for _, name := range []string{fmt.Sprintf("host%d.example.com", i), fmt.Sprintf("*.wild%d.example.com", i), fmt.Sprintf("mail%d.*", i)} {
			if err := n.Add(name, i); err != nil {
				panic(err)
			}
		}
	}
	return n
}

func TestNamesAllocs(t *testing.T) {
	n := manyNames()
	for _, host := range []string{"host77.example.com", "a.wild77.example.com", "mail77.org", "none.example.com"} {
		h := []byte(host)
		if a := testing.AllocsPerRun(100, func() { n.Find(h, nil) }); a != 0 {
			t.Errorf("%s: %v allocations", host, a)
		}
	}
}

func BenchmarkNames(b *testing.B) {
	n := manyNames()
	for _, host := range []string{"host77.example.com", "a.wild77.example.com", "mail77.org", "none.example.com"} {
		h := []byte(host)
		b.Run(host, func(b *testing.B) {
			for b.Loop() {
				n.Find(h, nil)
			}
		})
	}
}

func FuzzNames(f *testing.F) {
	f.Add("*.a.b .c mail.* x", "x.a.b")
	f.Fuzz(func(t *testing.T, names, host string) {
		n := NewNames[string]()
		for name := range strings.SplitSeq(names, " ") {
			if err := n.Add(name, name); err == nil && n.Len() == 0 {
				t.Fatalf("%q was lost", name)
			}
		}
		server, ok, err := n.Find([]byte(host), nil)
		if err != nil || !ok && server != "" {
			t.Fatal(server, ok, err)
		}
	})
}
