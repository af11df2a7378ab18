package cycle

import (
	"bufio"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

const quitting = `
worker_processes 2;
events { worker_connections 1024; }
http {
	access_log off;
	keepalive_requests 100000;
	server { listen $1; location / { return 200 one; } }
}
`

// TestQuitUnderLoad ends servers while a client asks without a pause: those who are idle may still ask once. A request that
// ended in the middle of Quit was once taken for the last, and everybody was thrown out.
func TestQuitUnderLoad(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	for range rounds {
		rt, _, addrs := newRuntime(t, quitting, 1)
		dial := func() (net.Conn, *bufio.Reader) {
			c, err := net.Dial("tcp", addrs[0])
			if err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(c)
			get(t, c, r, "/")
			return c, r
		}
		var busy sync.WaitGroup
		var stop atomic.Bool
		for range 2 {
			c, r := dial()
			busy.Go(func() {
				defer func() { _ = c.Close() }()
				for !stop.Load() {
					if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
						return
					}
					if _, err := r.Discard(1); err != nil {
						return
					}
					_, _ = r.Discard(r.Buffered())
				}
			})
		}
		type client struct {
			c net.Conn
			r *bufio.Reader
		}
		var idle []client
		for range 4 {
			c, r := dial()
			idle = append(idle, client{c, r})
		}
		rt.Quit()
		for _, k := range idle {
			if got := get(t, k.c, k.r, "/"); got != "one" {
				t.Errorf("an idle client that asks once more: %q", got)
			}
			_ = k.c.Close()
		}
		stop.Store(true)
		busy.Wait()
		<-rt.Done()
	}
}
