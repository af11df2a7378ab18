package http

import (
	"bytes"
	"strings"
	"testing"
)

func TestLookupHeader(t *testing.T) {
	for id := HeaderID(1); id < headerCount; id++ {
		name := id.String()
		if len(name) < minHeaderName || len(name) > maxHeaderName {
			t.Fatalf("%q does not fit the table", name)
		}
		for _, s := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if got := LookupHeader([]byte(s)); got != id {
				t.Errorf("%q: got %d, want %d", s, got, id)
			}
		}
		// Any other byte in any place makes it another name.
		for i := range len(name) {
			for c := range 256 {
				b := []byte(name)
				b[i] = byte(c)
				if !strings.EqualFold(string(b), name) && LookupHeader(b) == id && !EqualFold(b, name) {
					t.Errorf("%q is taken for %q", b, name)
				}
			}
		}
		for _, s := range []string{name[1:], name[:len(name)-1], name + "s", strings.ReplaceAll(name, "-", "_") + "_"} {
			if got := LookupHeader([]byte(s)); got == id {
				t.Errorf("%q is taken for %q", s, name)
			}
		}
	}
	for _, s := range []string{"", "x", "X-Unknown", "content\rlength", "Content_Length", strings.Repeat("a", 300)} {
		if got := LookupHeader([]byte(s)); got != HdrUnknown {
			t.Errorf("%q is taken for %q", s, got)
		}
	}
}

// TestHeaderSlots sees that no two names share a slot: if it fails, headerMult or headerBits must change.
func TestHeaderSlots(t *testing.T) {
	seen := map[uint32]string{}
	for _, name := range headerNames[1:] {
		n := len(name)
		slot := headerSlot(n, name[0], name[n>>1], name[n-1])
		if other := seen[slot]; other != "" {
			t.Errorf("%s and %s share slot %d", name, other, slot)
		}
		seen[slot] = name
	}
}

func testFields() Fields {
	f := func(name, value string) Field {
		return Field{ID: LookupHeader([]byte(name)), Name: []byte(name), Value: []byte(value)}
	}
	return Fields{f("Host", "a"), f("cookie", "b=1"), f("X-Mine", "c"), f("Cookie", "d=2"), f("Accept", "")}
}

func TestFields(t *testing.T) {
	f := testFields()
	if got := string(f.Get(HdrCookie)); got != "b=1" {
		t.Errorf("Get: %q", got)
	}
	if f.Get(HdrRange) != nil || f.Find(HdrRange) != nil || f.Has(HdrRange) {
		t.Error("found what is not there")
	}
	if v := f.Get(HdrAccept); v == nil || len(v) != 0 {
		t.Error("an empty value is not nil")
	}
	if n := f.Count(HdrCookie); n != 2 {
		t.Errorf("Count: %d", n)
	}
	var all []string
	for v := range f.All(HdrCookie) {
		all = append(all, string(v))
	}
	if strings.Join(all, "|") != "b=1|d=2" {
		t.Errorf("All: %q", all)
	}
	if got := string(f.AppendJoined([]byte("> "), HdrCookie, "; ")); got != "> b=1; d=2" {
		t.Errorf("AppendJoined: %q", got)
	}
	for name, want := range map[string]string{"x-mine": "c", "COOKIE": "b=1", "Host": "a", "x-other": ""} {
		if got := string(f.GetName([]byte(name))); got != want {
			t.Errorf("GetName %s: %q", name, got)
		}
	}
	for _, tt := range []struct {
		flags                NameFlags
		plain, withUnderline bool
	}{{0, true, true}, {NameUnderscore, false, true}, {NameInvalid, false, false}, {NameInvalid | NameUnderscore, false, false}} {
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
		for v := range f.All(HdrCookie) {
			n += len(v)
		}
		n += len(f.GetName(name)) + len(f.Get(HdrAccept))
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkLookupHeader(b *testing.B) {
	for _, s := range []string{"Host", "Accept-Encoding", "If-Unmodified-Since", "X-Unknown-Header"} {
		b.Run(s, func(b *testing.B) {
			name := []byte(s)
			for b.Loop() {
				LookupHeader(name)
			}
		})
	}
}
