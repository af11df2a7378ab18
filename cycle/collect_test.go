package cycle

import (
	"bufio"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/conf"
	"weir/weirtest"
)

// tunnelEnd takes the upgrade of every connection and sends back what comes then.
func tunnelEnd(t *testing.T) (addr string) {
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
			go func() {
				defer func() { _ = c.Close() }()
				r := bufio.NewReader(c)
				for line := ""; line != "\r\n"; {
					if line, err = r.ReadString('\n'); err != nil {
						return
					}
				}
				_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
				_, _ = io.Copy(c, r)
			}()
		}
	}()
	return ln.Addr().String()
}

// TestReloadsLeaveNothingBehind reloads a hundred times under a tunnel, a connection that rests between requests and one to
// the origin. The tunnel's request keeps the cycle it began with; all others but the last must go.
func TestReloadsLeaveNothingBehind(t *testing.T) {
	const reloads, sites = 100, 100
	text := strings.ReplaceAll(`
events { }
http {
	access_log off;
	proxy_cache_path cache keys_zone=one:1m memory=1m;
	`+weirtest.SiteUpstreams()+`
	server {
		listen $1;
		location / { return 200 ok; }
		location /tunnel { proxy_pass http://ECHO; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }
		location /self/ { proxy_pass http://$1/; proxy_cache one; proxy_cache_valid any 1h; }
	}
	include sites*/*.conf;
}
`, "ECHO", tunnelEnd(t))
	rt, dir, addrs := newRuntime(t, text, 1)
	if err := weirtest.WriteSites(filepath.Join(dir, "sites"), addrs[0], sites); err != nil {
		t.Fatal(err)
	}
	tunnel, rest := dial(t, addrs[0]), dial(t, addrs[0])
	if _, err := io.WriteString(tunnel, "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	fromTunnel, fromRest := bufio.NewReader(tunnel), bufio.NewReader(rest)
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = fromTunnel.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	var gone atomic.Int64
	var early uint64
	for i := range reloads {
		runtime.AddCleanup(rt.Current().env.Life, func(n *atomic.Int64) { n.Add(1) }, &gone)
		if err := rt.Reload(conf.Outside{}); err != nil {
			t.Fatal(err)
		}
		if body := get(t, rest, fromRest, "/self/"); body != "ok" {
			t.Fatalf("%q", body)
		}
		if _, err := io.WriteString(tunnel, "x"); err != nil {
			t.Fatal(err)
		}
		if b, err := fromTunnel.ReadByte(); err != nil || b != 'x' {
			t.Fatal(b, err)
		}
		if i == reloads/10 {
			early = heap()
		}
	}
	if !weirtest.Eventually(func() bool { runtime.GC(); return gone.Load() == reloads-1 }) {
		t.Errorf("%d of %d cycles are gone, want all but the first", gone.Load(), reloads)
	}
	if late := heap(); late > early+early/10 {
		t.Errorf("the heap grew from %d to %d bytes", early, late)
	}
}

func dial(t *testing.T, addr string) net.Conn {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(20 * weirtest.Patience()))
	t.Cleanup(func() { _ = c.Close() })
	return c
}
