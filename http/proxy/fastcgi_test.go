package proxy

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"weir/http"
)

// testRecord makes a record of FastCGI as a peer would.
func testRecord(kind byte, content string, padding int) string {
	head := appendRecord(nil, kind, len(content), padding)
	return string(head) + content + strings.Repeat("\xff", padding)
}

func out(s string) string { return testRecord(fcgiStdout, s, 0) }
func end() string         { return testRecord(fcgiEnd, "\x00\x00\x00\x00\x00\x00\x00\x00", 0) }

func fastcgiTests(keep bool) []responseTest {
	pick := func(kept, not string) string {
		if keep {
			return kept
		}
		return not
	}
	eof := pick("", " EOF")
	ends := pick(" end keep", " end")
	stderr := testRecord(fcgiStderr, "PHP Warning: x\n", 1)
	return []responseTest{
		{name: "usual", in: out("A: b\r\n\r\nhello") + out("") + end(), want: `200 200 OK A="b" "hello"` + ends},
		{name: "without an empty record", in: out("A: b\r\n\r\nhello") + end(), want: `200 200 OK A="b" "hello"` + ends},
		{name: "LF only", in: out("A: b\n\nhello") + end(), want: `200 200 OK A="b" "hello"` + ends},
		{name: "no body", in: out("A: b\r\n\r\n") + out("") + end(), want: `200 200 OK A="b" ""` + ends},
		{name: "status", in: out("Status: 404 Not Found\r\n\r\n") + end(), want: `404 404 Not Found Status="404 Not Found" ""` + ends},
		{name: "status alone", in: out("Status: 503\r\n\r\n") + end(), want: `503  Status="503" ""` + ends},
		{name: "location", in: out("Location: /x\r\n\r\n") + end(), want: `302 302 Moved Temporarily Location="/x" ""` + ends},
		{name: "status and location", in: out("Status: 201 C\r\nLocation: /x\r\n\r\n") + end(), want: `201 201 C Status="201 C" Location="/x" ""` + ends},
		{name: "a status that is none", in: out("Status: x\r\n\r\n") + end(), want: "bad"},
		{name: "a short status", in: out("Status: 20\r\n\r\n") + end(), want: "bad"},
		{name: "padding", in: testRecord(fcgiStdout, "A: b\r\n\r\nhe", 3) + testRecord(fcgiStdout, "llo", 255) + testRecord(fcgiEnd, "12345678", 7), want: `200 200 OK A="b" "hello"` + ends},
		{name: "a head in many records", in: out("A") + stderr + out(": ") + testRecord(fcgiStdout, "b\r", 5) + out("\n\r\nhe") + stderr + out("llo") + end(), want: `200 200 OK A="b" "hello"` + ends},
		{name: "the head ends with its record", in: testRecord(fcgiStdout, "A: b\r\n\r\n", 4) + stderr + out("hello") + end(), want: `200 200 OK A="b" "hello"` + ends},
		{name: "errors first", in: strings.Repeat(stderr, 200) + out("A: b\r\n\r\nhello") + end(), want: `200 200 OK A="b" "hello"` + ends},
		{name: "an empty error", in: testRecord(fcgiStderr, "", 0) + out("A: b\r\n\r\n") + testRecord(fcgiStderr, "", 8) + end(), want: `200 200 OK A="b" ""` + ends},
		{name: "length", in: out("Content-Length: 5\r\n\r\nhel") + out("lo") + out("") + end(), want: `200 200 OK Content-Length="5" "hello"` + ends},
		{name: "less than the length, then the end", in: out("Content-Length: 6\r\n\r\nhello") + end(), want: `200 200 OK Content-Length="6" "hello" short`},
		{name: "less than the length, then nothing", in: out("Content-Length: 6\r\n\r\nhello") + out("") + end(), want: `200 200 OK Content-Length="6" "hello" short`},
		{name: "more than the length", in: out("Content-Length: 4\r\n\r\nhello") + end(), want: `200 200 OK Content-Length="4" "hell" end`},
		{name: "more than nothing", in: out("Content-Length: 0\r\n\r\nhello") + end(), want: `200 200 OK Content-Length="0" "" end`},
		{name: "a connection that ends", in: out("A: b\r\n\r\nhello"), want: `200 200 OK A="b" "hello"` + eof},
		{name: "in the midst of a record", in: out("A: b\r\n\r\nhello")[:20], want: `200 200 OK A="b" "hell"` + eof},
		{name: "HEAD", head: true, in: out("Content-Length: 5\r\n\r\n") + out("") + end(), want: `200 200 OK Content-Length="5" "" end`},
		{name: "204", in: out("Status: 204 No Content\r\n\r\n") + out("x") + end(), want: `204 204 No Content Status="204 No Content" "" end`},
		{name: "304", in: out("Status: 304 Not Modified\r\nContent-Length: 5\r\n\r\n") + end(), want: `304 304 Not Modified Status="304 Not Modified" Content-Length="5" "" end`},
		{name: "after the end", in: out("A: b\r\n\r\nhello") + end() + out("more"), want: `200 200 OK A="b" "hello" end`},

		{name: "nothing", in: "", want: "more"},
		{name: "half a head", in: out("A: b\r\n"), want: "more"},
		{name: "the end before the head", in: out("A: b\r\n") + end(), want: "bad"},
		{name: "the end of the output before the head", in: out("A: b\r\n") + out(""), want: "bad"},
		{name: "nothing but the end", in: end(), want: "bad"},
		{name: "a head that is none", in: out(":\r\n\r\n"), want: "bad"},
		{name: "HTTP/1", in: "HTTP/1.1 200 OK\r\n\r\n", want: "bad"},
		{name: "another version", in: "\x02" + out("A: b\r\n\r\n")[1:], want: "bad"},
		{name: "another type", in: testRecord(9, "x", 0), want: "bad"},
		{name: "the parameters back", in: testRecord(fcgiParams, "x", 0), want: "bad"},
		{name: "another request", in: "\x01\x06\x00\x02\x00\x00\x00\x00", want: "bad"},
		{name: "a far request", in: "\x01\x06\x01\x01\x00\x00\x00\x00", want: "bad"},
		{name: "another type in the body", in: out("A: b\r\n\r\nhello") + testRecord(11, "x", 0), want: `200 200 OK A="b" "hello" fault`},
		{name: "another version in the body", in: out("A: b\r\n\r\nhello") + "GET", want: `200 200 OK A="b" "hello" fault`},
		{name: "a length that lies", in: "\x01\x06\x00\x01\x00\x09\x00\x00A: b\r\n\r\nhello" + end(), want: `200 200 OK A="b" "h" fault`},
	}
}

func TestFastCGIResponse(t *testing.T) {
	for _, keep := range []bool{false, true} {
		l := &fastcgiLoc{fastcgiConf: &fastcgiConf{keep: keep}}
		testReplies(t, func() protocol { return l.protocol(nil) }, fastcgiTests(keep))
	}
}

// TestFastCGICatch: a text of fastcgi_catch_stderr spoils a head, and nothing once that is complete.
func TestFastCGICatch(t *testing.T) {
	l := &fastcgiLoc{fastcgiConf: &fastcgiConf{catch: []string{"fatal", "grave"}}}
	bad, good := testRecord(fcgiStderr, "a grave error", 3), testRecord(fcgiStderr, "a warning", 0)
	onTask(t, func(r *http.Request) {
		for _, tt := range []struct{ in, want string }{
			{good + out("\r\n") + end(), `200 200 OK ""` + " end"},
			{bad + out("\r\n") + end(), "bad"},
			{out("A: b\r\n") + bad + out("\r\n") + end(), "bad"},
			{out("\r\nbody") + bad + end(), `200 200 OK "body" end`},
		} {
			if got := describeReply(r, l.protocol(nil), 1024, tt.in); got != tt.want {
				t.Errorf("%q: %s, want %s", tt.in, got, tt.want)
			}
		}
	})
}

// TestFastCGIRandom holds a response that is cut into records at random, with errors between them, and read in random
// parts into a small buffer, against the response itself.
func TestFastCGIRandom(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	l := &fastcgiLoc{fastcgiConf: &fastcgiConf{keep: true}}
	onTask(t, func(r *http.Request) {
		p := l.protocol(nil)
		for round := range 2000 {
			head, want := "", "200 200 OK"
			for i := range rng.IntN(4) {
				value := strings.Repeat("v", rng.IntN(40))
				head += fmt.Sprintf("X-%d: %s\r\n", i, value)
				want += fmt.Sprintf(" X-%d=%q", i, value)
			}
			body := string(make([]byte, rng.IntN(700)))
			text := head + "\r\n" + body
			stream := ""
			for text != "" {
				if rng.IntN(3) == 0 {
					stream += testRecord(fcgiStderr, strings.Repeat("e", rng.IntN(900)), rng.IntN(256))
				}
				n := 1 + rng.IntN(len(text))
				if rng.IntN(2) == 0 {
					n = 1 + rng.IntN(min(len(text), 9))
				}
				stream += testRecord(fcgiStdout, text[:n], rng.IntN(12)*rng.IntN(2))
				text = text[n:]
			}
			stream += out("") + testRecord(fcgiEnd, "12345678", rng.IntN(9))
			want += fmt.Sprintf(" %q end keep", body)
			cuts := make([]int, rng.IntN(20))
			for i := range cuts {
				cuts[i] = rng.IntN(len(stream))
			}
			if got := describeReply(r, p, 256, stream, cuts...); got != want {
				t.Errorf("seed %d, round %d: %q cut at %v:\n got %s\nwant %s", seed, round, stream, cuts, got, want)
				return
			}
		}
	})
}

// FuzzFastCGI: whatever a peer sends, cut or whole, comes to the same.
func FuzzFastCGI(f *testing.F) {
	for _, tt := range fastcgiTests(true) {
		f.Add(tt.in, len(tt.in)/2, true)
		f.Add(tt.in, len(tt.in)/3, false)
	}
	f.Fuzz(func(t *testing.T, in string, cut int, keep bool) {
		l := &fastcgiLoc{fastcgiConf: &fastcgiConf{keep: keep}}
		r := fuzzRequest()
		fuzzReply(t, r, func() protocol { return l.protocol(nil) }, in, cut)
	})
}
