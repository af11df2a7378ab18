package h1

import (
	"fmt"
	"strings"
	"testing"

	"weir/http"
)

// responseTests are also the seeds of FuzzResponse. want is describeResponse's text, or the fault.
var responseTests = []struct{ name, in, want string }{
	{"ok", "HTTP/1.1 200 OK\r\nServer: a\r\n\r\n", `1001 200 "200 OK" Server="a"`},
	{"LF only", "HTTP/1.0 404 Not Found\nA: b\n\n", `1000 404 "404 Not Found" A="b"`},
	{"no reason", "HTTP/1.1 204\r\n\r\n", `1001 204 "204"`},
	{"empty reason", "HTTP/1.1 204 \r\n\r\n", `1001 204 "204 "`},
	{"IIS", "HTTP/1.1 403.1 Forbidden\r\n\r\n", `1001 403 "403.1 Forbidden"`},
	{"odd reason", "HTTP/1.1 200 \xff\x01\t\r\n\r\n", `1001 200 "200 \xff\x01\t"`},
	{"interim", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", `1001 103 "103 Early Hints" Link="a"`},
	{"spaces before status", "HTTP/1.1   200 OK\r\n\r\n", `1001 200 "200 OK"`},
	{"any three digits", "HTTP/1.1 000 x\r\n\r\n", `1001 0 "000 x"`},
	{"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", `2000 200 "200 OK"`},
	{"HTTP/999.999", "HTTP/999.999 200 OK\r\n\r\n", `65535 200 "200 OK"`},
	{"underscore", "HTTP/1.1 200 OK\r\nA_b: c\r\nD.e: f\r\n\r\n", `1001 200 "200 OK" A_b!1="c" D.e!2="f"`},
	{"second status line", "HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n", `1001 200 "200 OK" A="b"`},
	{"second status line with a colon", "HTTP/1.1 200 OK\r\nHTTP/x: y z\nA: b\r\n\r\n", `1001 200 "200 OK" A="b"`},
	{"HTTP is a name", "HTTP/1.1 200 OK\r\nHTTP: a\r\n\r\n", `1001 200 "200 OK" HTTP="a"`},

	{"HTTP/0.9", "<html>", "no head"},
	{"empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", "no head"},
	{"HTTP/0.9 spelt out", "HTTP/0.9 200 OK\r\n\r\n", "no head"},
	{"no version", "HTTP 200 OK\r\n\r\n", "no head"},
	{"ICY", "ICY 200 OK\r\n\r\n", "no head"},
	{"small letters", "http/1.1 200 OK\r\n\r\n", "no head"},
	{"two digits", "HTTP/1.1 20 OK\r\n\r\n", "no head"},
	{"four digits", "HTTP/1.1 2000 OK\r\n\r\n", "no head"},
	{"letters for a status", "HTTP/1.1 abc\r\n\r\n", "no head"},
	{"tab before status", "HTTP/1.1\t200 OK\r\n\r\n", "no head"},
	{"tab after status", "HTTP/1.1 200\tOK\r\n\r\n", "no head"},
	{"bare CR in reason", "HTTP/1.1 200 O\rK\r\n\r\n", "no head"},
	{"two CRs", "HTTP/1.1 200 OK\r\r\n\r\n", "no head"},
	{"long minor version", "HTTP/1.1000 200 OK\r\n\r\n", "no head"},

	{"space before colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", `upstream sent invalid header: "A\x20..."`},
	{"obs-fold", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", `upstream sent invalid header: "\x20..."`},
	{"NUL", "HTTP/1.1 200 OK\r\nA: b\x00\r\n\r\n", `upstream sent invalid header: "A: b\x00..."`},
	{"bare CR", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", `upstream sent invalid header: "A: b\x0d..."`},
	{"no name", "HTTP/1.1 200 OK\r\n: b\r\n\r\n", `upstream sent invalid header: "\x3a..."`},
}

func describeResponse(in string, cuts ...int) (text string, complete bool) {
	var p ResponseParser
	p.Reset(0)
	step, line := p.ParseLine, true
	for i := 0; i <= len(cuts); {
		end := len(in)
		if i < len(cuts) {
			end = cuts[i]
		}
		buf := []byte(in[:end])
		done, err := step(buf)
		switch {
		case err == FaultStatusLine:
			return "no head", true
		case err != nil:
			return string(p.AppendFault([]byte("upstream "), buf, err.(*http.Fault))), true
		case !done:
			i++
		case line:
			step, line = p.ParseFields, false
		default:
			return responseText(&p, buf), true
		}
	}
	return "", false
}

func responseText(p *ResponseParser, buf []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d %q", p.Version, p.Status, p.StatusLine(buf))
	for _, f := range p.Fields(buf, nil) {
		fmt.Fprintf(&b, " %s", f.Name)
		if f.Flags != 0 {
			fmt.Fprintf(&b, "!%d", f.Flags)
		}
		fmt.Fprintf(&b, "=%q", f.Value)
	}
	return b.String()
}

func TestResponse(t *testing.T) {
	for _, tt := range responseTests {
		t.Run(tt.name, func(t *testing.T) {
			got, complete := describeResponse(tt.in)
			if got != tt.want || !complete {
				t.Fatalf("got %s, want %s", got, tt.want)
			}
			faulty := got == "no head" || strings.Contains(got, "upstream sent")
			var every []int
			for cut := range len(tt.in) {
				if got, _ := describeResponse(tt.in, cut); got != tt.want {
					t.Errorf("cut at %d: got %s", cut, got)
				}
				if got, complete := describeResponse(tt.in[:cut]); complete && (!faulty || got != tt.want) {
					t.Errorf("only %d bytes: got %s", cut, got)
				}
				every = append(every, cut)
			}
			if got, _ := describeResponse(tt.in, every...); got != tt.want {
				t.Errorf("byte by byte: got %s", got)
			}
		})
	}
}

// TestResponseAfterInterim reads the response behind a 103 from the same buffer.
func TestResponseAfterInterim(t *testing.T) {
	buf := []byte("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nbody")
	var p ResponseParser
	p.Reset(0)
	for _, want := range []string{`1001 103 "103 Early Hints" Link="a"`, `1001 200 "200 OK" A="b"`} {
		if done, err := p.ParseLine(buf); !done || err != nil {
			t.Fatal(done, err)
		}
		if done, err := p.ParseFields(buf); !done || err != nil {
			t.Fatal(done, err)
		}
		if got := responseText(&p, buf); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if p.Status == 103 {
			p.Reset(p.Used())
		}
	}
	if rest := string(buf[p.Used():]); rest != "body" {
		t.Errorf("rest %q", rest)
	}
}

const originResponse = "HTTP/1.1 200 OK\r\nServer: nginx/1.31.5\r\nDate: Tue, 24 Nov 2026 15:18:45 GMT\r\n" +
	"Content-Type: text/html; charset=utf-8\r\nContent-Length: 1024\r\nConnection: keep-alive\r\n" +
	"Last-Modified: Mon, 23 Nov 2026 10:00:00 GMT\r\nETag: \"6743a0f0-400\"\r\nAccept-Ranges: bytes\r\n\r\n"

func parseResponse(p *ResponseParser, buf []byte, fields http.Fields) http.Fields {
	p.Reset(0)
	if done, _ := p.ParseLine(buf); !done {
		return nil
	}
	if done, _ := p.ParseFields(buf); !done {
		return nil
	}
	return p.Fields(buf, fields[:0])
}

func TestResponseAllocs(t *testing.T) {
	var p ResponseParser
	fields, buf := make(http.Fields, 0, 32), []byte(originResponse)
	if n := testing.AllocsPerRun(100, func() { fields = parseResponse(&p, buf, fields) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkResponse(b *testing.B) {
	var p ResponseParser
	fields, buf := make(http.Fields, 0, 32), []byte(originResponse)
	for b.Loop() {
		fields = parseResponse(&p, buf, fields)
	}
}

func FuzzResponse(f *testing.F) {
	for _, tt := range responseTests {
		f.Add(tt.in, uint16(len(tt.in)/2), uint16(3))
	}
	f.Fuzz(func(t *testing.T, in string, a, b uint16) {
		want, complete := describeResponse(in)
		lo, hi := int(min(a, b)), int(max(a, b))
		if hi > len(in) {
			return
		}
		if got, _ := describeResponse(in, lo, hi); got != want {
			t.Errorf("cut at %d and %d: got %q, want %q", lo, hi, got, want)
		}
		if !complete || want == "no head" || strings.HasPrefix(want, "upstream ") {
			return
		}
		// What was read is written again, as HTTP/1.1, and must read the same.
		var p ResponseParser
		buf := []byte(in)
		fields := parseResponse(&p, buf, nil)
		out := AppendStatusLine(nil, p.Status, p.StatusLine(buf))
		for i := range fields {
			out = AppendField(out, fields[i].Name, fields[i].Value)
		}
		got, _ := describeResponse(string(append(out, "\r\n"...)))
		_, want, _ = strings.Cut(want, " ")
		_, got, _ = strings.Cut(got, " ")
		if strings.IndexByte(string(p.StatusLine(buf)), 0) < 0 && got != want {
			t.Errorf("written again: got %q, want %q", got, want)
		}
	})
}
