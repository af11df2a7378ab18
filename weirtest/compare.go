package weirtest

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Compare says in what two answers differ; "" when they do not. Status, reason, names and values and order of the header fields, and the
// body must be equal, but for what may differ between any two servers: the value of Date, of Server, the server's name in a built-in page,
// the boundary of a multipart body, and the length that follows from those.
func Compare(a, b *Answer) string {
	var d []string
	note := func(format string, args ...any) { d = append(d, fmt.Sprintf(format, args...)) }
	if a.Proto != b.Proto || a.Status != b.Status || a.Reason != b.Reason {
		note("status line: %s %d %s | %s %d %s", a.Proto, a.Status, a.Reason, b.Proto, b.Status, b.Reason)
	}
	x, y := tidy(a), tidy(b)
	if !slices.Equal(x.Headers, y.Headers) {
		note("headers:\n\t%s\n\t%s", list(x.Headers), list(y.Headers))
	}
	if !bytes.Equal(x.Body, y.Body) {
		note("body: %.300q | %.300q", x.Body, y.Body)
	}
	if a.Chunked != b.Chunked || (a.Cut == nil) != (b.Cut == nil) {
		note("framing: chunked %v, cut %v | chunked %v, cut %v", a.Chunked, a.Cut, b.Chunked, b.Cut)
	}
	if !slices.Equal(a.Trailers, b.Trailers) {
		note("trailers: %s | %s", list(a.Trailers), list(b.Trailers))
	}
	return strings.Join(d, "\n")
}

// CompareAll compares all answers that came on a connection.
func CompareAll(a, b []*Answer) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d answers %v | %d answers %v", len(a), statuses(a), len(b), statuses(b))
	}
	var d []string
	for i := range a {
		if s := Compare(a[i], b[i]); s != "" {
			d = append(d, fmt.Sprintf("answer %d: %s", i+1, s))
		}
	}
	return strings.Join(d, "\n")
}

var (
	builtinPage = regexp.MustCompile(`<hr><center>(nginx|weir)(/[^<]*)?</center>`)
	boundary    = regexp.MustCompile(`boundary=([0-9A-Za-z]+)`)
)

// tidy returns a copy of an answer without what may differ.
func tidy(a *Answer) *Answer {
	t := &Answer{Body: a.Body, Headers: slices.Clone(a.Headers)}
	t.Body = builtinPage.ReplaceAll(t.Body, []byte("<hr><center>SERVER</center>"))
	changed := len(t.Body) != len(a.Body) || (len(a.Body) == 0 && a.Status >= 300) // HEAD: the length of a page that is not sent
	for i, h := range t.Headers {
		switch strings.ToLower(h.Name) {
		case "date", "server":
			t.Headers[i].Value = "*"
		case "content-type":
			if m := boundary.FindStringSubmatch(h.Value); m != nil {
				t.Headers[i].Value = strings.ReplaceAll(h.Value, m[1], "*")
				t.Body = bytes.ReplaceAll(t.Body, []byte(m[1]), []byte("*"))
			}
		case "content-length":
			if changed {
				t.Headers[i].Value = "*"
			}
		}
	}
	return t
}

func list(hs []Header) string {
	var s []string
	for _, h := range hs {
		s = append(s, h.Name+": "+h.Value)
	}
	return strings.Join(s, "; ")
}

func statuses(as []*Answer) []int {
	var s []int
	for _, a := range as {
		s = append(s, a.Status)
	}
	return s
}
