package torture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// Places that treat a request in every way that decides over its peer's connection.
const marksConf = `error_log error.log warn;
worker_processes 2;
events { worker_connections 1024; }
http {
	access_log off; client_body_temp_path tmp-body; proxy_temp_path tmp-proxy; client_max_body_size 0;
	upstream peers { server $ONE max_fails=0; server $TWO max_fails=0; keepalive 6; }
	map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
	proxy_http_version 1.1; proxy_set_header Connection $connection_upgrade; proxy_set_header Upgrade $http_upgrade;
	proxy_read_timeout 3s; client_body_buffer_size 4k;
	server {
		listen $ADDR;
		location / { proxy_pass http://peers; }
		location /direct/ { proxy_pass http://peers; proxy_buffering off; }
		location /stream/ { proxy_pass http://peers; proxy_request_buffering off; }
		location /raw/ { proxy_pass http://peers; proxy_request_buffering off; proxy_buffering off; }
		location /asget/ { proxy_pass http://peers; proxy_method GET; }
		location /ashead/ { proxy_pass http://peers; proxy_method HEAD; }
		location /stays/ { proxy_pass http://peers; proxy_ignore_client_abort on; }
		location /nobody/ { proxy_pass http://peers; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header Connection ""; }
		location /noupgrade/ { proxy_pass http://peers; proxy_set_header Connection ""; }
		location /intercept/ { proxy_pass http://peers; proxy_intercept_errors on; error_page 404 500 502 504 = /fallback; }
		location /next/ { proxy_pass http://peers; proxy_next_upstream error timeout invalid_header http_500 http_404 non_idempotent; }
		location /hints/ { proxy_pass http://peers; early_hints 1; }
		location /rate/ { proxy_pass http://peers; limit_rate 400k; }
		location = /fallback { return 200 "instead\n"; }
	}
}
`

var markPlaces = []string{"x", "x", "direct", "stream", "raw", "asget", "ashead", "stays", "nobody", "noupgrade", "intercept", "next", "hints", "rate"}

// behaviours are what a peer does with a request; see peer.answer.
var behaviours = []string{
	"plain", "plain", "plain", "plain", "plain", "closes", "reset", "cut", "early", "extra", "interim", "flood", "switch", "switch", "204", "304",
	"old", "500", "404", "accel", "nohead", "badchunk", "late", "lie",
}

// A mark says which client sent it, on which connection, with which request. Nobody else may ever see it.
var markRE = regexp.MustCompile(`\[c(\d+)\.r(\d+)\]`)

func mark(client, request int) string { return fmt.Sprintf("[c%d.r%d]", client, request) }

// A watcher looks for marks in what goes by and reports those that are not its client's.
type watcher struct {
	r      io.Reader
	client int
	tail   []byte
	report func(mark string)
}

func (w *watcher) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.see(p[:n])
	return n, err
}

func (w *watcher) see(p []byte) {
	own := fmt.Sprintf("[c%d.", w.client)
	text := append(w.tail, p...)
	for _, m := range markRE.FindAll(text, -1) {
		if !strings.HasPrefix(string(m), own) {
			w.report(string(m))
		}
	}
	// A mark may be cut in two; one that is seen twice does no harm.
	w.tail = append([]byte(nil), text[max(0, len(text)-32):]...)
}

// marks is the run.
type marks struct {
	*crowd
	b       *bench
	weir    bool
	clients atomic.Int64
	asked   atomic.Int64
	tunnels atomic.Int64
}

// TestMarks lets clients and peers that misbehave share kept connections, and sees that every byte reaches only those whom it concerns.
func TestMarks(t *testing.T) {
	seed := firstSeed(t)
	run := &marks{crowd: newCrowd(t)}
	run.b = start(t, marksConf, func(b *bench) {
		for i, name := range []string{"ONE", "TWO"} {
			ln, err := net.Listen("tcp", b.names[name])
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = ln.Close() })
			go run.peers(ln, seed, uint64(i))
		}
	}, "ADDR", "ONE", "TWO")
	binary, _ := builtOnce()
	run.weir = weirtest.IsWeir(binary)
	run.join(24, seed, func(_ int, rng *rand.Rand) {
		for !run.over() {
			run.connection(rng)
		}
	})
	run.wg.Wait()
	t.Logf("%d requests on %d connections, %d tunnels", run.asked.Load(), run.clients.Load(), run.tunnels.Load())
	if run.asked.Load() < 50 || run.tunnels.Load() == 0 {
		t.Error("hardly anything was tried")
	}
}

// A visit is one connection of one client.
type visit struct {
	run  *marks
	rng  *rand.Rand
	id   int
	conn *net.TCPConn
	r    *bufio.Reader
	w    *watcher
	next int // number of the next request
}

// A question is a request that was sent and waits for its answer.
type question struct {
	number   int
	method   string
	place    string
	how      string
	upgrades bool
	body     string // framed
	text     string
}

// connection is the life of one connection.
func (run *marks) connection(rng *rand.Rand) {
	c, err := net.Dial("tcp", run.b.names["ADDR"])
	if err != nil {
		run.fail("%v", err)
		return
	}
	v := &visit{run: run, rng: rng, id: int(run.clients.Add(1)), conn: c.(*net.TCPConn)}
	defer func() { _ = v.conn.Close() }()
	v.w = &watcher{r: v.conn, client: v.id, report: func(m string) { run.fail("client %d was told %s, which is another's", v.id, m) }}
	v.r = bufio.NewReader(v.w)
	for range 1 + rng.IntN(6) {
		_ = v.conn.SetDeadline(time.Now().Add(4 * weirtest.Patience()))
		if !v.talk() || run.over() {
			return
		}
		if rng.IntN(4) == 0 {
			pause(rng, 3*time.Millisecond)
		}
	}
}

// ask makes a request.
func (v *visit) ask() question {
	q := question{
		number: v.next, method: pick(v.rng, "GET", "GET", "GET", "HEAD", "POST", "PUT"), place: pick(v.rng, markPlaces...), how: pick(v.rng, behaviours...),
	}
	v.next++
	if !v.run.weir && (q.how == "interim" || q.how == "flood" || q.how == "nohead") {
		q.how = "plain" // nginx takes these for answers: docs/compatibility.md
	}
	if q.place == "ashead" { // any other method would wait for a body
		q.method = "HEAD"
	}
	m := mark(v.id, q.number)
	fields := "X-Mark: " + m + "\r\n"
	if q.upgrades = q.how == "switch" && v.rng.IntN(4) > 0 || v.rng.IntN(20) == 0; q.upgrades {
		fields += "Upgrade: marks\r\nConnection: upgrade\r\n"
	}
	if q.method == "POST" || q.method == "PUT" {
		body := strings.Repeat(m, pick(v.rng, 0, 1, 10, 1000, 9000))
		if v.rng.IntN(2) == 0 {
			fields += "Transfer-Encoding: chunked\r\n"
			if len(body) > 0 {
				q.body = fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
			}
			q.body += "0\r\n\r\n"
		} else {
			fields += fmt.Sprintf("Content-Length: %d\r\n", len(body))
			q.body = body
		}
	}
	q.text = fmt.Sprintf("%s /%s/?how=%s&n=%d HTTP/1.1\r\nHost: a\r\n%s\r\n", q.method, q.place, q.how, v.rng.IntN(1<<30), fields)
	v.run.asked.Add(1)
	return q
}

// talk sends one request or several and reads what is answered. It reports whether the connection goes on.
func (v *visit) talk() bool {
	var all []question
	text := ""
	for range pick(v.rng, 1, 1, 1, 2, 5) {
		q := v.ask()
		all = append(all, q)
		text += q.text + q.body
		if q.upgrades {
			break
		}
	}
	mood := v.rng.IntN(12)
	switch mood {
	case 0: // it leaves while it still sends
		_, _ = io.WriteString(v.conn, text[:v.rng.IntN(len(text)+1)])
		v.leave()
		return false
	case 1: // it leaves while it is answered
		_, _ = io.WriteString(v.conn, text)
		pause(v.rng, 3*time.Millisecond)
		_ = v.conn.SetDeadline(time.Now().Add(5 * time.Millisecond))
		_, _ = io.CopyN(io.Discard, v.r, int64(v.rng.IntN(3000)))
		v.leave()
		return false
	case 2:
		_, _ = io.WriteString(v.conn, text)
		_ = v.conn.CloseWrite()
	default:
		sent := make(chan struct{})
		go func() { // large bodies and large answers must not wait for each other
			defer close(sent)
			_, _ = io.WriteString(v.conn, text)
		}()
		defer func() { <-sent }()
	}
	for _, q := range all {
		if !v.read(q, mood == 2) {
			_ = v.conn.Close()
			return false
		}
	}
	return mood != 2
}

// leave closes the connection, now and then by a reset.
func (v *visit) leave() {
	if v.rng.IntN(2) == 0 {
		_ = v.conn.SetLinger(0)
	}
	_ = v.conn.Close()
}

// read reads the answer to a request. It reports whether others may follow.
func (v *visit) read(q question, shut bool) bool {
	for {
		a, err := weirtest.ReadAnswer(v.r, q.method)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
			if !shut && q.how == "plain" && errors.Is(err, io.EOF) && len(q.body) == 0 {
				v.run.fail("%q was not answered, and the connection closed", q.text)
			}
			return false
		case err != nil:
			v.run.fail("%q: %v", q.text, err)
			return false
		}
		for _, m := range a.Get("X-Mark") {
			if m != mark(v.id, q.number) {
				v.run.fail("%q was answered %s", q.text, m)
			}
		}
		if a.Status == 101 {
			v.tunnel(q)
			return false
		}
		if a.Status >= 200 || a.Status == 0 {
			closes := strings.EqualFold(strings.Join(a.Get("Connection"), ""), "close")
			return a.Cut == nil && a.Status != 0 && !closes && (a.Chunked || len(a.Get("Content-Length")) > 0 || a.Status == 204 || a.Status == 304 || q.method == "HEAD")
		}
		if a.Status != 103 && v.run.weir {
			v.run.fail("%q: an interim answer %d was passed on", q.text, a.Status)
		}
	}
}

// tunnel says and hears marks until one side has had enough.
func (v *visit) tunnel(q question) {
	v.run.tunnels.Add(1)
	if v.run.weir && (!q.upgrades || q.place == "noupgrade" || q.place == "nobody") {
		v.run.fail("%q was upgraded without having asked", q.text)
	}
	m := mark(v.id, q.number)
	buf := make([]byte, 500)
	for range v.rng.IntN(6) {
		if _, err := io.WriteString(v.conn, strings.Repeat(m, 1+v.rng.IntN(30))); err != nil {
			return
		}
		if _, err := v.r.Read(buf); err != nil {
			return
		}
	}
	if v.rng.IntN(2) == 0 {
		v.leave()
	}
}
