package h1

import (
	"fmt"
	"strings"
	"testing"
)

// strictTests are bodies that nginx takes; fault says that a request may not have them. They are also the seeds of
// FuzzStrict.
var strictTests = []struct {
	name, in string
	fault    bool
}{
	{"none", "1\r\na\r\n0\r\n\r\n", false},
	{"name", "1;a\r\na\r\n0;b;c\r\n\r\n", false},
	{"token", "1;a=b;c=!d\r\na\r\n0\r\n\r\n", false},
	{"quoted string", "1;a=\"b;\t \\\" \xff\"\r\na\r\n0\r\n\r\n", false},
	{"empty quoted string", "1;a=\"\"\r\na\r\n0\r\n\r\n", false},
	{"spaces around each part", "1 ; a = b ; c =\t\"d\" ;e\t\r\na\r\n0\r\n\r\n", false},
	{"spaces at the end", "1;a \r\na\r\n0;a=b \r\n\r\n", false},
	{"trailers", "0\r\nA: b\r\nC:\r\nD-e.f:\tg \xff\r\n\r\n", false},

	{"spaces only", "1 \r\na\r\n0\r\n\r\n", true},
	{"tab only", "1\t\r\na\r\n0\r\n\r\n", true},
	{"semicolon only", "1;\r\na\r\n0\r\n\r\n", true},
	{"semicolon and space", "1; \r\na\r\n0\r\n\r\n", true},
	{"two semicolons", "1;a;;b\r\na\r\n0\r\n\r\n", true},
	{"semicolon at the end", "1;a=b;\r\na\r\n0\r\n\r\n", true},
	{"no semicolon", "1 a\r\na\r\n0\r\n\r\n", true},
	{"no name", "1;=b\r\na\r\n0\r\n\r\n", true},
	{"no value", "1;a=\r\na\r\n0\r\n\r\n", true},
	{"two names", "1;a b\r\na\r\n0\r\n\r\n", true},
	{"two values", "1;a=b c\r\na\r\n0\r\n\r\n", true},
	{"quoted name", "1;\"a\"\r\na\r\n0\r\n\r\n", true},
	{"more behind a quoted string", "1;a=\"b\"c\r\na\r\n0\r\n\r\n", true},
	{"quote in a token", "1;a=b\"c\"\r\na\r\n0\r\n\r\n", true},
	{"open quoted string", "1;a=\"b\r\na\r\n0\r\n\r\n", true},
	{"open escape", "1;a=\"b\\\r\na\r\n0\r\n\r\n", true},
	{"NUL", "1;a\x00\r\na\r\n0\r\n\r\n", true},
	{"NUL in a quoted string", "1;a=\"\x00\"\r\na\r\n0\r\n\r\n", true},
	{"DEL", "1;a=\"\x7f\"\r\na\r\n0\r\n\r\n", true},
	{"no token", "1;a[b]\r\na\r\n0\r\n\r\n", true},
	{"of the last chunk", "1\r\na\r\n0;\r\n\r\n", true},

	{"trailer without a colon", "0\r\nA\r\n\r\n", true},
	{"trailer without a name", "0\r\n: b\r\n\r\n", true},
	{"folded trailer", "0\r\nA: b\r\n c\r\n\r\n", true},
	{"trailer folded with a tab", "0\r\nA: b\r\n\tc\r\n\r\n", true},
	{"space before the colon", "0\r\nA : b\r\n\r\n", true},
	{"space in the name", "0\r\nA b: c\r\n\r\n", true},
	{"trailer's name is no token", "0\r\nA[: b\r\n\r\n", true},
	{"NUL in a trailer", "0\r\nA: \x00\r\n\r\n", true},
	{"control byte in a trailer", "0\r\nA: b\x01\r\n\r\n", true},
}

func TestStrict(t *testing.T) {
	for _, tt := range strictTests {
		t.Run(tt.name, func(t *testing.T) {
			check := func(how string, strict bool, parts ...string) {
				t.Helper()
				var d Chunked
				if strict {
					d.Strict()
				}
				_, rest, done, err := dechunk(&d, 1<<20, parts...)
				fault := strict && tt.fault
				if done == fault || (err == FaultChunk) != fault || done && rest != "" {
					t.Errorf("%s: rest %q, done %v, %v", how, rest, done, err)
				}
			}
			check("not strict", false, tt.in)
			check("at once", true, tt.in)
			check("byte by byte", true, strings.Split(tt.in, "")...)
			for cut := range len(tt.in) {
				check(fmt.Sprint("cut at ", cut), true, tt.in[:cut], tt.in[cut:])
			}
		})
	}
}

// FuzzStrict sees that strict reading refuses more than the other, and else says the same.
func FuzzStrict(f *testing.F) {
	for _, tt := range strictTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var strict, lax Chunked
		strict.Strict()
		body, rest, done, err := dechunk(&strict, 1<<20, in)
		body2, rest2, done2, err2 := dechunk(&lax, 1<<20, in)
		if err == nil && (body != body2 || rest != rest2 || done != done2 || err2 != nil) {
			t.Errorf("strict: %q %q %v, else %q %q %v %v", body, rest, done, body2, rest2, done2, err2)
		}
		if !strings.HasPrefix(body2, body) {
			t.Errorf("strict: %q, else %q", body, body2)
		}
	})
}
