package h1

import (
	"strings"
	"testing"

	"weir/http/url"
)

// FuzzTarget sees that the parser of the request line says the same about a target as url.Scan, wherever the bytes are cut.
func FuzzTarget(f *testing.F) {
	for _, in := range []string{
		"/", "/a/b.c?d=e", "/a?b#c?d", "/a#b?c", "/a//b", "/.a", "/a/../b", "/%41?%42", "/a.b/c", "/a.?", "//", "/?", "/a\x7f", "/a b", "/a?\x00",
	} {
		f.Add(in, 3)
	}
	f.Fuzz(func(t *testing.T, in string, cut int) {
		if !strings.HasPrefix(in, "/") || strings.ContainsAny(in, " \r\n") {
			return
		}
		line := []byte("GET " + in + " HTTP/1.1\r\n")
		var p RequestParser
		p.Reset(0)
		if cut > 0 && cut < len(line) {
			_, _ = p.ParseLine(line[:cut])
		}
		_, err := p.ParseLine(line)
		want, ok := url.Scan([]byte(in))
		if ok != (err == nil) {
			t.Fatalf("%q: %v, and the line: %v", in, ok, err)
		}
		if got := p.Shape(); ok && got != want {
			t.Errorf("%q: the line: %+v, the target: %+v", in, got, want)
		}
	})
}
