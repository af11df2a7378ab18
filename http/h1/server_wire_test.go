package h1_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"weir/http"
)

// tell answers with what the request is, as the handlers see it once the head has been read.
func tell(r *http.Request) http.Verdict {
	if v := r.ReadBody(); v != http.Next {
		return v
	}
	text := fmt.Appendf(nil, "%s|%s|%s|%s|%s|%s|%d|%s", r.MethodName, r.Target, r.URI, r.Args, r.Exten, r.HostName, len(r.In), r.Body.Mem)
	return r.Respond(200, text)
}

var wireSteps = map[string]http.Step{
	"tell": tell,
	"status": func(r *http.Request) http.Verdict {
		r.Out.Status = int(r.URI[len(r.URI)-1]-'0') + 200 // /status/4 is 204
		if strings.HasPrefix(string(r.URI), "/status/3") {
			r.Out.Status = 304
		}
		r.Out.ContentLength = 5
		if v := r.SendHead(); v != http.Next {
			return v
		}
		return r.SendAll([]http.Piece{http.Mem([]byte("12345"))})
	},
	"stream": func(r *http.Request) http.Verdict {
		r.Out.Status, r.Out.ContentLength = 200, -1
		if string(r.URI) == "/stream/trailers" {
			r.Out.ExpectTrailers = true
		}
		if v := r.SendHead(); v != http.Next {
			return v
		}
		for _, part := range []string{"one ", "", "two "} {
			if r.Send([]http.Piece{http.Mem([]byte(part))}, 0) != nil {
				return http.Done
			}
		}
		if r.Out.ExpectTrailers {
			r.Out.Trailers = append(r.Out.Trailers, http.Field{Name: []byte("X-Sum"), Value: []byte("7")})
		}
		return r.SendAll(nil)
	},
	"forgets": func(r *http.Request) http.Verdict { // announces more than it sends
		r.Out.Status, r.Out.ContentLength = 200, 100
		if v := r.SendHead(); v != http.Next {
			return v
		}
		_ = r.Send([]http.Piece{http.Mem([]byte("little"))}, http.Flush)
		return http.Done
	},
}

const wireConf = `client_header_buffer_size 64; large_client_header_buffers 4 8k; lingering_timeout 50ms;
	location / { do tell; } location /status/ { do status; } location /stream { do stream; } location /forgets { do forgets; }
	location /one { keepalive_requests 2; do tell; } location /nochunks { chunked_transfer_encoding off; do stream; }`

func wireCases() []struct{ name, send, want string } {
	const host = " HTTP/1.1\r\nHost: test\r\n"
	const end = host + "Connection: close\r\n\r\n"
	long := strings.Repeat("x", 3000)
	return []struct{ name, send, want string }{
		{"plain", "GET /a.b?c=d" + end, "200 GET|/a.b?c=d|/a.b|c=d|b|test|2|\n"},
		{"normalised", "GET /a/../%62//c.d?e#f" + end, "200 GET|/a/../%62//c.d?e#f|/b/c.d|e|d|test|2|\n"},
		{"grown", "GET /a.b?c" + host + "X: " + long + "\r\nConnection: close\r\n\r\n", "200 GET|/a.b?c|/a.b|c|b|test|3|\n"},
		{"grown, normalised", "GET /%61.b?c" + host + "X: " + long + "\r\nY: " + long + "\r\nZ: " + long + "\r\nConnection: close\r\n\r\n", "200 GET|/%61.b?c|/a.b|c|b|test|5|\n"},
		{"grown line", "GET /" + long + end, "200 GET|/" + long + "|/" + long + "|||test|2|\n"},
		{"absolute", "GET http://OTHER:80/x?y" + end, "200 GET|/x?y|/x|y||other|2|\n"},
		{
			"pipelined", "GET /1" + host + "\r\nGET /2" + host + "X: " + long + "\r\n\r\nPOST /3" + host + "Content-Length: 3\r\n\r\nabcGET /4" + end,
			"200 GET|/1|/1|||test|1|\n200 GET|/2|/2|||test|2|\n200 POST|/3|/3|||test|2|abc\n200 GET|/4|/4|||test|2|\n",
		},
		{
			"chunked, then more", "POST /1" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3;x=\"y\"\r\ndef\r\n0\r\nT: t\r\n\r\nGET /2" + end,
			"200 POST|/1|/1|||test|2|abcdef\n200 GET|/2|/2|||test|2|\n",
		},
		{"empty lines between", "POST /1" + host + "Content-Length: 3\r\n\r\nabc\r\n\r\nGET /2" + end, "200 POST|/1|/1|||test|2|abc\n200 GET|/2|/2|||test|2|\n"},
		{"not wanted body", "POST /status/0" + host + "Content-Length: 3\r\n\r\nabcGET /2" + end, "200 12345\n200 GET|/2|/2|||test|2|\n"},
		{"not wanted chunks", "POST /status/0" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /2" + end, "200 12345\n200 GET|/2|/2|||test|2|\n"},
		{"HEAD", "HEAD /status/0" + host + "\r\nGET /2" + end, "200 \n200 GET|/2|/2|||test|2|\n"},
		{"HEAD of a stream", "HEAD /stream" + host + "\r\nGET /2" + end, "200 \n200 GET|/2|/2|||test|2|\n"},
		{"204", "GET /status/4" + host + "\r\nGET /2" + end, "204 \n200 GET|/2|/2|||test|2|\n"},
		{"304", "GET /status/3" + host + "\r\nGET /2" + end, "304 \n200 GET|/2|/2|||test|2|\n"},
		{"stream", "GET /stream" + host + "\r\nGET /2" + end, "200 one two \n200 GET|/2|/2|||test|2|\n"},
		{"trailers", "GET /stream/trailers" + host + "\r\nGET /2" + end, "200 one two [X-Sum: 7]\n200 GET|/2|/2|||test|2|\n"},
		{"stream in 1.0", "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2" + end, "200 one two \n"},
		{"stream without chunks", "GET /nochunks" + host + "\r\nGET /2" + end, "200 one two \n"},
		{"1.0 kept", "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\nGET /3" + end, "200 GET|/1|/1||||1|\n200 GET|/2|/2||||0|\n"},
		{"0.9", "GET /1\r\n", "0 GET|/1|/1||||0|\n"},
		{"close with more behind", "GET /1" + end + "GET /2" + end, "200 GET|/1|/1|||test|2|\n"},
		{"keepalive_requests", "GET /one" + host + "\r\nGET /one" + host + "\r\nGET /one" + host + "\r\n", "200 GET|/one|/one|||test|1|\n200 GET|/one|/one|||test|1|\n"},
		{"shorter than announced", "GET /forgets" + host + "\r\nGET /2" + end, "200 little!\n"},
		{"continue", "POST /1" + host + "Expect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", "100 \n200 POST|/1|/1|||test|4|abc\n"},
	}
}

// TestWire sends requests whole, byte by byte and in two parts cut anywhere, from a client that stays and
// from one that has closed its side: the answers are always the same.
func TestWire(t *testing.T) {
	s := newServer(t, options{Loops: 2, Steps: wireSteps}, wireConf)
	for _, tt := range wireCases() {
		t.Run(tt.name, func(t *testing.T) {
			ways := []struct {
				how string
				cut []int
			}{{"whole", nil}, {"half-closed", nil}}
			if len(tt.send) < 1000 {
				every := make([]int, 0, len(tt.send))
				for i := 1; i < len(tt.send); i++ {
					every = append(every, i)
				}
				ways = append(ways, struct {
					how string
					cut []int
				}{"byte by byte", every})
			}
			for i := 1; i < len(tt.send); i += 1 + len(tt.send)/12 {
				ways = append(ways, struct {
					how string
					cut []int
				}{fmt.Sprint("cut at ", i), []int{i}})
			}
			for _, w := range ways {
				if got := s.exchange(t, tt.send, w.cut, w.how == "half-closed"); got != tt.want {
					t.Errorf("%s: got\n%.400q\nwant\n%.400q", w.how, got, tt.want)
				}
			}
		})
	}
}

// request sends text in the parts that cut makes of it and returns the answers, one a line.
func (s *server) exchange(t *testing.T, text string, cut []int, shut bool) string {
	t.Helper()
	c, r := s.dial()
	defer func() { _ = c.Close() }()
	_ = c.(*net.TCPConn).SetNoDelay(true)
	at := 0
	for _, next := range append(cut, len(text)) {
		if _, err := io.WriteString(c, text[at:next]); err != nil {
			break // the server has answered and closed
		}
		at = next
	}
	if shut {
		_ = c.(*net.TCPConn).CloseWrite()
	}
	all, err := io.ReadAll(r)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("%.200q: %v", text, err)
	}
	return readable(string(all))
}

// readable makes a line of each answer: status, body, trailer; "!" where the body is too short.
func readable(all string) string {
	var b strings.Builder
	for all != "" {
		if !strings.HasPrefix(all, "HTTP/1.1 ") {
			fmt.Fprintf(&b, "0 %s\n", all)
			return b.String()
		}
		head, rest, ok := strings.Cut(all, "\r\n\r\n")
		if !ok {
			return b.String() + "cut head " + head + "\n"
		}
		status := head[9:12]
		length, chunked := -1, strings.Contains(head, "\r\nTransfer-Encoding: chunked")
		if _, v, ok := strings.Cut(head, "\r\nContent-Length: "); ok {
			_, _ = fmt.Sscan(v, &length)
		}
		bodyless := status == "204" || status == "304" || status == "100" || strings.HasPrefix(rest, "HTTP/1.1 ")
		fmt.Fprintf(&b, "%s ", status)
		switch {
		case bodyless:
		case chunked:
			rest = unchunk(&b, rest)
		case length >= 0 && length <= len(rest):
			b.WriteString(rest[:length])
			rest = rest[length:]
		case length >= 0:
			b.WriteString(rest + "!")
			rest = ""
		default:
			b.WriteString(rest)
			rest = ""
		}
		b.WriteByte('\n')
		all = rest
	}
	return b.String()
}

func unchunk(b *strings.Builder, s string) (rest string) {
	for {
		line, after, _ := strings.Cut(s, "\r\n")
		var n int
		if _, err := fmt.Sscanf(line, "%x", &n); err != nil || n+2 > len(after) && n > 0 {
			b.WriteString("bad chunk " + line)
			return ""
		}
		if n == 0 {
			trailer, rest, _ := strings.Cut("\r\n"+after, "\r\n\r\n")
			if trailer != "" {
				fmt.Fprintf(b, "[%s]", strings.TrimSpace(trailer))
			}
			return rest
		}
		b.WriteString(after[:n])
		s = after[n+2:]
	}
}

// TestFileCut truncates a file while it is being sent: the connection ends, it does not hang.
func TestFileCut(t *testing.T) {
	for _, sendfile := range []string{"on", "off"} {
		t.Run("sendfile "+sendfile, func(t *testing.T) {
			name := t.TempDir() + "/file"
			steps := map[string]http.Step{"file": func(r *http.Request) http.Verdict {
				const size = 32 << 20
				if err := os.WriteFile(name, nil, 0o600); err != nil {
					return 500
				}
				f, err := os.OpenFile(name, os.O_RDWR, 0)
				if err != nil || f.Truncate(size) != nil {
					return 500
				}
				r.OnEnd(fileCloser{f})
				r.Out.Status, r.Out.ContentLength = 200, size
				if v := r.SendHead(); v != http.Next {
					return v
				}
				return r.SendAll([]http.Piece{http.File(int(f.Fd()), 0, size)})
			}}
			s := newServer(t, options{Steps: steps}, "location / { do file; sendfile "+sendfile+"; }")
			c, r := s.dial()
			start := time.Now()
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Peek(1); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(name, 1000); err != nil {
				t.Fatal(err)
			}
			if n, _ := io.Copy(io.Discard, r); n >= 32<<20 {
				t.Errorf("%d bytes came", n)
			}
			if d := time.Since(start); d > patience/2 {
				t.Errorf("the connection ended after %v", d)
			}
			s.WantLine("error.log", `\[alert\].* a file was truncated while it was being sent`, 1)
			s.WantLine("access.log", `^200 "GET / HTTP/1.1" $`, 1)
		})
	}
}

type fileCloser struct{ *os.File }

func (f fileCloser) CloseWith(*http.Request) { _ = f.Close() }
