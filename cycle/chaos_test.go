package cycle

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"weak"

	"weir/conf"
	"weir/load"
	"weir/weirtest"
)

// Each configuration has something of everything that hands itself down: zones, peers, kept connections, logs.
const manyThings = `
events { worker_connections 1024; }
http {
	access_log access-$N.log;
	limit_req_zone $binary_remote_addr zone=rate:1m rate=1000000r/s;
	map $uri $mapped { default $N; ~*^/m/(.*)$ $1; }
	upstream app { zone app 64k; server $2; keepalive 8; }
	upstream ws { server $3; }
	server {
		listen $1;
		location / { return 200 "$N $mapped"; }
		location /app { limit_req zone=rate burst=1000000; proxy_pass http://app; }
		location /ws { proxy_pass http://ws; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }
	}
}
`

// TestChaosHeap holds a WebSocket through a hundred reloads: the heap stays flat, and of all the cycles only the one in force and the
// one that the WebSocket began with are still there.
func TestChaosHeap(t *testing.T) {
	if weirtest.Race {
		t.Skip("the race detector has a memory of its own")
	}
	at := func(n int) string { return strings.ReplaceAll(manyThings, "$N", fmt.Sprint(n)) }
	rt, dir, addrs := newRuntime(t, at(0), 3)
	for i, kind := range []string{"name", "websocket"} {
		b, err := weirtest.StartBackend(kind, addrs[1+i], kind)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Down)
	}
	ws, err := weirtest.Dial(addrs[0], "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.Close() }()
	if err := ws.Send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if a, err := ws.Answer(); err != nil || a.Status != 101 {
		t.Fatal(a, err)
	}
	kept, err := weirtest.Dial(addrs[0], "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = kept.Close() }()

	var cycles []weak.Pointer[load.Life]
	var heap [2]uint64
	const reloads = 100
	for n := range reloads + 1 {
		if n > 0 {
			writeConf(t, dir, at(n), addrs)
			if err := rt.Reload(conf.Outside{}); err != nil {
				t.Fatal(err)
			}
		}
		cycles = append(cycles, weak.Make(rt.Current().env.Life))
		for path, want := range map[string]string{"/x": fmt.Sprintf("%d %d", n, n), "/app": "name\n"} {
			if err := kept.Send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if a, err := kept.Answer(); err != nil || string(a.Body) != want {
				t.Fatalf("reload %d, %s: %v, %v; want %q", n, path, a, err, want)
			}
		}
		if n == 10 {
			heap[0] = living()
		}
	}
	heap[1] = living()
	frame := weirtest.Frame(1, []byte("still here"), true)
	if err := ws.Send(string(frame)); err != nil {
		t.Error(err)
	}
	buf := make([]byte, 100)
	if n, err := ws.Conn.Read(buf); err != nil || !bytes.HasSuffix(buf[:n], []byte("still here")) {
		t.Errorf("the WebSocket: %q, %v", buf[:n], err)
	}
	left := 0
	for _, c := range cycles {
		if c.Value() != nil {
			left++
		}
	}
	t.Logf("%d reloads: a heap of %d KB after ten of them, of %d KB in the end; %d cycles left", reloads, heap[0]>>10, heap[1]>>10, left)
	if heap[1] > heap[0]+heap[0]/10 {
		t.Errorf("the heap has grown from %d to %d KB", heap[0]>>10, heap[1]>>10)
	}
	if left > 2 {
		t.Errorf("%d cycles are still there; want the first and the last", left)
	}
}

// living is the size of what the collector finds to be in use. What has a cleanup goes in the second round.
func living() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
