package cycle

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/loop"
	"weir/weirtest"
)

// TestMemoryComesBack has 500 clients ask for 1 MB each through a proxy and read none of it. Some time after they have left, the process
// has given back to the system what serving them took.
func TestMemoryComesBack(t *testing.T) {
	if weirtest.Race {
		t.Skip("the race detector's own memory does not come back")
	}
	if loop.Portable {
		t.Skip("a goroutine for each side of each connection")
	}
	var skip atomic.Int64
	begin := time.Now()
	clock := func() time.Time { return begin.Add(time.Since(begin) + time.Duration(skip.Load())) }
	text := strings.Replace(twoServers, "listen $2;", "listen $2 sndbuf=32k;", 1)
	text = strings.Replace(text, "listen $1;", "listen $1 sndbuf=16k; proxy_buffers 16 4k; proxy_max_temp_file_size 0;", 1)
	text = strings.Replace(text, "1024", "4096", 1)
	rt, dir, addrs := newRuntimeOf(t, &Process{Clock: clock}, text, 2)
	if err := os.Mkdir(filepath.Join(dir, "p"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "p/large"), bytes.Repeat([]byte("x"), 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	const clients = 500
	ask := func() (all []net.Conn) {
		for range clients {
			c, err := net.Dial("tcp", addrs[0])
			if err != nil {
				t.Fatal(err)
			}
			_ = c.(*net.TCPConn).SetReadBuffer(4096)
			all = append(all, c)
			if _, err := fmt.Fprintf(c, "GET /p/large HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	conns := func() (n int) {
		for _, l := range rt.engine.Loops {
			n += l.Conns()
		}
		return n
	}
	until := func(what string, f func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !f(); runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("%s: it does not come; the process holds %d MB", what, held()>>20)
			}
		}
	}
	debug.FreeOSMemory()
	before := held()
	all := ask()
	until("three connections for each client, since the peer is the same process", func() bool { return conns() == 3*clients })
	until("memory for them", func() bool { return held() > before+20<<20 })
	for _, c := range all {
		c.Close()
	}
	all = nil
	until("an end of the connections", func() bool { return conns() <= 16 })
	// The second look finds that nothing was needed since the first.
	for range 3 {
		skip.Add(int64(10 * time.Second))
		for _, l := range rt.engine.Loops {
			done := make(chan struct{})
			l.Post(func() { close(done) })
			<-done
		}
	}
	until("less memory", func() bool { return held() < before+4<<20 })
	runtime.KeepAlive(all)
}

// held is how much memory the runtime has of the system.
func held() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}
