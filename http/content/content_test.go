package content_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/cycle"
	"weir/disk"
	"weir/logs"
	"weir/loop"
	"weir/weirtest"
)

// A site is a server over a folder of its own.
type site struct {
	t    *testing.T
	dir  string // $DIR of its configuration
	www  string
	addr string
	rt   *cycle.Runtime
	skip atomic.Int64 // how far the server's clock is ahead
}

// newSite starts a server whose one server block, over www, has these directives.
func newSite(t *testing.T, directives string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	s.www = filepath.Join(s.dir, "www")
	for _, d := range []string{s.www, filepath.Join(s.dir, "logs")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	_ = ln.Close()
	text := "error_log logs/error.log; events { } http { access_log off; keepalive_requests 100000; server { listen " + s.addr + "; root www;\n" +
		strings.ReplaceAll(directives, "$DIR", s.dir) + "\n} }"
	s.write("../nginx.conf", text)
	p := &cycle.Process{
		Files: logs.NewFiles(), Temp: disk.NewTempNumbers(),
		Clock: func() time.Time { return time.Now().Add(time.Duration(s.skip.Load())) },
	}
	c, d := cycle.Build(cycle.Options{
		Prefix: s.dir + "/", Conf: s.dir + "/nginx.conf", ErrorLog: s.dir + "/logs/error.log",
		AccessLog: s.dir + "/logs/access.log", TempPrefix: s.dir + "/", Version: "test",
	}, p)
	if d.Failed() {
		var b bytes.Buffer
		d.Print(&b, "weir")
		t.Fatal(b.String())
	}
	if err := c.Prepare(); err != nil {
		t.Fatal(err)
	}
	rt, err := cycle.Start(c, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rt.Stop)
	s.rt = rt
	return s
}

// write writes a file of www, in place when it exists.
func (s *site) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.www, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// pass lets time pass for the server.
func (s *site) pass(d time.Duration) {
	s.skip.Add(int64(d))
	s.rt.Alive() // the loops have looked at the clock
}

// age makes what was changed a moment ago old enough to be kept in memory.
func (s *site) age() { s.pass(100 * time.Millisecond) }

// ask makes a request and returns status, the fields named, and body, in one line.
func (s *site) ask(method, target string, fields ...string) string {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", method, target); err != nil {
		s.t.Fatal(err)
	}
	a, err := nethttp.ReadResponse(bufio.NewReader(c), &nethttp.Request{Method: method})
	if err != nil {
		return err.Error()
	}
	body, err := io.ReadAll(a.Body)
	if a.StatusCode >= 300 || a.StatusCode == 204 {
		body = nil
	}
	out := strings.TrimSuffix(fmt.Sprintf("%d %s", a.StatusCode, body), " ")
	if err != nil {
		out += " " + err.Error()
	}
	for _, f := range fields {
		out += " " + f + "=" + a.Header.Get(f)
	}
	return out
}

func (s *site) get(target string) string { s.t.Helper(); return s.ask("GET", target) }

// expect asks for a target and compares the answer.
func (s *site) expect(target, want string) {
	s.t.Helper()
	if got := s.get(target); got != want {
		s.t.Errorf("GET %s: %.120q; want %.120q", target, got, want)
	}
}

// logged waits until the error log has a line with this pattern.
func (s *site) logged(pattern string) {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	var b []byte
	if !weirtest.Eventually(func() bool { b, _ = os.ReadFile(s.dir + "/logs/error.log"); return re.Match(b) }) {
		s.t.Errorf("no line of the error log has %q; it is:\n%s", pattern, b)
	}
}

// asker returns a function that makes one request on a kept connection and reads an answer with a body
// of this length, allocating nothing.
func (s *site) asker(target string, body int) func() {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	request := []byte("GET " + target + " HTTP/1.1\r\nHost: a\r\nUser-Agent: t\r\n\r\n")
	buf, end := make([]byte, 256<<10), []byte("\r\n\r\n")
	return func() {
		if _, err := c.Write(request); err != nil {
			s.t.Fatal(err)
		}
		for n := 0; ; {
			m, err := c.Read(buf[n:])
			if err != nil {
				s.t.Fatal(err)
			}
			n += m
			if i := bytes.Index(buf[:n], end); i >= 0 && n >= i+len(end)+body {
				return
			}
		}
	}
}

func TestStaticAllocatesNothing(t *testing.T) {
	if weirtest.Race {
		t.Skip("the race detector allocates")
	}
	if loop.Portable {
		t.Skip("the portable engine allocates")
	}
	s := newSite(t, `
		location /kept/ { alias www/; open_file_cache max=10; }
		location /try/ { root www; try_files $uri /nope /small.html; }
		location /owner/ { alias www/; disable_symlinks if_not_owner from=$document_root; }`)
	s.write("small.html", strings.Repeat("s", 1024))
	s.write("index.html", strings.Repeat("i", 1024))
	s.write("large.bin", strings.Repeat("l", 200<<10))
	s.age()
	for _, c := range []struct {
		target string
		size   int
	}{
		{"/small.html", 1024},
		{"/", 1024},
		{"/large.bin", 200 << 10},
		{"/kept/small.html", 1024},
		{"/kept/large.bin", 200 << 10},
		{"/try/x", 1024},
		{"/owner/small.html", 1024},
	} {
		t.Run(c.target, func(t *testing.T) {
			ask := s.asker(c.target, c.size)
			for range 100 {
				ask()
			}
			const requests = 1000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range requests {
				ask()
			}
			runtime.ReadMemStats(&after)
			if n := float64(after.Mallocs-before.Mallocs) / requests; n > 0.05 {
				t.Errorf("GET %s allocates %.2f times a request; want 0", c.target, n)
			}
		})
	}
}

func TestStatic(t *testing.T) {
	s := newSite(t, `
		location /alias/ { alias www/; }
		location /quiet/ { alias www/; log_not_found off; etag off; }
		location /moved/ { alias www/; rewrite ^ /f.html break; }`)
	s.write("f.html", "content")
	s.write("a b/f", "x")
	s.write("empty", "")
	s.write("large", strings.Repeat("x", 300<<10))
	if err := unix.Mkfifo(filepath.Join(s.www, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	when := time.Unix(1_600_000_000, 123)
	if err := os.Chtimes(filepath.Join(s.www, "f.html"), when, when); err != nil {
		t.Fatal(err)
	}
	const tag = ` ETag="5f5e1000-7" Last-Modified=Sun, 13 Sep 2020 12:26:40 GMT`
	for range 3 { // read, admitted, from memory
		s.age()
		for _, c := range []struct{ method, target, want string }{
			{"GET", "/f.html", "200 content" + tag + " Content-Length=7 Content-Type=text/html Location="},
			{"HEAD", "/f.html", "200" + tag + " Content-Length=7 Content-Type=text/html Location="},
			{"GET", "/quiet/f.html", "200 content ETag= Last-Modified=Sun, 13 Sep 2020 12:26:40 GMT Content-Length=7 Content-Type=text/html Location="},
		} {
			if got := s.ask(c.method, c.target, "ETag", "Last-Modified", "Content-Length", "Content-Type", "Location"); got != c.want {
				t.Errorf("%s %s:\n%s, want\n%s", c.method, c.target, got, c.want)
			}
		}
		s.expect("/empty", "200")
		s.expect("/large", "200 "+strings.Repeat("x", 300<<10))
	}
	for _, c := range []struct{ method, target, want string }{
		{"POST", "/f.html", "405 Location="},
		{"PUT", "/f.html", "405 Location="},
		{"DELETE", "/nope", "405 Location="},
		{"POST", "/nope", "404 Location="},
		{"GET", "/a%20b?x=%20", "301 Location=http://a" + s.port() + "/a%20b/?x=%20"},
		{"GET", "/alias/a%20b", "301 Location=http://a" + s.port() + "/alias/a%20b/"},
		{"POST", "/a%20b", "301 Location=http://a" + s.port() + "/a%20b/"},
		{"GET", "/f.html/", "404 Location="},
		{"GET", "/f.html/x", "404 Location="},
		{"GET", "/fifo", "404 Location="},
		{"GET", "/moved/x", "500 Location="},
		{"GET", "/" + strings.Repeat("n", 300), "404 Location="},
	} {
		if got := s.ask(c.method, c.target, "Location"); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.method, c.target, got, c.want)
		}
	}
	s.expect("/quiet/unlogged", "404")
	s.logged(`\[error\] .* open\(\) ".*/www/nope" failed \(2: No such file or directory\), client: `)
	s.logged(`\[error\] .* open\(\) ".*/www/f.html/x" failed \(20: Not a directory\)`)
	s.logged(`\[error\] .* ".*/www/f.html/index.html" is not found \(20: Not a directory\)`)
	s.logged(`\[crit\] .* ".*/www/fifo" is not a regular file`)
	s.logged(`\[alert\] .* "alias" cannot be used in location "/moved/" where URI was rewritten`)
	if b, _ := os.ReadFile(s.dir + "/logs/error.log"); bytes.Contains(b, []byte("unlogged")) {
		t.Error("log_not_found off, and yet it is logged")
	}
}

func (s *site) port() string { return s.addr[strings.LastIndexByte(s.addr, ':'):] }
