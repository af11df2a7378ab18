package logs

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

var escapeTests = []struct{ name, value, byDefault, asJSON string }{
	{"plain", "GET / HTTP/1.1", "GET / HTTP/1.1", "GET / HTTP/1.1"},
	{"empty", "", "", ""},
	{"quotes", `a"b\c`, `a\x22b\x5Cc`, `a\"b\\c`},
	{"controls", "\x00\x01\x1f", `\x00\x01\x1F`, `\u0000\u0001\u001F`},
	{"short controls", "\b\t\n\f\r\v", `\x08\x09\x0A\x0C\x0D\x0B`, `\b\t\n\f\r\u000B`},
	{"delete and above", "\x7f\x80\xff é", `\x7F\x80\xFF \xC3\xA9`, "\x7f\x80\xff é"},
	{"only at the ends", "\"x\"", `\x22x\x22`, `\"x\"`},
	{"tilde and slash", "~/a b", "~/a b", "~/a b"},
}

func TestAppendEscaped(t *testing.T) {
	for _, tt := range escapeTests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(AppendEscaped([]byte("|"), tt.value, EscapeDefault)); got != "|"+tt.byDefault {
				t.Errorf("default: %q; want %q", got, "|"+tt.byDefault)
			}
			if got := string(AppendEscaped(nil, []byte(tt.value), EscapeJSON)); got != tt.asJSON {
				t.Errorf("json: %q; want %q", got, tt.asJSON)
			}
			if got := string(AppendEscaped(nil, tt.value, EscapeNone)); got != tt.value {
				t.Errorf("none: %q", got)
			}
		})
	}
}

func TestAppendMissing(t *testing.T) {
	for e, want := range map[Escape]string{EscapeDefault: "-", EscapeJSON: "", EscapeNone: ""} {
		if got := string(AppendMissing(nil, e)); got != want {
			t.Errorf("%d: %q; want %q", e, got, want)
		}
	}
}

func TestParseEscape(t *testing.T) {
	for s, want := range map[string]Escape{"default": EscapeDefault, "json": EscapeJSON, "none": EscapeNone} {
		if got, ok := ParseEscape(s); !ok || got != want {
			t.Errorf("%s: %d, %v", s, got, ok)
		}
	}
	if _, ok := ParseEscape("JSON"); ok {
		t.Error("JSON is not a word of log_format")
	}
}

func TestAppendEscapedAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 1024)
	value := []byte("GET /\"\\\n\x80?a=b HTTP/1.1")
	for _, e := range []Escape{EscapeDefault, EscapeJSON, EscapeNone} {
		if n := testing.AllocsPerRun(100, func() { dst = AppendEscaped(dst[:0], value, e) }); n != 0 {
			t.Errorf("escape %d allocates %v times; want 0", e, n)
		}
	}
}

func FuzzAppendEscaped(f *testing.F) {
	for _, tt := range escapeTests {
		f.Add([]byte(tt.value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		def := AppendEscaped(nil, value, EscapeDefault)
		for _, c := range def {
			if c < ' ' || c >= 0x7f || c == '"' {
				t.Fatalf("%q gives %q", value, def)
			}
		}
		if back := unescape(def); !bytes.Equal(back, value) {
			t.Fatalf("%q gives %q, which means %q", value, def, back)
		}
		if !utf8.Valid(value) {
			return
		}
		var back string
		text := `"` + string(AppendEscaped(nil, value, EscapeJSON)) + `"`
		if err := json.Unmarshal([]byte(text), &back); err != nil || back != string(value) {
			t.Fatalf("%q gives %s, which means %q (%v)", value, text, back, err)
		}
	})
}

// unescape undoes the default escape.
func unescape(b []byte) []byte {
	out := []byte{}
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			out = append(out, b[i])
			continue
		}
		hex := strings.IndexByte(upperHex, b[i+2])<<4 | strings.IndexByte(upperHex, b[i+3])
		out = append(out, byte(hex))
		i += 3
	}
	return out
}
