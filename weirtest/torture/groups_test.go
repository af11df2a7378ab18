package torture

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// Every way in which a group finds the peer for a request.
const groupsConf = `error_log error.log crit;
worker_processes 2;
events { worker_connections 1024; }
http {
	access_log off; client_body_temp_path tmp-body; proxy_temp_path tmp-proxy; client_max_body_size 0; keepalive_requests 100000;
	resolver $DNS; resolver_timeout 200ms;
	proxy_http_version 1.1; proxy_set_header Connection "";
	upstream cookie { zone cookie 64k; server $ONE; server $TWO; server $THREE; sticky cookie srv path=/; keepalive 4; }
	upstream route { zone route 64k; server $ONE route=one; server $TWO route=two; server $THREE route=three; sticky route $cookie_route $arg_none; }
	upstream learn { zone learn 64k; server $ONE; server $TWO; server $THREE; sticky learn create=$upstream_cookie_sid lookup=$cookie_sid zone=sessions:1m; keepalive 4; }
	upstream checked { zone checked 64k; server $ONE; server $TWO; server $THREE; least_conn; keepalive 4; }
	upstream slow { zone slow 64k; server $ONE slow_start=1s; server $TWO slow_start=1s; server $THREE; }
	upstream names { zone names 64k; server app.test:$PORT resolve; keepalive 4; }
	upstream many { zone many 64k; server app.test:$PORT resolve max_fails=0; server $ONE; random two least_conn; }
	server {
		listen $ADDR; listen $WIDE;
		location /cookie/ { proxy_pass http://cookie; }
		location /route/ { proxy_pass http://route; proxy_buffering off; }
		location /learn/ { proxy_pass http://learn; }
		location /checked/ { proxy_pass http://checked; health_check interval=20ms jitter=10ms uri=/health; }
		location /slow/ { proxy_pass http://slow; health_check interval=20ms passes=2 uri=/health; proxy_request_buffering off; }
		location /names/ { proxy_pass http://names; }
		location /many/ { proxy_pass http://many; }
		location /variable/ { resolver_timeout 60s; set $to sound.test; proxy_pass http://$to:$PORT; }
	}
}
`

var groupPlaces = []string{"cookie", "route", "learn", "checked", "slow", "names", "many", "variable"}

// groups is the run.
type groups struct {
	*bodies
	dns   *weirtest.NameServer
	peers map[string]*flapper
	stuck atomic.Int64 // requests that had to reach a certain peer
	sids  atomic.Int64
}

// A flapper is a peer that says now and then that it is ill. It answers all the same.
type flapper struct {
	mu   sync.Mutex
	ill  bool
	told time.Time // when the server was told so first
}

// TestGroups sends bodies through groups whose peers are chosen by cookies, routes and sessions, fall ill, and have names whose addresses change.
// Every request is answered, with the right bytes; a session stays with its peer; who is known to be ill is left alone.
func TestGroups(t *testing.T) {
	seed := firstSeed(t)
	run := &groups{bodies: &bodies{crowd: newCrowd(t)}, peers: map[string]*flapper{}}
	run.b = start(t, groupsConf, func(b *bench) { run.prepare(t, b) }, "ADDR", "WIDE", "ONE", "TWO", "THREE", "NAMED", "DNS")
	if !weirtest.Eventually(run.known) {
		t.Fatal("the name is not known")
	}
	run.join(32, seed, run.client)
	run.wg.Go(func() { run.change(rand.New(rand.NewPCG(seed, 1000))) })
	run.wg.Wait()
	t.Logf("%d exchanges, %d MB, %d of a session", run.done.Load(), run.bytes.Load()>>20, run.stuck.Load())
	if run.done.Load() < 10 || run.stuck.Load() == 0 {
		t.Error("hardly anything was tried")
	}
}

// known reports whether the addresses of names are known.
func (run *groups) known() bool {
	for _, place := range []string{"names", "many"} {
		all, err := weirtest.Ask(run.b.names["ADDR"], "GET /"+place+"/x?id=1&size=1&upload=-1&seed=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if err != nil || len(all) != 1 || all[0].Status != 200 {
			return false
		}
	}
	return true
}

func (run *groups) prepare(t *testing.T, b *bench) {
	run.bodies.b = b
	var err error
	if run.dns, err = weirtest.StartNameServer(b.names["DNS"]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run.dns.Down)
	for _, name := range []string{"app.test", "sound.test"} {
		if err := run.dns.Set(name, "1", "A", "127.0.0.1"); err != nil {
			t.Fatal(err)
		}
	}
	_, b.names["PORT"], _ = net.SplitHostPort(b.names["NAMED"])
	for _, name := range []string{"ONE", "TWO", "THREE", "NAMED"} {
		addr := b.names[name]
		if name == "NAMED" {
			addr = "0.0.0.0:" + b.names["PORT"]
		}
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ln.Close() })
		name, f := strings.ToLower(name), &flapper{}
		run.peers[name] = f
		go run.origin(ln, func(conn net.Conn, r *bufio.Reader) (bool, error) { return run.serveAs(conn, r, name, f) })
	}
}

// change has peers fall ill and recover, names change, and the configuration be loaded anew.
func (run *groups) change(rng *rand.Rand) {
	for turn := 0; !run.over(); turn++ {
		pause(rng, 100*time.Millisecond)
		run.peers[pick(rng, "two", "three")].turn(rng.IntN(8) > 0)
		words := []string{"silent"} // what is known of the group's name stays good
		if rng.IntN(6) > 0 {
			words = addresses(rng)
		}
		if err := errors.Join(run.dns.Set("app.test", words...), run.dns.Set("sound.test", addresses(rng)...)); err != nil {
			run.fail("%v", err)
		}
		if turn%8 == 7 {
			_ = run.b.Signal(syscall.SIGHUP)
		}
	}
}

// addresses are some of those at which there is a peer.
func addresses(rng *rand.Rand) []string {
	all := []string{"1", "A"}
	for _, n := range rng.Perm(4)[:1+rng.IntN(4)] {
		all = append(all, fmt.Sprintf("127.0.0.%d", 1+n))
	}
	return all
}

// turn has a peer fall ill or recover. stay leaves it as it is.
func (f *flapper) turn(stay bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !stay {
		f.ill, f.told = !f.ill, time.Time{}
	}
}

// check is the status of a health check.
func (f *flapper) check() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ill {
		return "200 OK"
	}
	if f.told.IsZero() {
		f.told = time.Now()
	}
	return "503 Ill"
}

// shunned reports whether nobody may ask it any more: the server knows for long that it is ill.
func (f *flapper) shunned() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ill && !f.told.IsZero() && time.Since(f.told) > weirtest.Patience()/4
}

// serveAs answers one request as one of the peers.
func (run *groups) serveAs(conn net.Conn, r *bufio.Reader, name string, f *flapper) (keep bool, err error) {
	line, fields, err := readFields(r)
	if err != nil {
		return false, nil
	}
	_, target, _ := strings.Cut(line, " ")
	if strings.HasPrefix(target, "/health ") {
		_, err = fmt.Fprintf(conn, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", f.check())
		return false, ignore(err)
	}
	if checked := strings.HasPrefix(target, "/checked/") || strings.HasPrefix(target, "/slow/"); checked && f.shunned() {
		return false, fmt.Errorf("%s is ill, and is asked: %s", name, line)
	}
	more := "X-Peer: " + name + "\r\n"
	if strings.HasPrefix(target, "/learn/") && !strings.Contains(fields["cookie"], "sid=") {
		more += fmt.Sprintf("Set-Cookie: sid=%d\r\n", run.sids.Add(1))
	}
	return run.respond(conn, r, line, fields, more)
}

// client has a session of its own now and then, and asks within it.
func (run *groups) client(_ int, rng *rand.Rand) {
	for !run.over() {
		conn, err := net.Dial("tcp", run.b.names[pick(rng, "ADDR", "WIDE")])
		if err != nil {
			run.fail("%v", err)
			return
		}
		r := bufio.NewReaderSize(conn, pick(rng, 16, 700, 4096, 65536))
		s := session{place: pick(rng, groupPlaces...)}
		if s.place == "route" {
			s.peer = pick(rng, "one", "two", "three")
			s.cookie = "route=" + s.peer
		}
		for range 1 + rng.IntN(8) {
			_ = conn.SetDeadline(time.Now().Add(6 * weirtest.Patience()))
			keep, err := run.within(&s, conn, r, rng)
			if err != nil {
				run.fail("%+v: %v", s, err)
			}
			run.done.Add(1)
			if !keep || err != nil || run.over() {
				break
			}
		}
		_ = conn.Close()
	}
}

// A session is what a client has been told, and the peer that it belongs to.
type session struct {
	place, cookie, peer string
}

// within asks once within a session.
func (run *groups) within(s *session, conn net.Conn, r *bufio.Reader, rng *rand.Rand) (keep bool, err error) {
	a := ask{place: s.place, id: rng.Uint64() >> 1, size: size(rng, 100_000), upload: -1, seed: rng.Uint64() >> 1, close: rng.IntN(6) == 0}
	if rng.IntN(3) == 0 {
		a.upload, a.chunkedU = size(rng, 100_000), rng.IntN(2) == 0
	}
	if s.cookie != "" {
		a.more = "Cookie: other=1; " + s.cookie + "\r\n"
	}
	if keep, err = run.exchange(conn, r, &a, rng); err != nil {
		return false, fmt.Errorf("%+v: %w", a, err)
	}
	if s.peer != "" {
		run.stuck.Add(1)
		if got := a.got["x-peer"]; got != s.peer {
			return false, fmt.Errorf("%s has answered", got)
		}
	}
	if text := a.got["set-cookie"]; s.peer == "" && (strings.HasPrefix(text, "srv=") || strings.HasPrefix(text, "sid=")) {
		s.cookie, _, _ = strings.Cut(text, ";")
		s.peer = a.got["x-peer"]
	}
	return keep, nil
}
