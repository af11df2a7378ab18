package h1_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/http"
)

// sizes are the answers that bytesStep gives: within one segment, within a socket's buffer, beyond it.
var sizes = []int{11, 1000, 16 << 10, 100_000, len(payload) * 4}

// bytesStep answers with as many bytes as the last part of the path says: at once, in chunks, or after something that ran on
// another goroutine.
func bytesStep(body []byte) http.Step {
	return func(r *http.Request) http.Verdict {
		parts := strings.Split(string(r.URI), "/")
		how := parts[len(parts)-2]
		left, _ := strconv.Atoi(parts[len(parts)-1])
		if v := r.ReadBody(); v != http.Next {
			return v
		}
		if how == "await" {
			r.Task.Await(runtime.Gosched)
		}
		r.Out.Status, r.Out.ContentLength = 200, int64(left)
		if how == "chunks" {
			r.Out.ContentLength = -1
		}
		if v := r.SendHead(); v != http.Next {
			return v
		}
		var p []http.Piece
		for ; left > 0; left -= len(body) {
			part := http.Mem(body[:min(left, len(body))])
			if how != "chunks" {
				p = append(p, part)
			} else if r.Send([]http.Piece{part}, http.Flush) != nil {
				return http.Done
			}
		}
		return r.SendAll(p)
	}
}

// A patient client asks on kept connections, and notes when an answer does not come.
type patientClient struct {
	*server
	rnd  *rand.Rand
	conn net.Conn
	r    *bufio.Reader
}

// ask sends some requests at once, sometimes in two parts, and reads the answers.
func (c *patientClient) ask(answers *atomic.Int64) error {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.Addr)
		if err != nil {
			return err
		}
		c.conn, c.r = conn, bufio.NewReader(conn)
	}
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	var text strings.Builder
	var want []int
	for range 1 + c.rnd.IntN(2)*c.rnd.IntN(6) {
		size := sizes[c.rnd.IntN(len(sizes))]
		want = append(want, size)
		way := []string{"", "", "/p", "/p", "/u"}[c.rnd.IntN(5)] + []string{"/mem", "/mem", "/chunks", "/await"}[c.rnd.IntN(4)]
		if body := c.rnd.IntN(3000); body < 600 {
			fmt.Fprintf(&text, "POST %s/%d HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%s", way, size, body, payload[:body])
			continue
		}
		fmt.Fprintf(&text, "GET %s/%d HTTP/1.1\r\nHost: test\r\n\r\n", way, size)
	}
	cut := c.rnd.IntN(text.Len()) * c.rnd.IntN(2)
	for _, part := range []string{text.String()[:cut], text.String()[cut:]} {
		if _, err := io.WriteString(c.conn, part); err != nil {
			return err
		}
		runtime.Gosched()
	}
	for i, size := range want {
		got, err := readWhole(c.r)
		if err != nil || got != size {
			return fmt.Errorf("answer %d of %d has %d bytes; want %d; %w; asked:\n%.500q", i, len(want), got, size, err, text.String())
		}
		answers.Add(1)
	}
	if c.rnd.IntN(100) == 0 {
		_ = c.conn.Close()
		c.conn = nil
	}
	return nil
}

// readWhole reads one answer whose status is 200 and says how long its body was.
func readWhole(r *bufio.Reader) (size int, err error) {
	length := 0
	for first := true; ; first = false {
		line, err := r.ReadString('\n')
		switch {
		case err != nil:
			return 0, err
		case first && !strings.HasPrefix(line, "HTTP/1.1 200"):
			return 0, fmt.Errorf("status line %q", line)
		case strings.HasPrefix(line, "Transfer-Encoding"):
			length = -1
		case strings.HasPrefix(line, "Content-Length: "):
			length, _ = strconv.Atoi(strings.TrimSpace(line[16:]))
		}
		if line == "\r\n" {
			break
		}
	}
	if length >= 0 {
		return r.Discard(length)
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return size, err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil {
			return size, err
		}
		if _, err := r.Discard(int(n) + 2); err != nil || n == 0 {
			return size, err
		}
		size += int(n)
	}
}

// state reports where an answer may have been lost: what the loops are doing, and what the kernel holds for the connections of
// the server. Bytes in a receive queue were not read, bytes in a send queue were not taken; neither means that the answer was
// shorter than it said, or never given.
func (s *server) state() string {
	var b strings.Builder
	for _, l := range s.Engine.Loops {
		l.Post(func() {}) // a loop that sleeps shows old numbers
	}
	for _, l := range s.Engine.Loops {
		fmt.Fprintf(&b, "loop %d: %+v\n", l.ID(), l.Stats())
	}
	_, port, _ := net.SplitHostPort(s.Addr)
	n, _ := strconv.Atoi(port)
	text, _ := os.ReadFile("/proc/net/tcp")
	for _, line := range strings.Split(string(text), "\n") {
		// local and remote address, state, send queue:receive queue
		if f := strings.Fields(line); len(f) > 5 && strings.Contains(line, fmt.Sprintf(":%04X ", n)) {
			b.WriteString(strings.Join(f[1:6], " ") + "\n")
		}
	}
	return b.String()
}

// TestNoAnswerStays has clients ask on kept connections, one request or several at once, for answers large and small, half of
// them through kept connections to another server, while the collector runs all the time. An answer that does not come within
// seconds is one that would come never, or when the connection's time is over: a lost wake-up, or an answer cut short.
//
// A crowd makes the kernel's queues and the loops' lists long. A client alone has nobody whose traffic would wake the loop in
// its stead.
func TestNoAnswerStays(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	steps := map[string]http.Step{"answer": bytesStep([]byte(payload))}
	back := newServer(t, options{Loops: 2, Steps: steps}, `keepalive_requests 1000000; location / { do answer; }`)
	front := newServer(t, options{Loops: 2, Steps: steps, Backend: back.Addr}, `keepalive_requests 1000000;
		location / { do answer; }
		location /p/ { proxy_pass http://$BACKEND/; proxy_buffers 4 4k; }
		location /u/ { proxy_pass http://$BACKEND/; proxy_buffering off; proxy_request_buffering off; }`)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, crowd := range []struct{ clients, rounds int }{{24, 100}, {1, 800}, {2, 400}} {
		var answers atomic.Int64
		var all sync.WaitGroup
		for i := range crowd.clients {
			all.Go(func() {
				c := patientClient{server: front, rnd: rand.New(rand.NewPCG(seed, uint64(crowd.clients<<8+i)))}
				for range crowd.rounds {
					if err := c.ask(&answers); err != nil {
						t.Errorf("after %d answers, %v: %v\nin front:\n%sbehind:\n%s", answers.Load(), c.conn.LocalAddr(), err, front.state(), back.state())
						break
					}
				}
				if c.conn != nil {
					_ = c.conn.Close()
				}
			})
		}
		all.Wait()
		t.Logf("%d clients: %d answers", crowd.clients, answers.Load())
	}
}
