package h2_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	nethttp "net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/weirtest"
)

const peerText = `
	location / { proxy_pass http://u; proxy_http_version 2; client_max_body_size 0; proxy_read_timeout 20s; }
	location /unbuffered/ { rewrite ^/unbuffered(.*)$ $1 break; proxy_pass http://u; proxy_http_version 2; client_max_body_size 0; proxy_buffering off; proxy_request_buffering off; }`

// peerServer passes requests on to a peer.
func peerServer(t *testing.T, p *peer, more string) *server {
	return newServer(t, options{Loops: 2, Backend: p.addr, Groups: "upstream u { server $BACKEND max_fails=0; " + more + " }\n"}, peerText)
}

// TestRandomPeer asks a peer that does all that a server of HTTP/2 may do, many requests at a time, and looks at every byte. What the
// peer has refused is done once in the end, and what it has begun is never done again if that is a POST.
func TestRandomPeer(t *testing.T) {
	start := *seed
	if start == 0 {
		start = uint64(time.Now().UnixNano())
	}
	p := newPeer(t, false)
	s := peerServer(t, p, "keepalive 8; keepalive_requests 50;")
	transport := &nethttp.Transport{Protocols: new(nethttp.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	client := &nethttp.Client{Transport: transport, Timeout: patience}
	defer client.CloseIdleConnections()
	var requests atomic.Int64
	var wg sync.WaitGroup
	for worker := range 12 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(start, uint64(worker)))
			for range 15 {
				n := requests.Add(1)
				if err := askPeer(client, s.Addr, p, rng, fmt.Sprint(n)); err != nil {
					t.Errorf("seed %d, request %d: %v", start, n, err)
				}
			}
		})
	}
	wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.refused) == 0 {
		t.Error("nothing was refused")
	}
	if p.conns > int(requests.Load())/2 {
		t.Errorf("%d connections for %d requests", p.conns, requests.Load())
	}
	if n := s.Lines("panics.log", "panic"); n > 0 {
		t.Error("panics")
	}
	if t.Failed() {
		text, _ := os.ReadFile(s.Dir + "/error.log")
		t.Logf("%s", text)
	}
}

// askPeer asks for something, and holds the answer against what must come of it.
func askPeer(client *nethttp.Client, addr string, p *peer, rng *rand.Rand, n string) error {
	words := []string{"plain", "plain", "plain", "only", "refuse", "refuse", "reset", "half"}
	word := words[rng.IntN(len(words))]
	seed, length, body := rng.Uint64N(1000)+2, 0, []byte(nil)
	if word != "only" {
		length = rng.IntN([]int{1, 1000, 30_000, 600_000}[rng.IntN(4)])
	}
	method := "GET"
	if rng.IntN(2) == 0 {
		method = "POST"
		body = pattern(seed, rng.IntN([]int{1, 1000, 8_000, 300_000}[rng.IntN(4)]))
	}
	prefix := ""
	unbuffered := rng.IntN(2) == 0
	if unbuffered {
		prefix = "/unbuffered"
	}
	req, err := nethttp.NewRequest(method, fmt.Sprintf("http://%s%s/%s/%d/%d/%s", addr, prefix, n, seed, length, word), bytes.NewReader(body))
	if err != nil {
		return err
	}
	if rng.IntN(3) == 0 && body != nil {
		req.ContentLength = -1
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	p.mu.Lock()
	begun, refused := p.begun[n], p.refused[n]
	p.mu.Unlock()
	if begun > 1 {
		return fmt.Errorf("%s: begun %d times", word, begun)
	}
	want := pattern(seed+1, length)
	switch {
	case begun == 0 && resp.StatusCode == 502 && (refused > 1 || unbuffered && len(body) > 8_000):
		return nil // it was refused too often (the peer may not have come to the last time yet), or some of it was sent
	case word == "reset" && resp.StatusCode == 502:
		return nil
	case word == "half" && length > 1 && (resp.StatusCode == 502 || resp.StatusCode == 200 && err != nil && bytes.HasPrefix(want, got)):
		return nil
	}
	switch {
	case resp.StatusCode != 200 || err != nil:
		return fmt.Errorf("%s %s: %s, %v; begun %d times, refused %d times; a body of %d", method, req.URL.Path, resp.Status, err, begun, refused, len(body))
	case resp.Header.Get("X-Sum") != fmt.Sprint(sum(body)) || resp.Header.Get("X-Right") != "true":
		return fmt.Errorf("%s %s: the peer has got another body", method, req.URL.Path)
	case !bytes.Equal(got, want):
		return fmt.Errorf("%s %s: %d bytes, which are not the %d wanted", method, req.URL.Path, len(got), len(want))
	}
	return nil
}

// TestStuckPeer: streams that hang, and one whose client does not read, hold up no other on their connection.
func TestStuckPeer(t *testing.T) {
	p := newPeer(t, true)
	s := newServer(t, options{Backend: p.addr, Groups: "upstream u { server $BACKEND; }\n"}, peerText)
	first := s.dial()
	if a := get(t, first, "/first/1/10/plain"); a.Status != 200 { // now there is a connection
		t.Fatal(a)
	}
	first.Updates = false
	if _, err := first.Request("GET", "test", "/unbuffered/slow/1/3000000/plain", true); err != nil {
		t.Fatal(err)
	}
	second := s.dial()
	hang, err := second.Request("GET", "test", "/hang/1/10/stuck", true)
	if err != nil {
		t.Fatal(err)
	}
	other := s.dial()
	for i := range 20 {
		path := fmt.Sprintf("/%d/7/100000/plain", i)
		if a := get(t, other, path); a.Status != 200 || !bytes.Equal(a.Body, pattern(8, 100_000)) {
			t.Fatalf("%s: %d, %d bytes", path, a.Status, len(a.Body))
		}
	}
	p.mu.Lock()
	if p.conns > 4 { // a peer may allow few streams
		t.Errorf("%d connections", p.conns)
	}
	p.mu.Unlock()
	close(p.stuck)
	if a := answer(t, second, hang); a.Status != 200 || len(a.Body) != 10 {
		t.Errorf("the one that hung: %v", a)
	}
}

// TestStreamsBeginInOrder: requests that come while the peer takes nothing begin in the order of their numbers when it takes something again.
func TestStreamsBeginInOrder(t *testing.T) {
	for range 8 { // which of them is the first to have room again is a matter of what was sent before
		t.Run("", streamsBeginInOrder)
	}
}

func streamsBeginInOrder(t *testing.T) {
	p := startPeer(&peer{t: t, calm: true, paused: make(chan bool)})
	s := newServer(t, options{Backend: p.addr, Groups: "upstream u { server $BACKEND; keepalive 1; }\n"}, peerText+" location /here { return 204; }")
	c := s.dial()
	here := func() { // all that was sent before it was worked on
		if a := get(t, c, "/here"); a.Status != 204 {
			t.Fatal(a)
		}
	}
	upload, err := c.Request("POST", "test", "/unbuffered/upload/1/10/plain", false)
	if err != nil {
		t.Fatal(err)
	}
	var sent atomic.Int64
	part := make([]byte, 16<<10)
	go func() {
		for c.Part(upload, part) == nil {
			sent.Add(1)
		}
	}()
	full := func() bool { // nothing of the body has gone on for a while
		before := sent.Load()
		for range 50 {
			here()
		}
		return before > 10 && sent.Load() == before
	}
	for !full() {
	}
	waiting := map[uint32]bool{}
	for i := range 12 {
		id, err := c.Request("GET", "test", fmt.Sprintf("/%d/1/10/plain", i), true)
		if err != nil {
			t.Fatal(err)
		}
		waiting[id] = true
	}
	here()
	close(p.paused)
	for len(waiting) > 0 {
		f, err := c.Read()
		if err != nil {
			t.Fatalf("%v; %d streams have no answer", err, len(waiting))
		}
		switch {
		case f.Kind == weirtest.H2Headers && waiting[f.Stream]:
			if fields, err := c.Fields(f); err != nil || fields[0].Value != "200" {
				t.Fatalf("stream %d: %v, %v", f.Stream, fields, err)
			}
		case f.Kind == weirtest.H2Reset:
			t.Fatalf("stream %d was reset", f.Stream)
		}
		if f.Flags&weirtest.H2EndStream != 0 {
			delete(waiting, f.Stream)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns != 1 {
		t.Errorf("%d connections", p.conns)
	}
}
