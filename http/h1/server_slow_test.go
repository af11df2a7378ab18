package h1_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/http"
	"weir/weirtest"
)

// buffers is how many buffers the loops have lent.
func (s *server) buffers() (n int) {
	for _, l := range s.Engine.Loops {
		l.Post(func() {})
		n += l.Stats().Buffers
	}
	return n
}

// TestClientNeverReads has clients ask for much and read nothing: the server holds a few buffers for each and
// gives up after send_timeout.
func TestClientNeverReads(t *testing.T) {
	const clients = 20
	s := newServer(t, options{Loops: 2, Steps: chaosSteps, Backend: badBackend(t)}, `
		send_timeout 300ms;
		location /big { do endless; }
		location /p/ { proxy_pass http://$BACKEND; proxy_buffers 4 4k; proxy_max_temp_file_size 0; limit_rate 0; }`)
	for i := range clients {
		c, _ := s.dial()
		_ = c.(*net.TCPConn).SetReadBuffer(4096)
		if _, err := io.WriteString(c, strings.Repeat("GET "+[]string{"/big", "/p/good"}[i%2]+" HTTP/1.1\r\nHost: test\r\n\r\n", 150)); err != nil {
			t.Fatal(err)
		}
	}
	most := 0
	if !weirtest.Eventually(func() bool { most = max(most, s.buffers()); return s.Lines("error.log", "client timed out") >= clients }) {
		t.Errorf("%d of %d clients timed out", s.Lines("error.log", "client timed out"), clients)
	}
	if most > clients*20 {
		t.Errorf("%d buffers were lent to %d clients", most, clients)
	}
}

func init() {
	chaosSteps["endless"] = func(r *http.Request) http.Verdict {
		r.Out.Status, r.Out.ContentLength = 200, -1
		r.SendHead()
		for range 10_000 {
			if r.Send([]http.Piece{http.Mem([]byte(payload))}, 0) != nil || r.Drain() != nil {
				return http.Done
			}
		}
		return r.SendAll(nil)
	}
}

// TestHeaderTimeoutIsTotal drips a head: each byte comes in time, the whole does not.
func TestHeaderTimeoutIsTotal(t *testing.T) {
	s := newServer(t, options{Steps: wireSteps}, `client_header_timeout 300ms; location / { do tell; }`)
	for _, text := range []string{"", "GET /", "GET / HTTP/1.1\r\nHost: test\r\nX: "} {
		start := time.Now() // of the connection: without a byte, the time runs from there
		c, _ := s.dial()
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		var err error
		for err == nil && time.Since(start) < patience {
			if text != "" {
				_, _ = io.WriteString(c, "x")
			}
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if _, err = c.Read(make([]byte, 10)); isTimeout(err) {
				err = nil
			}
		}
		if d := time.Since(start); d < 250*time.Millisecond || d > patience/2 {
			t.Errorf("%q: ended after %v with %v", text, d, err)
		}
	}
	s.WantLine("access.log", "^408 ", 2)
	s.WantLine("error.log", "client timed out", 3)
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}

// TestBodyTimeoutIsBetweenReads drips a body for longer than client_body_timeout, then stops.
func TestBodyTimeoutIsBetweenReads(t *testing.T) {
	s := newServer(t, options{Steps: wireSteps}, `client_body_timeout 400ms; location / { do tell; }`)
	c, r := s.dial()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		time.Sleep(60 * time.Millisecond) // a slow client is what is tried here
		if _, err := io.WriteString(c, "x"); err != nil {
			t.Fatal(err)
		}
	}
	readAnswer(t, r, "POST|/|/|||test|2|xxxxxxxxxx")
	if got := s.ask("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nabc"); got != "" {
		t.Errorf("a body that stops: %q; want a closed connection", got)
	}
	s.WantLine("access.log", "^408 ", 1)
}

// TestGreedyClientsLeaveOthersAlone has clients that send without end, on the only loop: others are answered
// all the same.
func TestGreedyClientsLeaveOthersAlone(t *testing.T) {
	const chunk = "4000\r\n"
	for name, tt := range map[string]struct{ head, more string }{
		"a body that nobody wants":   {"POST /no HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n", chunk + payload[:1<<14] + "\r\n"},
		"a body that is wanted":      {"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n", chunk + payload[:1<<14] + "\r\n"},
		"a body of a length":         {"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000000\r\n\r\n", payload},
		"a body refused":             {"POST /small HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000000\r\n\r\n", payload},
		"empty lines":                {"", strings.Repeat("\r\n", 30_000)},
		"a large response, streamed": {"GET /endless HTTP/1.1\r\nHost: test\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			steps := map[string]http.Step{"swallow": swallow, "no": chaosSteps["say"], "endless": chaosSteps["endless"]}
			s := newServer(t, options{Steps: steps}, `
				client_max_body_size 0; lingering_timeout 1s; lingering_time 1s;
				location / { do swallow; } location /no { do no; } location /endless { do endless; } location /small { client_max_body_size 1k; do no; }`)
			var stop atomic.Bool
			for range 2 {
				c, r := s.dial()
				go func() { _, _ = io.Copy(io.Discard, r) }()
				go func() {
					_, err := io.WriteString(c, tt.head)
					for err == nil && !stop.Load() && tt.more != "" {
						_, err = io.WriteString(c, tt.more)
					}
				}()
			}
			for i := range 10 {
				if got := s.ask("GET /no" + closing); !strings.HasSuffix(got, "said") {
					t.Errorf("request %d beside it: %q", i, got)
				}
			}
			stop.Store(true)
		})
	}
}

// TestPipelineTakesTurns lets thousands of pipelined requests and one of another client come while the only
// loop is held up: the other one's turn comes after a few of them.
func TestPipelineTakesTurns(t *testing.T) {
	const many = 3000
	entered, open := make(chan bool), make(chan bool)
	served, seen := 0, 0 // the loop's own
	s := newServer(t, options{Steps: map[string]http.Step{
		"gate":  func(r *http.Request) http.Verdict { entered <- true; <-open; return r.Respond(200, nil) },
		"count": func(r *http.Request) http.Verdict { served++; return r.Respond(200, nil) },
		"look":  func(r *http.Request) http.Verdict { seen = served; return r.Respond(200, []byte("looked")) },
	}}, `keepalive_requests 100000; client_header_buffer_size 32k; location /gate { do gate; } location / { do count; } location /look { do look; }`)
	greedy, r := s.dial()
	if _, err := io.WriteString(greedy, "GET /gate HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-entered
	go func() {
		_, _ = io.WriteString(greedy, strings.Repeat("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", many-1)+"GET / HTTP/1.0\r\n\r\n")
	}()
	other, o := s.dial()
	if _, err := io.WriteString(other, "GET /look"+closing); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond) // let the kernel take what it can; less of it makes the test weaker, not wrong
	close(open)
	readAnswer(t, o, "looked")
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if served != many || seen > 200 {
		t.Errorf("the other client's turn came after %d of %d", seen, served)
	}
}

// swallow reads a body and keeps nothing of it.
func swallow(r *http.Request) http.Verdict {
	r.StreamBody()
	buf := r.Loop().Take(32 << 10)
	defer r.Loop().Give(buf)
	for {
		_, err := r.Wire.ReadBody(r, buf)
		if err == io.EOF {
			return r.Respond(200, nil)
		}
		if err != nil {
			return r.BodyFailed(err)
		}
	}
}

// TestLingeringClose refuses a large body early: the client that goes on sending gets the answer, not a reset.
func TestLingeringClose(t *testing.T) {
	s := newServer(t, options{Steps: wireSteps}, `client_max_body_size 1k; lingering_time 2s; lingering_timeout 1s; location / { do tell; }`)
	const size = 8 << 20
	for i := range 5 {
		c, r := s.dial()
		if _, err := io.WriteString(c, fmt.Sprintf("POST /%d HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n", i, size)); err != nil {
			t.Fatal(err)
		}
		for sent := 0; sent < size; sent += len(payload) {
			if _, err := io.WriteString(c, payload); err != nil {
				t.Fatalf("after %d bytes: %v", sent, err)
			}
		}
		got, err := io.ReadAll(r)
		if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 413 ") {
			t.Errorf("%.100q, %v; want 413", got, err)
		}
		_ = c.Close()
	}
}

// TestLimitRate measures a limited response, and that it does not hold up another on the same loop.
func TestLimitRate(t *testing.T) {
	s := newServer(t, options{Steps: chaosSteps}, `location / { do say; } location /big { limit_rate 700k; limit_rate_after 100k; do big; }`)
	start := time.Now()
	c, r := s.dial()
	if _, err := io.WriteString(c, "GET /big"+closing); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Peek(1); err != nil {
		t.Fatal(err)
	}
	if got := s.ask("GET /" + closing); !strings.HasSuffix(got, "said") || time.Since(start) > 700*time.Millisecond {
		t.Errorf("beside it: %q after %v", got, time.Since(start))
	}
	n, err := io.Copy(io.Discard, r)
	if d := time.Since(start); err != nil || n < int64(8*len(payload)) || d < 300*time.Millisecond {
		t.Errorf("%d bytes in %v, %v; want %d in more than 0.3 s", n, d, err, 8*len(payload))
	}
}
