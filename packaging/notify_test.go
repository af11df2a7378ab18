package packaging_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// A notified weir is one that tells systemd how it is; the test is systemd.
type notified struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string
	addr   string
	socket *net.UnixConn
	heard  []string // all lines so far
}

func startNotified(t *testing.T) *notified {
	t.Helper()
	n := &notified{t: t, dir: t.TempDir(), addr: port(t)}
	var err error
	n.socket, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: n.dir + "/notify", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.socket.Close() })
	write(t, n.dir+"/nginx.conf", "error_log error.log; pid nginx.pid; events {} http { access_log off; server { listen "+n.addr+"; } }")
	n.cmd = exec.Command(staticBinary(t), "-p", n.dir, "-c", "nginx.conf", "-e", "error.log", "-g", "daemon off;")
	n.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+n.dir+"/notify", "WATCHDOG_USEC=200000")
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-n.cmd.Process.Pid, syscall.SIGKILL) }) // ESRCH: it has ended
	return n
}

// until reads messages up to the first with a line that begins so.
func (n *notified) until(want string) {
	n.t.Helper()
	b := make([]byte, 4096)
	for {
		if err := n.socket.SetReadDeadline(time.Now().Add(weirtest.Patience())); err != nil {
			n.t.Fatal(err)
		}
		k, err := n.socket.Read(b)
		if err != nil {
			n.t.Fatalf("no %s: %v; heard %q", want, err, n.heard)
		}
		lines := strings.Split(strings.TrimSpace(string(b[:k])), "\n")
		n.heard = append(n.heard, lines...)
		if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, want) }) {
			return
		}
	}
}

// TestNotify is systemd's side of the unit's Type: what the master has to say, and when.
func TestNotify(t *testing.T) {
	n := startNotified(t)
	n.until("READY=1")
	if c, err := net.Dial("tcp", n.addr); err != nil {
		t.Errorf("ready, and %v", err)
	} else {
		c.Close()
	}
	n.until("WATCHDOG=1")
	_ = n.cmd.Process.Signal(syscall.SIGHUP)
	n.until("RELOADING=1")
	if !slices.ContainsFunc(n.heard, func(l string) bool { return strings.HasPrefix(l, "MONOTONIC_USEC=") }) {
		t.Errorf("RELOADING=1 goes with MONOTONIC_USEC: %q", n.heard)
	}
	n.until("READY=1")
	_ = n.cmd.Process.Signal(syscall.SIGQUIT)
	n.until("STOPPING=1")
	if err := n.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestNotifyUpgrade: an old binary that ends names the new one, and does not say that the service stops, at which systemd would
// end whatever is left of it.
func TestNotifyUpgrade(t *testing.T) {
	n := startNotified(t)
	n.until("READY=1")
	old := n.cmd.Process.Pid
	_ = n.cmd.Process.Signal(syscall.SIGUSR2)
	n.until("READY=1") // the new one
	next := 0
	if !weirtest.Eventually(func() bool {
		text, _ := os.ReadFile(n.dir + "/nginx.pid")
		next, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return next > 0 && next != old
	}) {
		t.Fatal("no new binary")
	}
	_ = n.cmd.Process.Signal(syscall.SIGQUIT)
	n.until("MAINPID=" + strconv.Itoa(next))
	if err := n.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if slices.Contains(n.heard, "STOPPING=1") {
		t.Errorf("the service stops: %q", n.heard)
	}
	n.until("WATCHDOG=1")
	_ = syscall.Kill(next, syscall.SIGQUIT)
	n.until("STOPPING=1")
}

// TestActivation is systemd's side of weir.socket: it holds the port, and clients wait.
func TestActivation(t *testing.T) {
	weir, dir := staticBinary(t), t.TempDir()
	ln, err := net.Listen("tcp", port(t))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	held, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	write(t, dir+"/nginx.conf", `
		error_log error.log;
		pid nginx.pid;
		events {}
		http { access_log off; server { listen `+ln.Addr().String()+`; return 200 here; } }`)

	for range 2 { // the second finds the port as the first has found it
		early, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer early.Close()
		if _, err := io.WriteString(early, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, weir, "-p", dir, "-c", "nginx.conf", "-e", "error.log",
			"-g", "daemon off;")
		cmd.ExtraFiles = []*os.File{held}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // ESRCH: it has ended
		if err := early.SetDeadline(time.Now().Add(weirtest.Patience())); err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(early); err != nil || !strings.HasSuffix(string(answer), "here") {
			t.Errorf("%q, %v\n%s", answer, err, read(t, dir+"/error.log"))
		}
		_ = cmd.Process.Signal(syscall.SIGQUIT)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}
