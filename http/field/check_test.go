package field

import (
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	for name, want := range map[string]struct {
		flags Flags
		ok    bool
	}{
		"a-Z0": {0, true}, "a_b": {Underscore, true}, "a.b": {Invalid, true}, "a_(": {Underscore | Invalid | NoToken, true}, "\xe4": {Invalid | NoToken, true},
		"!#$%&'*+.^`|~": {Invalid, true}, "a[b]": {Invalid | NoToken, true}, "@": {Invalid | NoToken, true}, "a/": {Invalid | NoToken, true},
		"": {}, "a:b": {}, ":path": {}, "a b": {}, "a\x7f": {}, "a\x00": {}, "\t": {},
	} {
		if flags, ok := CheckName([]byte(name)); ok != want.ok || ok && flags != want.flags {
			t.Errorf("%q: %v, %v", name, flags, ok)
		}
	}
}

func TestCheckValue(t *testing.T) {
	for c := range 256 {
		for _, at := range []int{0, 3, 8, 20} {
			v := []byte(strings.Repeat("x", 21))
			v[at] = byte(c)
			if ok := CheckValue(v); ok != (c >= ' ' && c != 0x7f || c == '\t') {
				t.Errorf("%q: %v", v, ok)
			}
		}
	}
}

func TestOnce(t *testing.T) {
	if !Host.Once() || !ContentLength.Once() || Cookie.Once() || Unknown.Once() {
		t.Error("wrong fields may be sent once only")
	}
	again, first := &Field{ID: Expect, Name: []byte("expect"), Value: []byte("b")}, &Field{Name: []byte("Expect"), Value: []byte("a")}
	if got, want := string(AppendDuplicate(nil, again, first)), `sent duplicate header line: "expect: b", previous value: "Expect: a"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	again.ID = Host
	if got := string(AppendDuplicate(nil, again, first)); !strings.HasPrefix(got, "sent duplicate host header: ") {
		t.Error(got)
	}
}

func TestHasToken(t *testing.T) {
	for _, tt := range []struct {
		value, token string
		want         bool
	}{
		{"close", "close", true},
		{"Keep-Alive, CLOSE", "close", true},
		{"xclosex", "close", true},
		{"clos", "close", false},
		{"cclose", "close", true},
		{"", "close", false},
		{"keep alive", "keep-alive", false},
	} {
		if got := HasToken([]byte(tt.value), tt.token); got != tt.want {
			t.Errorf("%q in %q: %v", tt.token, tt.value, got)
		}
	}
}
