package field

import (
	"bytes"
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	for id := ID(1); id < count; id++ {
		name := id.String()
		if len(name) < minName || len(name) > maxName {
			t.Fatalf("%q does not fit the table", name)
		}
		for _, s := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if got := Lookup([]byte(s)); got != id {
				t.Errorf("%q: got %d, want %d", s, got, id)
			}
		}
		// Any other byte in any place makes it another name.
		for i := range len(name) {
			for c := range 256 {
				b := []byte(name)
				b[i] = byte(c)
				if !strings.EqualFold(string(b), name) && Lookup(b) == id && !EqualFold(b, name) {
					t.Errorf("%q is taken for %q", b, name)
				}
			}
		}
		for _, s := range []string{name[1:], name[:len(name)-1], name + "s", strings.ReplaceAll(name, "-", "_") + "_"} {
			if got := Lookup([]byte(s)); got == id {
				t.Errorf("%q is taken for %q", s, name)
			}
		}
	}
	for _, s := range []string{"", "x", "X-Unknown", "content\rlength", "Content_Length", strings.Repeat("a", 300)} {
		if got := Lookup([]byte(s)); got != Unknown {
			t.Errorf("%q is taken for %q", s, got)
		}
	}
}

// TestSlots sees that no two names share a slot: if it fails, mult or slotBits must change.
func TestSlots(t *testing.T) {
	seen := map[uint32]string{}
	for _, name := range names[1:] {
		n := len(name)
		slot := slotOf(n, name[0], name[n>>1], name[n-1])
		if other := seen[slot]; other != "" {
			t.Errorf("%s and %s share slot %d", name, other, slot)
		}
		seen[slot] = name
	}
}

func testFields() Fields {
	f := func(name, value string) Field {
		return Field{ID: Lookup([]byte(name)), Name: []byte(name), Value: []byte(value)}
	}
	return Fields{f("Host", "a"), f("cookie", "b=1"), f("X-Mine", "c"), f("Cookie", "d=2"), f("Accept", "")}
}

func TestFields(t *testing.T) {
	f := testFields()
	if got := string(f.Get(Cookie)); got != "b=1" {
		t.Errorf("Get: %q", got)
	}
	if f.Get(Range) != nil || f.Find(Range) != nil || f.Has(Range) {
		t.Error("found what is not there")
	}
	if v := f.Get(Accept); v == nil || len(v) != 0 {
		t.Error("an empty value is not nil")
	}
	if n := f.Count(Cookie); n != 2 {
		t.Errorf("Count: %d", n)
	}
	var all []string
	for v := range f.All(Cookie) {
		all = append(all, string(v))
	}
	if strings.Join(all, "|") != "b=1|d=2" {
		t.Errorf("All: %q", all)
	}
	if got := string(f.AppendJoined([]byte("> "), Cookie, "; ")); got != "> b=1; d=2" {
		t.Errorf("AppendJoined: %q", got)
	}
	for name, want := range map[string]string{"x-mine": "c", "COOKIE": "b=1", "Host": "a", "x-other": ""} {
		if got := string(f.GetName([]byte(name))); got != want {
			t.Errorf("GetName %s: %q", name, got)
		}
	}
	for _, tt := range []struct {
		flags                Flags
		plain, withUnderline bool
	}{{0, true, true}, {Underscore, false, true}, {Invalid, false, false}, {Invalid | Underscore, false, false}} {
		f := Field{Flags: tt.flags}
		if f.Valid(false) != tt.plain || f.Valid(true) != tt.withUnderline {
			t.Errorf("flags %d", tt.flags)
		}
	}
}

func TestEqualFold(t *testing.T) {
	for a := range 256 {
		for b := range 128 {
			want := bytes.EqualFold([]byte{byte(a)}, []byte{byte(b)}) && a < 128
			if got := EqualFold([]byte{byte(a)}, string(rune(b))); got != want {
				t.Fatalf("%#x and %#x: %v", a, b, got)
			}
		}
	}
	if EqualFold([]byte("ab"), "abc") || !EqualFold([]byte("aB-1"), "Ab-1") {
		t.Error("lengths or cases")
	}
}

func TestFieldsAllocs(t *testing.T) {
	f, name := testFields(), []byte("x-mine")
	n := 0
	if a := testing.AllocsPerRun(100, func() {
		for v := range f.All(Cookie) {
			n += len(v)
		}
		n += len(f.GetName(name)) + len(f.Get(Accept))
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, s := range []string{"Host", "Accept-Encoding", "If-Unmodified-Since", "X-Unknown-Header"} {
		b.Run(s, func(b *testing.B) {
			name := []byte(s)
			for b.Loop() {
				Lookup(name)
			}
		})
	}
}
