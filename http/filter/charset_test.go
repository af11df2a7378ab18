package filter

import (
	"strings"
	"testing"
)

// maps makes the charsets of the tests: two of one byte, and utf-8.
func maps(t *testing.T) (k, a, u *charset) {
	t.Helper()
	known := &charsets{}
	k, a, u = known.add("K"), known.add("A"), known.add("UTF-8")
	if known.add("utf-8") != u || known.find([]byte("k")) != k || known.find([]byte("none")) != nil {
		t.Error("names know case")
	}
	add := utf8Map(k, u)
	for _, line := range []struct{ code, value string }{{"C0", "D18E"}, {"C1", "D0B0"}, {"80", "E282AC"}} {
		code, ok := parseCode(line.code)
		if !ok || !add(code, line.value) {
			t.Fatalf("line %v is refused", line)
		}
	}
	if add := byteMap(k, a); !add(0xc0, "7A") || !add(0x58, "59") {
		t.Fatal("a line is refused")
	}
	return k, a, u
}

// TestRecode recodes texts whole, and cut at every place into two and into single bytes.
func TestRecode(t *testing.T) {
	k, a, u := maps(t)
	tests := []struct {
		name     string
		from, to *charset
		in, want string
	}{
		{"to utf-8", k, u, "abc\xc0\xc1\x80", "abcюа€"},
		{"no character", k, u, "a\xffb", "a?b"},
		{"bytes", k, a, "X\xc0a\xc1", "Yza?"},
		{"bytes back", a, k, "Yza", "X\xc0a"},
		{"from utf-8", u, k, "abcюа€", "abc\xc0\xc1\x80"},
		{"not in the map", u, k, "ж€😀", "&#1078;\x80&#128512;"},
		{"no utf-8", u, k, "\xff\x80\xc1", "???"},
		{"spoilt", u, k, "\xc3A\xe2\x82B\xf0\x9fCD", "???D"},
		{"too long for what it says", u, k, "\xe0\x80\x80.", "?."},
		{"beyond unicode", u, k, "\xf7\xbf\xbf\xbf.", "?."},
		{"a surrogate", u, k, "\xed\xa0\x80", "&#55296;"},
		{"unfinished at the end", u, k, "a\xe2\x82", "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := func(parts ...string) {
				c := &recoder{table: tt.from.to[tt.to]}
				var got []byte
				for _, p := range parts {
					got = c.append(got, []byte(p))
				}
				if string(got) != tt.want {
					t.Errorf("%q becomes %q, want %q", parts, got, tt.want)
				}
			}
			check(tt.in)
			for i := range tt.in {
				check(tt.in[:i], tt.in[i:])
			}
			check(strings.Split(tt.in, "")...)
			single := make([]string, len(tt.in))
			for i := range single {
				single[i] = tt.in[i : i+1]
			}
			check(single...)
		})
	}
}

func TestCharsetMapValues(t *testing.T) {
	tests := []struct {
		value string
		ok    bool
	}{
		{"D18E", true},
		{"d18e", true},
		{"E282AC", true},
		{"", false},
		{"D1", false},
		{"D18", false},
		{"41", false},
		{"F09F9880", false},
		{"D1zz", false},
		{"D1+1", false},
		{"E28", false},
		{"D141", false},
		{"E28041", false},
	}
	for _, tt := range tests {
		known := &charsets{}
		if ok := utf8Map(known.add("K"), known.add("utf-8"))(0xc0, tt.value); ok != tt.ok {
			t.Errorf("%q: %v, want %v", tt.value, ok, tt.ok)
		}
	}
	for s, want := range map[string]bool{"0": true, "ff": true, "0FF": true, "100": false, "": false, "+1": false, "-1": false, "0x1": false, "1_1": false, "g": false} {
		if _, ok := parseCode(s); ok != want {
			t.Errorf("parseCode(%q): %v, want %v", s, ok, want)
		}
	}
}

// FuzzRecode holds what is recoded in two parts against what is recoded at once, and sees that nothing
// grows beyond the room that recode makes for it.
func FuzzRecode(f *testing.F) {
	f.Add([]byte("abcюа€\xe2\x82"), 4)
	f.Add([]byte("\xf0\x9f\x98\x80\xff"), 2)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		k, _, u := maps(t)
		if cut < 0 || cut > len(in) {
			cut = len(in) / 2
		}
		for _, table := range []*recoding{k.to[u], u.to[k]} {
			whole := (&recoder{table: table}).append(nil, in)
			c := &recoder{table: table}
			parts := c.append(c.append(nil, in[:cut]), in[cut:])
			if string(whole) != string(parts) {
				t.Errorf("%q cut at %d: %q, want %q", in, cut, parts, whole)
			}
			if len(whole) > 4*(len(in)+len(c.kept)) {
				t.Errorf("%q becomes %d bytes", in, len(whole))
			}
		}
	})
}
