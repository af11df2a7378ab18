package cycle

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"weir/conf"
	"weir/disk"
	"weir/logs"
	"weir/loop"
	"weir/weirtest"
)

// newRuntime starts a server from the text of an nginx.conf in a folder of its own; $1, $2 … stand for
// free addresses.
func newRuntime(t *testing.T, text string, addresses int) (rt *Runtime, dir string, addrs []string) {
	t.Helper()
	return newRuntimeOf(t, &Process{}, text, addresses)
}

func newRuntimeOf(t *testing.T, p *Process, text string, addresses int) (rt *Runtime, dir string, addrs []string) {
	t.Helper()
	dir = t.TempDir()
	var held []net.Listener // until every port is chosen, or one might come twice
	for range addresses {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, ln.Addr().String())
		held = append(held, ln)
	}
	for _, ln := range held {
		_ = ln.Close()
	}
	writeConf(t, dir, text, addrs)
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.Files, p.Temp = logs.NewFiles(), disk.NewTempNumbers()
	c, d := Build(Options{
		Prefix: dir + "/", Conf: dir + "/nginx.conf", ErrorLog: dir + "/logs/error.log",
		AccessLog: dir + "/logs/access.log", TempPrefix: dir + "/", Version: "test",
	}, p)
	if d.Failed() {
		var b bytes.Buffer
		d.Print(&b, "weir")
		t.Fatal(b.String())
	}
	if err := c.Prepare(); err != nil {
		t.Fatal(err)
	}
	rt, err := Start(c, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rt.Stop)
	return rt, dir, addrs
}

func writeConf(t *testing.T, dir, text string, addrs []string) {
	t.Helper()
	for i, a := range addrs {
		text = strings.ReplaceAll(text, fmt.Sprintf("$%d", i+1), a)
	}
	text = strings.ReplaceAll(text, "$DIR", dir)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const twoServers = `
events { worker_connections 1024; }
http {
	access_log off;
	keepalive_requests 100000;
	upstream origin { server $2; keepalive 16; keepalive_requests 100000; }
	server {
		listen $1;
		location / { root $DIR; }
		location /p/ { proxy_pass http://origin; }
		location /r { return 200 "a text\n"; }
	}
	server {
		listen $2;
		location / { root $DIR; }
	}
}
`

// TestPlainRoadAllocatesNothing is the promise of design.md, section 6: a static and a proxied request, and
// one that return answers, on kept connections cost no allocation.
func TestPlainRoadAllocatesNothing(t *testing.T) {
	if weirtest.Race {
		t.Skip("the race detector allocates on its own")
	}
	if loop.Portable {
		t.Skip("the portable engine allocates")
	}
	_, dir, addrs := newRuntime(t, twoServers, 2)
	if err := os.Mkdir(filepath.Join(dir, "p"), 0o755); err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("x"), 1024)
	for _, name := range []string{"a.html", "p/a.html"} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for path, size := range map[string]int{"/a.html": len(body), "/p/a.html": len(body), "/r": len("a text\n")} {
		t.Run(path, func(t *testing.T) {
			c, err := net.Dial("tcp", addrs[0])
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			ask := asker(t, c, path, size)
			for range 200 {
				ask()
			}
			const requests = 2000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range requests {
				ask()
			}
			runtime.ReadMemStats(&after)
			if n := float64(after.Mallocs-before.Mallocs) / requests; n > 0.05 {
				t.Errorf("GET %s allocates %.2f times a request; want 0", path, n)
			}
		})
	}
}

// asker returns a function that makes one request on c and reads its answer, allocating nothing.
func asker(t *testing.T, c net.Conn, path string, body int) func() {
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
	buf := make([]byte, 8192)
	end := []byte("\r\n\r\n")
	return func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		n := 0
		for {
			m, err := c.Read(buf[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += m
			i := bytes.Index(buf[:n], end)
			switch {
			case i < 0:
			case !bytes.HasPrefix(buf, []byte("HTTP/1.1 200")):
				t.Fatalf("answer: %q", buf[:n]) // at once: a shorter body would be waited for until the connection's time is over
			case n >= i+4+body:
				return
			}
		}
	}
}

const withReload = `
events { worker_connections 1024; }
http {
	access_log off;
	server {
		listen $1;
		location / { return 200 one; }
		location /slow { limit_rate 2000; root $DIR; }
	}
}
`

// get asks over an open connection.
func get(t *testing.T, c net.Conn, r *bufio.Reader, path string) string {
	t.Helper()
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	a, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestReloadKeepsConnections(t *testing.T) {
	rt, dir, addrs := newRuntime(t, withReload, 2)
	c, err := net.Dial("tcp", addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	if got := get(t, c, r, "/"); got != "one" {
		t.Fatalf("before the reload: %q", got)
	}
	writeConf(t, dir, strings.ReplaceAll(withReload, "return 200 one", "return 200 two"), addrs)
	if err := rt.Reload(conf.Outside{}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, c, r, "/"); got != "two" {
		t.Errorf("after the reload, on the same connection: %q; want two", got)
	}
}

func TestReloadMovesSockets(t *testing.T) {
	rt, dir, addrs := newRuntime(t, withReload, 2)
	writeConf(t, dir, strings.ReplaceAll(withReload, "listen $1", "listen $2"), addrs)
	if err := rt.Reload(conf.Outside{}); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", addrs[1])
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, c, bufio.NewReader(c), "/"); got != "one" {
		t.Errorf("on the new address: %q", got)
	}
	_ = c.Close()
	if c, err := net.Dial("tcp", addrs[0]); err == nil {
		_ = c.Close()
		t.Error("the old address still accepts")
	}
}

func TestBadReloadChangesNothing(t *testing.T) {
	for name, change := range map[string][2]string{
		"unknown directive": {"return 200 one", "retrun 200 two"},
		"address taken":     {"listen $1", "listen $1; listen $2"},
	} {
		t.Run(name, func(t *testing.T) {
			rt, dir, addrs := newRuntime(t, withReload, 2)
			taken, err := net.Listen("tcp", addrs[1])
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = taken.Close() }()
			writeConf(t, dir, strings.ReplaceAll(withReload, change[0], change[1]), addrs)
			if rt.Reload(conf.Outside{}) == nil {
				t.Error("Reload succeeded; want an error")
			}
			c, err := net.Dial("tcp", addrs[0])
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if got := get(t, c, bufio.NewReader(c), "/"); got != "one" {
				t.Errorf("after a bad reload: %q; want one", got)
			}
			log, _ := os.ReadFile(filepath.Join(dir, "logs", "error.log"))
			if !bytes.Contains(log, []byte("[emerg]")) {
				t.Errorf("the log does not say why:\n%s", log)
			}
		})
	}
}

func TestQuitFinishesRequests(t *testing.T) {
	rt, dir, addrs := newRuntime(t, withReload, 2)
	if err := os.WriteFile(filepath.Join(dir, "slow"), bytes.Repeat([]byte("x"), 3000), 0o644); err != nil {
		t.Fatal(err)
	}
	busy, err := net.Dial("tcp", addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	idle, err := net.Dial("tcp", addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = idle.Close() }()
	get(t, idle, bufio.NewReader(idle), "/")
	if _, err := io.WriteString(busy, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(busy)
	a, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	rt.Quit()
	if n, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("idle connection: %d bytes, %v; want it closed", n, err)
	}
	body, err := io.ReadAll(a.Body)
	if err != nil || len(body) != 3000 {
		t.Errorf("request under way: %d bytes, %v; want 3000", len(body), err)
	}
	<-rt.Done()
}
