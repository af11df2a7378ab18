package h1_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/http"
)

// badBackend is an origin that does what the path asks for, mostly badly.
func badBackend(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go serveBadly(c.(*net.TCPConn))
		}
	}()
	return ln.Addr().String()
}

var payload = strings.Repeat("0123456789abcdef", 8<<10) // 128 KB

func serveBadly(c *net.TCPConn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for {
		_ = c.SetDeadline(time.Now().Add(patience))
		path, err := skipRequest(r)
		if err != nil {
			return
		}
		_, how, _ := strings.Cut(path, "/p/")
		switch how {
		case "reset":
			_ = c.SetLinger(0)
			return
		case "close":
			return
		case "short":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"+payload)
			return
		case "short-reset":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"+payload)
			_ = c.SetLinger(0)
			return
		case "long":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"+payload)
		case "cut":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7")
			return
		case "garbage":
			_, _ = io.WriteString(c, "\x00\x01nonsense\r\n\r\n")
		case "slow":
			for _, part := range []string{"HTTP/1.1 200 OK\r\n", "Content-Length: 5\r\n", "\r\n", "he", "llo"} {
				time.Sleep(time.Millisecond) // a slow peer is what is tried here
				_, _ = io.WriteString(c, part)
			}
		case "eof":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+payload)
			return
		default:
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(payload), payload)
		}
	}
}

// skipRequest reads a request with its body and returns its path.
func skipRequest(r *bufio.Reader) (path string, err error) {
	length, chunked := 0, false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if path == "" {
			_, path, _ = strings.Cut(line, " ")
			path, _, _ = strings.Cut(path, " ")
		}
		_, _ = fmt.Sscanf(line, "Content-Length: %d", &length)
		chunked = chunked || strings.HasPrefix(line, "Transfer-Encoding")
		if line == "\r\n" {
			break
		}
	}
	for chunked {
		line, err := r.ReadString('\n')
		if err != nil || line == "0\r\n" {
			_, err = r.Discard(2)
			return path, err
		}
		var n int
		if _, err := fmt.Sscanf(line, "%x", &n); err != nil {
			return "", err
		}
		if _, err := r.Discard(n + 2); err != nil {
			return "", err
		}
	}
	_, err = r.Discard(length)
	return path, err
}

var chaosSteps = map[string]http.Step{
	"say": func(r *http.Request) http.Verdict { return r.Respond(200, []byte("said")) },
	"big": func(r *http.Request) http.Verdict {
		r.Out.Status, r.Out.ContentLength = 200, int64(8*len(payload))
		if v := r.SendHead(); v != http.Next {
			return v
		}
		var p []http.Piece
		for range 8 {
			p = append(p, http.Mem([]byte(payload)))
		}
		return r.SendAll(p)
	},
	"drip": func(r *http.Request) http.Verdict {
		r.Out.Status, r.Out.ContentLength = 200, -1
		r.SendHead()
		for i := range 20 {
			if r.Send([]http.Piece{http.Mem([]byte(payload[:i*700]))}, http.Flush) != nil || r.Task.Sleep(100*time.Microsecond) != nil {
				return http.Done
			}
		}
		return r.SendAll(nil)
	},
	"body": func(r *http.Request) http.Verdict {
		if v := r.ReadBody(); v != http.Next {
			return v
		}
		return r.Respond(200, fmt.Appendf(nil, "%d", r.Body.Size))
	},
}

const chaosConf = `
	client_header_timeout 2s; client_body_timeout 500ms; send_timeout 500ms; keepalive_timeout 1s; lingering_timeout 50ms; client_body_buffer_size 2k;
	location / { do say; } location /big { do big; } location /drip { do drip; } location /body { do body; }
	location /p/ { proxy_pass http://$BACKEND; proxy_buffer_size 2k; proxy_buffers 4 4k; proxy_busy_buffers_size 8k; proxy_read_timeout 2s; }
	location /u/ { proxy_pass http://$BACKEND/p/; proxy_buffering off; proxy_request_buffering off; }
	location /t/ { proxy_pass http://$BACKEND/p/; proxy_buffers 2 2k; proxy_buffer_size 2k; proxy_busy_buffers_size 2k; limit_rate 20m; }
`

var chaosPaths = []string{
	"/", "/big", "/drip", "/body", "/p/good", "/p/reset", "/p/close", "/p/short", "/p/short-reset", "/p/long", "/p/cut", "/p/garbage",
	"/p/slow", "/p/eof", "/u/good", "/u/reset", "/u/short", "/u/short-reset", "/u/long", "/u/cut", "/u/eof", "/u/slow", "/t/good", "/t/eof", "/t/short-reset",
}

// chaosRequest makes a request, good or not.
func chaosRequest(rnd *rand.Rand) string {
	path := chaosPaths[rnd.IntN(len(chaosPaths))]
	extra := []string{"", "", "", "Connection: close\r\n", "X: " + payload[:3000] + "\r\n", "Expect: 100-continue\r\n"}[rnd.IntN(6)]
	size := rnd.IntN(9000)
	switch rnd.IntN(9) {
	case 0:
		return "GET " + path + " HTTP/1.1\r\nHost test\r\n: bad\r\n\r\n"
	case 1:
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: test\r\n%sContent-Length: %d\r\n\r\n%s", path, extra, size, payload[:size])
	case 2:
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: test\r\n%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n", path, extra, size+1, payload[:size+1])
	case 3:
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\nBAD\r\n", path, size+1, payload[:size+1])
	case 4:
		return "HEAD " + path + " HTTP/1.1\r\nHost: test\r\n" + extra + "\r\n"
	case 5:
		return "GET " + path + " HTTP/1.0\r\n" + extra + "\r\n"
	}
	return "GET " + path + " HTTP/1.1\r\nHost: test\r\n" + extra + "\r\n"
}

// chaosClient opens a connection, behaves as chance has it, and goes away somehow.
func chaosClient(addr string, rnd *rand.Rand) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	c := conn.(*net.TCPConn)
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	var b strings.Builder
	for range rnd.IntN(4) {
		b.WriteString(chaosRequest(rnd))
	}
	text := b.String()
	if rnd.IntN(3) == 0 && len(text) > 0 {
		text = text[:rnd.IntN(len(text))]
	}
	if len(text) < 600 && rnd.IntN(2) == 0 {
		for i := range len(text) {
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return
			}
		}
	} else if _, err := io.WriteString(c, text); err != nil {
		return
	}
	soon := time.Now().Add(time.Duration(rnd.IntN(30)) * time.Millisecond)
	switch rnd.IntN(5) {
	case 0: // goes at once
	case 1:
		_ = c.SetLinger(0)
	case 2: // half-closes and reads on
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	case 3: // reads a little and resets
		_ = c.SetDeadline(soon)
		_, _ = io.CopyN(io.Discard, c, rnd.Int64N(200_000))
		_ = c.SetLinger(0)
	default: // reads what comes, for a while
		_ = c.SetDeadline(soon)
		_, _ = io.Copy(io.Discard, c)
	}
}

// TestChaos sends a crowd of clients that break off anywhere, many of them at origins that do so as well.
// Afterwards the server answers as before, and holds nothing of theirs.
func TestChaos(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := newServer(t, options{Loops: 2, Steps: chaosSteps, Backend: badBackend(t)}, chaosConf)
	var crowd sync.WaitGroup
	for i := range 16 {
		crowd.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			for range 60 {
				chaosClient(s.Addr, rnd)
			}
		})
	}
	crowd.Wait()
	for _, path := range []string{"/", "/p/good", "/u/good", "/t/good", "/big"} {
		if got := s.ask("GET " + path + closing); !strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Errorf("%s afterwards: %.200q", path, got)
		}
	}
	if n := s.Lines("panics.log", "^panic"); n != 0 {
		t.Errorf("%d panics", n)
		s.WantLine("panics.log", "^panic", 0)
	}
}
