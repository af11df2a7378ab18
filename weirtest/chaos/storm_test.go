package chaos

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

const stormConf = `error_log error.log notice;
worker_processes 2;
events { worker_connections 2048; }
http {
	access_log access$N.log; client_body_temp_path tmp-body; proxy_temp_path tmp-proxy;
	upstream app { server $APP; keepalive 8; }
	upstream ws { server $WS; }
	map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
	server { listen $ADDR; root www; keepalive_requests 1000000;
		location /n { return 200 "$N "; }
		location /app { proxy_pass http://app; }
		location /ws { proxy_pass http://ws; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }
	}
}
`

// storm is a server with back ends and a crowd of clients that count what goes wrong.
type storm struct {
	*weirtest.Server
	t      *testing.T
	names  map[string]string
	addr   string
	asked  atomic.Int64
	failed atomic.Int64
	stop   atomic.Bool
	crowd  sync.WaitGroup
}

func newStorm(t *testing.T) *storm {
	t.Helper()
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	s := &storm{t: t, names: map[string]string{"N": "0"}}
	for name, kind := range map[string]string{"APP": "name", "WS": "websocket"} {
		s.names[name] = mustTake(t, ports)
		b, err := weirtest.StartBackend(name, s.names[name], kind)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Down)
	}
	s.addr = mustTake(t, ports)
	s.names["ADDR"] = s.addr
	dir := t.TempDir()
	s.Server = startTorture(t, weirtest.Options{Binary: tortureBinary(t), Dir: dir, Ready: []string{s.addr}}, weirtest.Expand(stormConf, s.names))
	return s
}

// configure writes configuration number n, which logs to a file of its own in every tenth.
func (s *storm) configure(n int) {
	s.t.Helper()
	s.names["N"] = fmt.Sprint(n)
	text := weirtest.Expand(stormConf, s.names)
	text = strings.Replace(text, fmt.Sprintf("access%d.log", n), fmt.Sprintf("access%d.log", n/10), 1)
	half := filepath.Join(s.Dir, "half")
	if err := os.WriteFile(half, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(half, filepath.Join(s.Dir, "nginx.conf")); err != nil {
		s.t.Fatal(err)
	}
}

// join adds a client that asks until the storm is over.
func (s *storm) join(ask func() error) {
	s.crowd.Go(func() {
		for !s.stop.Load() {
			s.asked.Add(1)
			if err := ask(); err != nil {
				s.failed.Add(1)
				s.t.Errorf("request %d: %v", s.asked.Load(), err)
				return
			}
		}
	})
}

// fresh asks on a connection of its own.
func (s *storm) fresh(path string) func() error {
	return func() error {
		answers, err := weirtest.Ask(s.addr, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if err == nil && (len(answers) != 1 || answers[0].Status != 200 || answers[0].Cut != nil) {
			err = fmt.Errorf("fresh %s: %v", path, answers)
		}
		return err
	}
}

// kept asks on one connection for ever.
func (s *storm) kept(path string) func() error {
	c, err := weirtest.Dial(s.addr, "")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return func() error {
		if err := c.Send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			return fmt.Errorf("kept %s: %w", path, err)
		}
		a, err := c.Answer()
		if err == nil && (a.Status != 200 || a.Cut != nil) {
			err = fmt.Errorf("kept %s: %v", path, a)
		}
		return err
	}
}

// socket opens a WebSocket and returns what sends a frame and wants it back.
func (s *storm) socket() func() error {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	r := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n")
	for line := ""; line != "\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			s.t.Fatal(err)
		}
	}
	n := 0
	return func() error {
		n++
		_ = conn.SetDeadline(time.Now().Add(weirtest.Patience()))
		want := fmt.Appendf(nil, "frame %d", n)
		if _, err := conn.Write(weirtest.Frame(1, want, true)); err != nil {
			return fmt.Errorf("websocket: %w", err)
		}
		_, got, err := weirtest.ReadFrame(r)
		if err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("websocket: %q, %w", got, err)
		}
		return nil
	}
}

func (s *storm) rss() int64 {
	var sum int64
	for _, p := range s.Processes() {
		sum += p.RSS
	}
	return sum
}

// TestTortureReloads reloads a hundred times under load: no request fails, no WebSocket closes, every
// configuration takes effect, and nothing of the old ones stays.
func TestTortureReloads(t *testing.T) {
	s := newStorm(t)
	for range 2 {
		s.join(s.fresh("/n"))
		s.join(s.fresh("/app"))
		s.join(s.kept("/n"))
		s.join(s.kept("/app"))
		s.join(s.socket())
	}
	var rss int64
	var descriptors int
	for n := 1; n <= 100; n++ {
		s.configure(n)
		if err := s.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		now := fmt.Sprintf("%d ", n)
		if !weirtest.Eventually(func() bool {
			answers, err := weirtest.Ask(s.addr, "GET /n HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			return err == nil && len(answers) == 1 && string(answers[0].Body) == now
		}) {
			t.Fatalf("reload %d did not take effect", n)
		}
		if n == 30 {
			rss, descriptors = s.rss(), len(s.Descriptors())
		}
	}
	if grown := s.rss() - rss; grown > 12<<20 {
		t.Errorf("resident memory has grown by %d KB in 70 reloads, to %d KB", grown>>10, s.rss()>>10)
	}
	s.stop.Store(true)
	s.crowd.Wait()
	t.Logf("%d requests, %d failed; %d MB, %d descriptors", s.asked.Load(), s.failed.Load(), s.rss()>>20, len(s.Descriptors()))
	// Old cycles are closed when the collector finds them: a few more reloads make it look.
	n := 100
	if !weirtest.Eventually(func() bool {
		n++
		s.configure(n)
		_ = s.Signal(syscall.SIGHUP)
		_, _ = weirtest.WaitLine(filepath.Join(s.Dir, fmt.Sprintf("access%d.log", n/10)), regexp.MustCompile(`.*`))
		return len(s.Descriptors()) <= descriptors+4
	}) {
		t.Errorf("%d descriptors; %d after 30 reloads\n%s", len(s.Descriptors()), descriptors, s.Descriptors())
	}
}

// TestTortureReopens moves the log away again and again under load: no line is lost.
func TestTortureReopens(t *testing.T) {
	s := newStorm(t)
	for range 2 {
		s.join(s.fresh("/n"))
		s.join(s.kept("/n"))
	}
	log := filepath.Join(s.Dir, "access0.log")
	for n := range 40 {
		if err := os.Rename(log, fmt.Sprintf("%s.%d", log, n)); err != nil {
			t.Fatal(err)
		}
		if err := s.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		if !weirtest.Eventually(func() bool { return exists(log) }) {
			t.Fatal("the log was not opened anew")
		}
	}
	s.stop.Store(true)
	s.crowd.Wait()
	count := func() (lines int64) {
		all, _ := filepath.Glob(log + "*")
		for _, path := range all {
			lines += int64(len(weirtest.Lines(path)))
		}
		return lines
	}
	if !weirtest.Eventually(func() bool { return count() == s.asked.Load() }) {
		t.Errorf("%d lines for %d requests", count(), s.asked.Load())
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// TestTortureQuit ends the server under load: every request that was begun is answered whole, and the server
// exits with 0.
func TestTortureQuit(t *testing.T) {
	for range 3 {
		s := newStorm(t)
		for range 4 {
			s.join(func() error { return s.askWhileItLasts("/app") })
		}
		if !weirtest.Eventually(func() bool { return s.asked.Load() > 200 }) {
			t.Fatal("no load")
		}
		code, err := s.Stop(syscall.SIGQUIT)
		s.stop.Store(true)
		if code != 0 || err != nil {
			t.Errorf("exit status %d, %v\n%s", code, err, s.Output())
		}
		s.crowd.Wait()
	}
}

// askWhileItLasts wants a whole answer from whatever accepted the connection.
func (s *storm) askWhileItLasts(path string) error {
	c, err := weirtest.Dial(s.addr, "")
	if err != nil {
		return nil // it does not listen any more
	}
	defer func() { _ = c.Close() }()
	if err := c.Send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		return nil
	}
	a, err := c.Answer()
	switch {
	case err == io.EOF, errors.Is(err, syscall.ECONNRESET): // the backlog of a socket that was closed
		return nil
	case err != nil:
		return err
	case a.Status != 200 || a.Cut != nil:
		return fmt.Errorf("%v, %v", a, a.Cut)
	}
	return nil
}

// TestTortureQuitAndTheQuiet shuts the server down while one client has connected and not yet asked, and one
// is idle: the first is answered, as by nginx, the second is closed at once.
func TestTortureQuitAndTheQuiet(t *testing.T) {
	s := newStorm(t)
	quiet, err := weirtest.Dial(s.addr, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = quiet.Close() }()
	ask := s.kept("/n")
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if err := s.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	if !weirtest.Eventually(func() bool { return ask() != nil }) {
		t.Error("the idle connection lives on")
	}
	if err := quiet.Send("GET /app HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Error(err)
	}
	if a, err := quiet.Answer(); err != nil || a.Status != 200 || len(a.Get("Connection")) != 1 || a.Get("Connection")[0] != "close" {
		t.Errorf("the client that had not asked yet: %v, %v", a, err)
	}
	if code, err := s.Wait(); code != 0 || err != nil {
		t.Errorf("exit status %d, %v", code, err)
	}
}
