package proxy

import (
	"testing"
)

var cgiTests = []responseTest{
	{name: "fields alone", in: "A: b\r\n\r\nhello", want: `200 200 OK A="b" "hello" EOF`},
	{name: "LF only", in: "A: b\n\nhello", want: `200 200 OK A="b" "hello" EOF`},
	{name: "a status line", in: "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nhello", want: `404 404 Not Found A="b" "hello" EOF`},
	{name: "a status line without a reason", in: "HTTP/1.0 500\r\n\r\n", want: `500 500 "" EOF`},
	{name: "Status", in: "Status: 404 Nope\r\n\r\nhello", want: `404 404 Nope Status="404 Nope" "hello" EOF`},
	{name: "both", in: "HTTP/1.1 201 A\r\nStatus: 404 B\r\n\r\n", want: `201 201 A Status="404 B" "" EOF`},
	{name: "Location", in: "Location: /x\r\n\r\n", want: `302 302 Moved Temporarily Location="/x" "" EOF`},
	{name: "a status that is none", in: "Status: 2x0\r\n\r\n", want: "bad"},
	{name: "H is the first letter of a field", in: "HT: b\r\n\r\n", want: `200 200 OK HT="b" "" EOF`},
	{name: "length", in: "Content-Length: 5\r\n\r\nhello", want: `200 200 OK Content-Length="5" "hello" end`},
	{name: "less", in: "Content-Length: 6\r\n\r\nhello", want: `200 200 OK Content-Length="6" "hello"`},
	{name: "more", in: "Content-Length: 4\r\n\r\nhello", want: `200 200 OK Content-Length="4" "hell" end`},
	{name: "nothing, and more", in: "Content-Length: 0\r\n\r\nhello", want: `200 200 OK Content-Length="0" "" end`},
	{name: "chunked means nothing", in: "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", want: `200 200 OK Transfer-Encoding="chunked" "0\r\n\r\n" EOF`},
	{name: "204", in: "Status: 204 No Content\r\n\r\nx", want: `204 204 No Content Status="204 No Content" "" end`},
	{name: "304", in: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", want: `304 304 Not Modified Content-Length="5" "" end`},
	{name: "HEAD", head: true, in: "Content-Length: 5\r\n\r\n", want: `200 200 OK Content-Length="5" "" end`},

	{name: "nothing", in: "", want: "more"},
	{name: "half a status line", in: "HTTP/1.1 200", want: "more"},
	{name: "half a head", in: "A: b\r\n", want: "more"},
	{name: "no head", in: "\x00\x01\x02\r\n", want: "bad"},
	{name: "a text", in: "hello\r\n\r\n", want: `200 200 OK hello="" "" EOF`},
	{name: "no name", in: ": x\r\n\r\n", want: "bad"},
	{name: "two lengths", in: "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", want: "bad"},
}

func TestCGIResponse(t *testing.T) {
	l := &scgiLoc{scgiConf: &scgiConf{}}
	testReplies(t, func() protocol { return l.protocol(nil) }, cgiTests)
}

func FuzzCGI(f *testing.F) {
	for _, tt := range cgiTests {
		f.Add(tt.in, len(tt.in)/2)
	}
	l := &uwsgiLoc{uwsgiConf: &uwsgiConf{}}
	f.Fuzz(func(t *testing.T, in string, cut int) {
		r := fuzzRequest()
		fuzzReply(t, r, func() protocol { return l.protocol(nil) }, in, cut)
	})
}
