package chaos

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"weir/weirtest"
)

const diskConf = `error_log error.log;
worker_processes 1;
events { worker_connections 512; }
http {
	access_log access.log; client_body_temp_path tmp-body; proxy_temp_path tmp-proxy;
	client_max_body_size 0; client_body_buffer_size 8k;
	server { listen $ADDR;
		location / { return 200 "ok\n"; }
		location /app { proxy_pass http://$APP; }
		location /big { proxy_pass http://$BIG; proxy_buffers 4 4k; }
	}
}
`

// diskServer is a server in front of an echo and of a back end with a large answer.
func diskServer(t *testing.T, binary string, prepare func(dir string)) (s *weirtest.Server, addr string) {
	t.Helper()
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	names := map[string]string{}
	for _, b := range [][]string{{"APP", "name"}, {"BIG", "body", "24m"}} {
		names[b[0]] = mustTake(t, ports)
		up, err := weirtest.StartBackend(b[0], names[b[0]], b[1], b[2:]...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(up.Down)
	}
	addr = mustTake(t, ports)
	names["ADDR"] = addr
	dir := t.TempDir()
	if prepare != nil {
		prepare(dir)
	}
	return startTorture(t, weirtest.Options{Binary: binary, Dir: dir, Ready: []string{addr}}, weirtest.Expand(diskConf, names)), addr
}

func post(t *testing.T, addr, path string, size int) int {
	t.Helper()
	answers, err := weirtest.Ask(addr, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", path, size, strings.Repeat("x", size)))
	if err != nil || len(answers) != 1 {
		t.Errorf("POST %s with %d bytes: %v, %v", path, size, answers, err)
		return 0
	}
	return answers[0].Status
}

// troubled checks what must hold while temporary files cannot be written: small bodies pass, large ones are
// answered 500 and logged, a large response ends early, and the server goes on.
func troubled(t *testing.T, s *weirtest.Server, addr, why string) {
	t.Helper()
	files := s.Settled()
	crit := func(request string) *regexp.Regexp {
		return regexp.MustCompile(`\[crit\] .*\(` + why + `\).*, client: 127\.0\.0\.1, .*request: "` + request + ` HTTP/1\.1"`)
	}
	for range 5 {
		if got := post(t, addr, "/app", 1000); got != 200 {
			t.Errorf("a small body: %d; want 200", got)
		}
		if got := post(t, addr, "/app", 1<<20); got != 500 {
			t.Errorf("a large body: %d; want 500", got)
		}
		slowly(t, s, addr, crit("GET /big"))
	}
	if line, err := weirtest.WaitLine(filepath.Join(s.Dir, "error.log"), crit("POST /app")); err != nil {
		t.Errorf("%v: %q", err, line)
	}
	if got := post(t, addr, "/", 10); got != 200 {
		t.Errorf("afterwards: %d", got)
	}
	// A kept connection to a back end may have come, and nothing else.
	if !weirtest.Eventually(func() bool { return len(s.Descriptors()) <= files+2 }) {
		t.Errorf("%d descriptors; %d before\n%q", len(s.Descriptors()), files, s.Descriptors())
	}
}

// slowly asks for the large answer, reads nothing before the server has logged that it cannot keep it, and wants it to end somehow.
func slowly(t *testing.T, s *weirtest.Server, addr string, crit *regexp.Regexp) {
	t.Helper()
	logged := func() int {
		text, err := os.ReadFile(filepath.Join(s.Dir, "error.log"))
		if err != nil {
			t.Fatal(err)
		}
		return len(crit.FindAll(text, -1))
	}
	before := logged()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(2 * weirtest.Patience()))
	_, _ = io.WriteString(c, "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if !weirtest.Eventually(func() bool { return logged() > before }) {
		t.Errorf("a large response, of which nothing is read: no line matches %q", crit)
	}
	if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("a large response: %v", err)
	}
}

// TestTortureTempPath takes the folders of temporary files away from a running server, and brings them back.
func TestTortureTempPath(t *testing.T) {
	s, addr := diskServer(t, tortureBinary(t), nil)
	if got := post(t, addr, "/app", 1<<20); got != 200 {
		t.Errorf("before: %d", got)
	}
	for _, name := range []string{"tmp-body", "tmp-proxy"} {
		path := filepath.Join(s.Dir, name)
		if err := os.Rename(path, path+"-away"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	troubled(t, s, addr, "20: Not a directory")
	for _, name := range []string{"tmp-body", "tmp-proxy"} {
		path := filepath.Join(s.Dir, name)
		_ = os.Remove(path)
		if err := os.Rename(path+"-away", path); err != nil {
			t.Fatal(err)
		}
	}
	if got := post(t, addr, "/app", 1<<20); got != 200 {
		t.Errorf("with the folders back: %d", got)
	}
}

// TestTortureFileLimit runs the server under "ulimit -f": the kernel sends a signal for each file that would
// grow too large, which must not end it.
func TestTortureFileLimit(t *testing.T) {
	binary := tortureBinary(t)
	shell := filepath.Join(t.TempDir(), "limited")
	if err := os.WriteFile(shell, []byte("#!/bin/sh\nulimit -f 128 || exit 1\nexec "+binary+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, addr := diskServer(t, shell, nil)
	troubled(t, s, addr, "27: File too large")
	if s.Exited() {
		t.Error("the server has ended")
	}
}
