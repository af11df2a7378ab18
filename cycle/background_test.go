package cycle

import (
	"bufio"
	"net"
	"net/http"
	"testing"

	"weir/conf"
)

const updating = `
events { worker_connections 1024; }
http {
	access_log off;
	proxy_temp_path $DIR/temp;
	proxy_cache_path $DIR/cache keys_zone=one:1m;
	server {
		listen $1;
		location / {
			proxy_pass http://$2;
			proxy_cache one;
			proxy_cache_use_stale updating;
			proxy_cache_background_update on;
			add_header X-Cache $upstream_cache_status always;
		}
	}
}
`

// A heldOrigin answers its first request at once with what is too old, and holds every other one until it is told or its client goes.
type heldOrigin struct {
	asked   chan bool // one for every request
	release chan bool
	gone    chan bool
}

func newHeldOrigin(t *testing.T, addr string) *heldOrigin {
	t.Helper()
	o := &heldOrigin{asked: make(chan bool, 10), release: make(chan bool), gone: make(chan bool, 10)}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	first := true
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hold := !first
		first = false
		o.asked <- true
		if hold {
			select {
			case <-o.release:
			case <-r.Context().Done():
				o.gone <- true
				return
			}
		}
		w.Header().Set("X-Accel-Expires", "@1")
		_, _ = w.Write([]byte("old"))
	})}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close() })
	return o
}

// beginUpdate has the cache begin to update a response that the origin holds back, and returns the client's connection.
func beginUpdate(t *testing.T, text string) (*Runtime, string, []string, *heldOrigin, net.Conn, *bufio.Reader) {
	t.Helper()
	rt, dir, addrs := newRuntime(t, text, 2)
	o := newHeldOrigin(t, addrs[1])
	c, err := net.Dial("tcp", addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	r := bufio.NewReader(c)
	get(t, c, r, "/a")
	<-o.asked
	if got := get(t, c, r, "/a"); got != "old" {
		t.Fatalf("the second answer is %q", got)
	}
	<-o.asked
	return rt, dir, addrs, o, c, r
}

// TestUpdateOutlivesClient sees that a response is updated without a client: the connection that gave cause to it carries further requests
// meanwhile, and a graceful stop waits for the update when the client has gone.
func TestUpdateOutlivesClient(t *testing.T) {
	rt, _, _, o, c, r := beginUpdate(t, updating)
	if got := get(t, c, r, "/a"); got != "old" {
		t.Errorf("during the update: %q", got)
	}
	_ = c.Close()
	rt.Quit()
	rt.Alive()
	select {
	case <-rt.Done():
		t.Error("the server has ended before the update")
	case <-o.gone:
		t.Error("the update has ended with its client")
	default:
	}
	close(o.release)
	<-rt.Done()
}

// TestUpdateIsBounded sees that worker_shutdown_timeout ends what a retired configuration still fetches.
func TestUpdateIsBounded(t *testing.T) {
	rt, dir, addrs, o, _, _ := beginUpdate(t, "worker_shutdown_timeout 1ms;"+updating)
	writeConf(t, dir, updating, addrs)
	if err := rt.Reload(conf.Outside{}); err != nil {
		t.Fatal(err)
	}
	<-o.gone
}
