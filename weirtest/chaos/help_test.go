package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// chaosConf is the server under chaos. /n says which process answers, and by which configuration.
const chaosConf = `error_log error.log notice;
worker_processes 2;
events { worker_connections 2048; }
http {
	access_log access.log; client_body_temp_path tmp-body; proxy_temp_path tmp-proxy;
	upstream app { server $APP; keepalive 16; }
	upstream ws { server $WS; }
	map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
	server { listen $ADDR; listen unix:$DIR/s.sock; root www; keepalive_requests 1000000;
		location = /n { return 200 "$pid $N\n"; }
		location /app { proxy_pass http://app; }
		location /slow { proxy_pass http://$SLOW; }
		location /ws { proxy_pass http://ws; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $connection_upgrade; proxy_read_timeout 1h; }
	}
}
`

// chaos is a folder with a configuration, back ends and an address: all but a server.
type chaos struct {
	t      *testing.T
	binary string
	dir    string
	addr   string
	names  map[string]string
}

func newChaos(t *testing.T) *chaos {
	t.Helper()
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	c := &chaos{t: t, binary: tortureBinary(t), dir: shortDir(t), names: map[string]string{}}
	for _, b := range [][]string{{"APP", "name"}, {"WS", "websocket"}, {"SLOW", "slow", "300ms"}} {
		c.names[b[0]] = mustTake(t, ports)
		up, err := weirtest.StartBackend(b[0], c.names[b[0]], b[1], b[2:]...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(up.Down)
	}
	c.addr = mustTake(t, ports)
	c.names["ADDR"], c.names["DIR"] = c.addr, c.dir
	c.configure(0)
	return c
}

// shortDir is a folder whose path leaves room for the name of a socket: such paths have 107 bytes at most.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chaos")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (c *chaos) path(name string) string { return filepath.Join(c.dir, name) }

// configure puts configuration number n in place.
func (c *chaos) configure(n int) {
	c.names["N"] = fmt.Sprint(n)
	c.write(weirtest.Expand(chaosConf, c.names))
}

// write puts a configuration in place at once, so that nobody reads half of it.
func (c *chaos) write(conf string) {
	c.t.Helper()
	if err := os.WriteFile(c.path("half"), []byte(conf), 0o644); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(c.path("half"), c.path("nginx.conf")); err != nil {
		c.t.Fatal(err)
	}
}

func (c *chaos) options() weirtest.Options {
	return weirtest.Options{Binary: c.binary, Dir: c.dir, Ready: []string{c.addr}}
}

// start starts the server in the foreground. It ends with the test, and must end well.
func (c *chaos) start() *weirtest.Server {
	c.t.Helper()
	s, err := weirtest.Start(c.options())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if !s.Exited() {
			if code, err := s.Stop(syscall.SIGTERM); code != 0 {
				c.t.Errorf("exit status %d, %v\n%s", code, err, s.Output())
			}
		}
		s.Kill()
		if c.t.Failed() {
			c.showLog()
		}
	})
	if !weirtest.Eventually(func() bool { return s.Worker() != 0 }) { // the addresses are open before
		c.t.Fatal("no worker")
	}
	return s
}

// daemon starts the server in the background. Nothing is left of it after the test.
func (c *chaos) daemon() *weirtest.Daemon {
	c.t.Helper()
	d, err := weirtest.StartDaemon(c.options())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if d.Master() != 0 {
			if _, err := d.Stop(syscall.SIGTERM); err != nil {
				c.t.Error(err)
			}
		}
		if left := d.Processes(); len(left) != 0 {
			c.t.Errorf("left behind: %+v", left)
		}
		d.Kill()
		if c.t.Failed() {
			c.showLog()
		}
	})
	return d
}

// showLog shows the end of the error log of a test that failed.
func (c *chaos) showLog() {
	lines := weirtest.Lines(c.path("error.log"))
	c.t.Logf("error.log:\n%s", strings.Join(lines[max(0, len(lines)-60):], "\n"))
}

// crowd lets clients loose on the server, and waits until they are at it.
func (c *chaos) crowd() *weirtest.Load {
	c.t.Helper()
	l := weirtest.NewLoad(c.addr)
	l.Join(2, weirtest.Fresh, "/n")
	l.Join(2, weirtest.Fresh, "/app")
	l.Join(3, weirtest.Kept, "/n")
	l.Join(3, weirtest.Kept, "/app")
	c.t.Cleanup(l.End)
	if !weirtest.Eventually(func() bool { return l.Answered() > 500 || len(l.Failures()) > 0 }) {
		c.t.Fatal("no load")
	}
	return l
}

// ask is the answer to a request on a connection of its own, or nothing.
func (c *chaos) ask(path string) string {
	answers, err := weirtest.Ask(c.addr, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if err != nil || len(answers) != 1 || answers[0].Status != 200 || answers[0].Cut != nil {
		return ""
	}
	return string(answers[0].Body)
}

// servedBy waits until that worker answers by configuration n.
func (c *chaos) servedBy(worker, n int) {
	c.t.Helper()
	want := fmt.Sprintf("%d %d\n", worker, n)
	got := ""
	if !weirtest.Eventually(func() bool { got = c.ask("/n"); return got == want }) {
		c.t.Fatalf("answered by %q; want %q", got, want)
	}
}

// serving waits until somebody answers by configuration n, and returns who.
func (c *chaos) serving(n int) (worker int) {
	c.t.Helper()
	got := ""
	if !weirtest.Eventually(func() bool {
		got = c.ask("/n")
		k := -1
		_, err := fmt.Sscanf(got, "%d %d\n", &worker, &k)
		return err == nil && k == n
	}) {
		c.t.Fatalf("answered by %q; want configuration %d", got, n)
	}
	return worker
}

// logged waits for a line of the error log.
func (c *chaos) logged(pattern string) {
	c.t.Helper()
	if _, err := weirtest.WaitLine(c.path("error.log"), regexp.MustCompile(pattern)); err != nil {
		lines := weirtest.Lines(c.path("error.log"))
		c.t.Errorf("no line like %q; the last are\n%s", pattern, strings.Join(lines[max(0, len(lines)-20):], "\n"))
	}
}

// unfailing wants no failure but those that a death excuses, and returns how many these are.
func (c *chaos) unfailing(l *weirtest.Load, deaths ...weirtest.Death) (excused int) {
	c.t.Helper()
	bad := 0
	for _, f := range l.Failures() {
		if slices.ContainsFunc(deaths, func(d weirtest.Death) bool { return d.Excuses(f) }) {
			excused++
			continue
		}
		if bad++; bad <= 20 {
			c.t.Error(f)
		}
	}
	if bad > 20 {
		c.t.Errorf("%d more", bad-20)
	}
	return excused
}

// rounds is how often something is done: long in a chaos test that runs long.
func rounds(short, long int) int {
	if weirtest.Long() {
		return long
	}
	return short
}

// slow stretches a time that a test demands on machines that are known to be slow.
func slow(d time.Duration) time.Duration {
	if weirtest.Race {
		d *= 10
	}
	return time.Duration(float64(d) * weirtest.Slowness())
}

func matchAny(pattern string, lines []string) bool {
	return slices.ContainsFunc(lines, regexp.MustCompile(pattern).MatchString)
}

func replaceOnce(text []byte, old, with string) string {
	return strings.Replace(string(text), old, with, 1)
}
