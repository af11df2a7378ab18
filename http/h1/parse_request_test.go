package h1

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/http"
)

// requestTests are also the seeds of FuzzRequest. want is describeRequest's text, or the fault.
var requestTests = []struct{ name, in, want string }{
	{"get", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" Host="a"`},
	{"LF only", "GET / HTTP/1.1\nHost: a\nFoo: b\n\n", `GET 1001 "/" uri="/" args="" ext="" Host="a" Foo="b"`},
	{"empty lines first", "\r\n\n\rGET / HTTP/1.1\r\n\r\n", `GET 1001 "/" uri="/" args="" ext=""`},
	{"HTTP/1.0", "HEAD /a HTTP/1.0\r\n\r\n", `HEAD 1000 "/a" uri="/a" args="" ext=""`},
	{"HTTP/0.9", "GET /a?b\r\n", `GET 9 "/a?b" uri="/a" args="b" ext=""`},
	{"HTTP/0.9 with LF", "GET /a.txt\n", `GET 9 "/a.txt" uri="/a.txt" args="" ext="txt"`},
	{"HTTP/0.9 with spaces", "GET /a  \r\n", `GET 9 "/a" uri="/a" args="" ext=""`},
	{"HTTP/0.9 post", "POST /\r\n", "client sent invalid method in HTTP/0.9 request"},
	{"HTTP/1.2", "GET / HTTP/1.2\r\n\r\n", `GET 1002 "/" uri="/" args="" ext=""`},
	{"HTTP/1.999", "GET / HTTP/1.999\r\n\r\n", `GET 1999 "/" uri="/" args="" ext=""`},
	{"HTTP/1.1000", "GET / HTTP/1.1000\r\n\r\n", "client sent invalid request"},
	{"HTTP/2.0", "GET / HTTP/2.0\r\n\r\n", "client sent invalid version"},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "client sent invalid request"},
	{"HTTP/11.1", "GET / HTTP/11.1\r\n\r\n", "client sent invalid version"},
	{"HTTP/0.9 spelt out", "GET / HTTP/0.9\r\n\r\n", "client sent invalid request"},
	{"HTTP/01.1", "GET / HTTP/01.1\r\n\r\n", "client sent invalid request"},
	{"version without minor", "GET / HTTP/1\r\n\r\n", "client sent invalid request"},
	{"version with dot only", "GET / HTTP/1.\r\n\r\n", "client sent invalid request"},
	{"version in small letters", "GET / http/1.1\r\n\r\n", "client sent invalid request"},
	{"spaces after version", "GET / HTTP/1.1  \r\n\r\n", `GET 1001 "/" uri="/" args="" ext=""`},
	{"something after version", "GET / HTTP/1.1 x\r\n\r\n", "client sent invalid request"},
	{"spaces between parts", "GET   /   HTTP/1.1\r\n\r\n", `GET 1001 "/" uri="/" args="" ext=""`},
	{"bare CR ends nothing", "GET / HTTP/1.1\rHost: a\r\n\r\n", "client sent invalid request"},

	{"odd method", "A-B_C / HTTP/1.1\r\n\r\n", `A-B_C 1001 "/" uri="/" args="" ext=""`},
	{"small method", "get / HTTP/1.1\r\n\r\n", "client sent invalid method"},
	{"small letter in method", "GEt / HTTP/1.1\r\n\r\n", "client sent invalid method"},
	{"method with digit", "GET1 / HTTP/1.1\r\n\r\n", "client sent invalid method"},
	{"method with tab", "GET\t/ HTTP/1.1\r\n\r\n", "client sent invalid method"},
	{"space first", " GET / HTTP/1.1\r\n\r\n", "client sent invalid method"},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00", "client sent invalid method"},
	{"NUL first", "\x00GET / HTTP/1.1\r\n\r\n", "client sent invalid method"},

	{"star", "OPTIONS * HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"no slash", "GET a HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"NUL in path", "GET /a\x00b HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"tab in path", "GET /a\tb HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"DEL in path", "GET /a\x7f HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"control byte in arguments", "GET /?\x01 HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"space in path", "GET /a b HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"high bytes", "GET /\xc3\xa4 HTTP/1.1\r\n\r\n", `GET 1001 "/ä" uri="/ä" args="" ext=""`},
	{"extension", "GET /a.b/c.tar.gz?x.y HTTP/1.1\r\n\r\n", `GET 1001 "/a.b/c.tar.gz?x.y" uri="/a.b/c.tar.gz" args="x.y" ext="gz"`},
	{"extension of a folder", "GET /a.b/c HTTP/1.1\r\n\r\n", `GET 1001 "/a.b/c" uri="/a.b/c" args="" ext=""`},
	{"no arguments", "GET /? HTTP/1.1\r\n\r\n", `GET 1001 "/?" uri="/" args="" ext=""`},
	{"two question marks", "GET /a?b?c HTTP/1.1\r\n\r\n", `GET 1001 "/a?b?c" uri="/a" args="b?c" ext=""`},
	{"dots in arguments", "GET /a?/../%zz//b HTTP/1.1\r\n\r\n", `GET 1001 "/a?/../%zz//b" uri="/a" args="/../%zz//b" ext=""`},
	{"fragment", "GET /a#b?c HTTP/1.1\r\n\r\n", `GET 1001 "/a#b?c" uri="/a" args="" ext="" as changed`},
	{"fragment after arguments", "GET /a?b#c HTTP/1.1\r\n\r\n", `GET 1001 "/a?b#c" uri="/a" args="b" ext="" as changed`},
	{"to be decoded", "GET /%61//b/../c.%70hp?d HTTP/1.1\r\n\r\n", `GET 1001 "/%61//b/../c.%70hp?d" uri="/a/c.php" args="d" ext="php"`},
	{"hidden file", "GET /.a HTTP/1.1\r\n\r\n", `GET 1001 "/.a" uri="/.a" args="" ext=""`},
	{"leaves the root", "GET /../a HTTP/1.1\r\n\r\n", "URI: client sent invalid request"},
	{"%00", "GET /%00 HTTP/1.1\r\n\r\n", "URI: client sent invalid request"},

	{"absolute", "GET http://H.b:80/c?d HTTP/1.1\r\n\r\n", `GET 1001 "/c?d" uri="/c" args="d" ext="" http://H.b:80`},
	{"absolute, no path", "GET http://h HTTP/1.1\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" http://h`},
	{"absolute, no path in 0.9", "GET http://h \r\n", `GET 9 "/" uri="/" args="" ext="" http://h`},
	{"absolute, nothing after host", "GET http://h\r\n", "client sent invalid request"},
	{"absolute, arguments only", "GET http://h?d HTTP/1.1\r\n\r\n", `GET 1001 "?d" uri="/" args="d" ext="" http://h as changed`},
	{"absolute, empty port", "GET http://h:/ HTTP/1.1\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" http://h:`},
	{"absolute, port and no path", "GET http://h:8 HTTP/1.1\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" http://h:8`},
	{"absolute, IPv6", "GET a+b.c-1://[::1]:8/ HTTP/1.1\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" a+b.c-1://[::1]:8`},
	{"absolute, IPv6 and more", "GET http://[::1]a/ HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"absolute, user", "GET http://u@h/ HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"absolute, underscore", "GET http://a_b/ HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"absolute, bad port", "GET http://h:8a/ HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"absolute, empty host", "GET http:/// HTTP/1.1\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" http://`},
	{"absolute, one slash", "GET http:/h HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"absolute, three slashes", "GET http:///h HTTP/1.1\r\n\r\n", `GET 1001 "/h" uri="/h" args="" ext="" http://`},
	{"scheme with digit first", "GET 1http://h/ HTTP/1.1\r\n\r\n", "client sent invalid request"},

	{"connect", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", `CONNECT 1001 "/" uri="/" args="" ext="" ://h:443 Host="h"`},
	{"connect, spaces", "CONNECT   h:443   HTTP/1.0\r\n\r\n", `CONNECT 1000 "/" uri="/" args="" ext="" ://h:443`},
	{"connect, IPv6", "CONNECT [::1]:443 HTTP/1.1\r\n\r\n", `CONNECT 1001 "/" uri="/" args="" ext="" ://[::1]:443`},
	{"connect, no port", "CONNECT h HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"connect, empty port", "CONNECT h: HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"connect, path", "CONNECT h:1/ HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"connect, origin form", "CONNECT /a HTTP/1.1\r\n\r\n", "client sent invalid request"},
	{"connect, HTTP/0.9", "CONNECT h:1\r\n", "client sent invalid request"},
	{"connect, HTTP/0.9 with a space", "CONNECT h:1 \r\n", "client sent invalid method in HTTP/0.9 request"},

	{"spaces around value", "GET / HTTP/1.1\r\nA:   b c   \r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" A="b c"`},
	{"tabs stay", "GET / HTTP/1.1\r\nA:\tb\t\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" A="\tb\t"`},
	{"empty value", "GET / HTTP/1.1\r\nA:\r\nB:  \r\nC:\n\r\n", `GET 1001 "/" uri="/" args="" ext="" A="" B="" C=""`},
	{"no colon", "GET / HTTP/1.1\r\nA\r\n\r\n", `client sent invalid header line: "A\x0d..."`},
	{"no colon before LF", "GET / HTTP/1.1\r\nA\n\r\n", `client sent invalid header line: "A\x0a..."`},
	{"colons in value", "GET / HTTP/1.1\r\nA: b:c: d\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" A="b:c: d"`},
	{"high bytes in value", "GET / HTTP/1.1\r\nA: \xff\x80\tb\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" A="\xff\x80\tb"`},
	{"control byte in value", "GET / HTTP/1.1\r\nA: b\x01\r\n\r\n", `client sent invalid header line: "A: b\x01..."`},
	{"control byte before value", "GET / HTTP/1.1\r\nA:\x1fb\r\n\r\n", `client sent invalid header line: "A:\x1f..."`},
	{"DEL in value", "GET / HTTP/1.1\r\nA: 12345678\x7f\r\n\r\n", `client sent invalid header line: "A: 12345678\x7f..."`},
	{"several CRs", "GET / HTTP/1.1\r\nA: b\r\r\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" A="b"`},
	{"underscore", "GET / HTTP/1.1\r\nA_b: c\r\n_: d\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" A_b!1="c" _!1="d"`},
	{"invalid names", "GET / HTTP/1.1\r\nA.b: c\r\n@: d\r\n\xff_: e\r\nA/: f\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" A.b!2="c" @!6="d" ` + "\xff" + `_!7="e" A/!6="f"`},
	{"known name", "GET / HTTP/1.1\r\ncOntEnt-leNgth: 1\r\n\r\n", `GET 1001 "/" uri="/" args="" ext="" cOntEnt-leNgth="1"`},
	{"space before colon", "GET / HTTP/1.1\r\nA : b\r\n\r\n", `client sent invalid header line: "A\x20..."`},
	{"space in name", "GET / HTTP/1.1\r\nA b: c\r\n\r\n", `client sent invalid header line: "A\x20..."`},
	{"tab in name", "GET / HTTP/1.1\r\nA\tb: c\r\n\r\n", `client sent invalid header line: "A\x09..."`},
	{"obs-fold", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", `client sent invalid header line: "\x20..."`},
	{"obs-fold with tab", "GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n", `client sent invalid header line: "\x09..."`},
	{"no name", "GET / HTTP/1.1\r\n: b\r\n\r\n", `client sent invalid header line: "\x3a..."`},
	{"NUL in name", "GET / HTTP/1.1\r\nA\x00b: c\r\n\r\n", `client sent invalid header line: "A\x00..."`},
	{"NUL in value", "GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n", `client sent invalid header line: "A: b\x00..."`},
	{"NUL before value", "GET / HTTP/1.1\r\nA:  \x00c\r\n\r\n", `client sent invalid header line: "A:  \x00..."`},
	{"bare CR in value", "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", `client sent invalid header line: "A: b\x0d..."`},
	{"bare CR after spaces", "GET / HTTP/1.1\r\nA: b  \rc\r\n\r\n", `client sent invalid header line: "A: b\x20..."`},
	{"bare CR after name", "GET / HTTP/1.1\r\nA\rb\r\n\r\n", `client sent invalid header line: "A\x0d..."`},
	{"bare CR at the end", "GET / HTTP/1.1\r\nA: b\r\n\ra", `client sent invalid header line: "\x0d..."`},
	{"two CRs at the end", "GET / HTTP/1.1\r\n\r\r\n", `client sent invalid header line: "\x0d..."`},
	{"HTTP/ as a name", "GET / HTTP/1.1\r\nHTTP/1.1 200 OK\r\n\r\n", `client sent invalid header line: "HTTP/1.1\x20..."`},
}

// describeRequest parses a whole head in pieces and reports what came out. Between calls the buffer is
// given new memory, and the old is spoilt.
func describeRequest(in string, cuts ...int) (text string, complete bool) {
	var p RequestParser
	p.Reset(0)
	var buf []byte
	feed := func(step func([]byte) (bool, error), from int) (done bool, at int, err error) {
		for at = from; at <= len(cuts); at++ {
			end := len(in)
			if at < len(cuts) {
				end = cuts[at]
			}
			moved := append(make([]byte, 0, end), in[:end]...)
			for i := range buf {
				buf[i] = 'Z'
			}
			buf = moved
			if done, err = step(buf); done || err != nil {
				break
			}
		}
		return done, at, err
	}
	done, at, err := feed(p.ParseLine, 0)
	if err != nil {
		return err.Error(), true
	}
	if !done {
		return "", false
	}
	if p.Version >= http.HTTP10 {
		if done, _, err = feed(p.ParseFields, at); err != nil {
			return string(p.AppendFault([]byte("client "), buf, err.(*http.Fault))), true
		}
		if !done {
			return "", false
		}
	}
	return requestText(&p, buf), true
}

func requestText(p *RequestParser, buf []byte) string {
	uri, args, ext, ok := p.Shape().Split(make([]byte, 0, len(buf)), p.Target(buf), true)
	if !ok {
		return "URI: " + http.FaultRequest.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %q uri=%q args=%q ext=%q", p.MethodName(buf), p.Version, p.Target(buf), uri, args, ext)
	if p.Authority(buf) != nil {
		fmt.Fprintf(&b, " %s://%s", p.Scheme(buf), p.Authority(buf))
	}
	if !p.AsSent() {
		b.WriteString(" as changed")
	}
	return b.String() + fieldsText(p.Fields(buf, nil))
}

func fieldsText(fields http.Fields) string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, " %s", f.Name)
		if f.Flags != 0 {
			fmt.Fprintf(&b, "!%d", f.Flags)
		}
		fmt.Fprintf(&b, "=%q", f.Value)
	}
	return b.String()
}

func TestRequest(t *testing.T) {
	for _, tt := range requestTests {
		t.Run(tt.name, func(t *testing.T) {
			got, complete := describeRequest(tt.in)
			if !complete {
				t.Fatal("wants more")
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestRequestCut feeds each request in two parts, cut at every byte, and byte by byte. A request must
// not be finished before its last byte, and a fault is found at one byte wherever the cuts are.
func TestRequestCut(t *testing.T) {
	for _, tt := range requestTests {
		t.Run(tt.name, func(t *testing.T) {
			want, _ := describeRequest(tt.in)
			var every []int
			for cut := range len(tt.in) {
				if got, _ := describeRequest(tt.in, cut); got != want {
					t.Errorf("cut at %d: got %s, want %s", cut, got, want)
				}
				got, complete := describeRequest(tt.in[:cut])
				if complete && got != want {
					t.Errorf("only %d bytes: got %s, want %s", cut, got, want)
				}
				if complete && !strings.Contains(want, "client ") {
					t.Errorf("finished after %d of %d bytes", cut, len(tt.in))
				}
				every = append(every, cut)
			}
			if got, _ := describeRequest(tt.in, every...); got != want {
				t.Errorf("byte by byte: got %s, want %s", got, want)
			}
		})
	}
}

// TestRequestMoved cuts each request at every byte and goes on in another buffer, where only the line that was cut stands.
func TestRequestMoved(t *testing.T) {
	for _, tt := range requestTests {
		t.Run(tt.name, func(t *testing.T) {
			for cut := range len(tt.in) {
				if got := movedRequest([]byte(tt.in), cut); got != tt.want {
					t.Fatalf("cut at %d: got %s, want %s", cut, got, tt.want)
				}
			}
		})
	}
}

func movedRequest(in []byte, cut int) (text string) {
	var p RequestParser
	p.Reset(0)
	gone, isLine := 0, false
	for _, end := range []int{cut, len(in)} {
		buf := slices.Clone(in[gone:end])
		if !isLine {
			done, err := p.ParseLine(buf)
			if err != nil {
				return err.Error()
			}
			if isLine = done; done {
				text = requestText(&p, buf)
				if p.Version < http.HTTP10 {
					return text
				}
			}
		}
		if isLine {
			done, err := p.ParseFields(buf)
			if err != nil {
				return string(p.AppendFault([]byte("client "), buf, err.(*http.Fault)))
			}
			text += fieldsText(p.Fields(buf, nil))
			p.Forget()
			if done && p.Size() != len(in)-p.start-gone {
				text += " size " + fmt.Sprint(p.Size())
			}
			if done {
				return text
			}
		}
		by := p.LineAt()
		p.Move(by)
		gone += by
	}
	return "wants more"
}

func TestRequestParts(t *testing.T) {
	buf := []byte("junk\r\nPUT http://h/a.b?c HTTP/1.1 \r\nHost: h\r\nX_y:  1 \r\n\r\nbody")
	var p RequestParser
	p.Reset(4)
	if done, err := p.ParseLine(buf); !done || err != nil {
		t.Fatal(done, err)
	}
	if done, err := p.ParseFields(buf); !done || err != nil {
		t.Fatal(done, err)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"line", string(p.Line(buf)), "PUT http://h/a.b?c HTTP/1.1 "},
		{"protocol", string(p.Protocol(buf)), "HTTP/1.1 "},
		{"method", fmt.Sprint(p.Method), fmt.Sprint(http.PUT)},
		{"rest", string(buf[p.Used():]), "body"},
		{"size", fmt.Sprint(p.Size()), fmt.Sprint(len(buf) - len("junk\r\n") - len("body"))},
		{"field", string(p.FieldText(buf, 1)), "X_y:  1"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	p.Reset(0)
	if p.Len() != 0 || p.Begun() || p.Authority(buf) != nil || p.Protocol(buf) != nil {
		t.Error("Reset left something")
	}
}

const (
	wrkRequest = "GET /index.html HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: wrk/4.1.0\r\nAccept: */*\r\n\r\n"

	browserRequest = "GET /articles/2026/11/a-long-slug-of-some-words?utm_source=feed&utm_medium=rss HTTP/1.1\r\n" +
		"Host: www.example.org\r\n" +
		"Connection: keep-alive\r\n" +
		"sec-ch-ua: \"Chromium\";v=\"148\", \"Not_A Brand\";v=\"24\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		"sec-ch-ua-platform: \"Linux\"\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
		"Sec-Fetch-Site: none\r\n" +
		"Sec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-User: ?1\r\n" +
		"Sec-Fetch-Dest: document\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: de-DE,de;q=0.9,en;q=0.8\r\n" +
		"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n" +
		"\r\n"
)

// parseWhole does what the server does with a head.
func parseWhole(p *RequestParser, buf []byte, fields http.Fields) (http.Fields, error) {
	p.Reset(0)
	if done, err := p.ParseLine(buf); !done {
		return nil, err
	}
	if done, err := p.ParseFields(buf); !done {
		return nil, err
	}
	if _, _, _, ok := p.Shape().Split(nil, p.Target(buf), true); !ok {
		return nil, http.FaultRequest
	}
	return p.Fields(buf, fields[:0]), nil
}

func TestRequestAllocs(t *testing.T) {
	for _, in := range []string{wrkRequest, browserRequest, "get", "GET / HTTP/1.1\r\n: \r\n\r\n"} {
		var p RequestParser
		buf := []byte(in)
		fields := make(http.Fields, 0, 32)
		if n := testing.AllocsPerRun(100, func() { _, _ = parseWhole(&p, buf, fields) }); n != 0 {
			t.Errorf("%v allocations for %.20q", n, in)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	for _, bb := range []struct{ name, in string }{{"wrk", wrkRequest}, {"browser", browserRequest}} {
		b.Run(bb.name, func(b *testing.B) {
			var p RequestParser
			buf := []byte(bb.in)
			fields := make(http.Fields, 0, 32)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if fields, err = parseWhole(&p, buf, fields); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzRequest(f *testing.F) {
	for _, tt := range requestTests {
		f.Add(tt.in, uint16(len(tt.in)/2), uint16(3))
	}
	f.Fuzz(func(t *testing.T, in string, a, b uint16) {
		want, complete := describeRequest(in)
		lo, hi := int(min(a, b)), int(max(a, b))
		if hi > len(in) {
			return
		}
		if got, _ := describeRequest(in, lo, hi); got != want {
			t.Errorf("cut at %d and %d: got %q, want %q", lo, hi, got, want)
		}
		if !complete || strings.Contains(want, "client ") {
			return
		}
		// What was read is written again and must read the same.
		var p RequestParser
		fields, err := parseWhole(&p, []byte(in), nil)
		if err != nil || p.Scheme([]byte(in)) != nil || p.Method == http.CONNECT {
			return
		}
		out := append([]byte(nil), p.Line([]byte(in))...)
		out = append(out, "\r\n"...)
		for i := range fields {
			out = AppendField(out, fields[i].Name, fields[i].Value)
		}
		if got, _ := describeRequest(string(append(out, "\r\n"...))); got != want {
			t.Errorf("written again: got %q, want %q", got, want)
		}
	})
}
