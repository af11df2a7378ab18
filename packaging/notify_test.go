package packaging_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// TestNotify is systemd's side of the unit's Type: what the master has to say, and when.
func TestNotify(t *testing.T) {
	weir := staticBinary(t)
	dir := t.TempDir()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: dir + "/notify", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	addr := port(t)
	write(t, dir+"/nginx.conf", "error_log error.log; pid nginx.pid; events {} http { access_log off; server { listen "+addr+"; } }")
	cmd := exec.Command(weir, "-p", dir, "-c", "nginx.conf", "-e", "error.log", "-g", "daemon off;")
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+dir+"/notify", "WATCHDOG_USEC=200000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // ESRCH: it has ended

	// until reads messages up to the first that has a line; heard has all lines so far.
	var heard []string
	until := func(want string) {
		t.Helper()
		b := make([]byte, 4096)
		for {
			if err := socket.SetReadDeadline(time.Now().Add(weirtest.Patience())); err != nil {
				t.Fatal(err)
			}
			n, err := socket.Read(b)
			if err != nil {
				t.Fatalf("no %s: %v; heard %q", want, err, heard)
			}
			lines := strings.Split(strings.TrimSpace(string(b[:n])), "\n")
			heard = append(heard, lines...)
			if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, want) }) {
				return
			}
		}
	}
	until("READY=1")
	if c, err := net.Dial("tcp", addr); err != nil {
		t.Errorf("ready, and %v", err)
	} else {
		c.Close()
	}
	until("WATCHDOG=1")
	_ = cmd.Process.Signal(syscall.SIGHUP)
	until("RELOADING=1")
	if !slices.ContainsFunc(heard, func(l string) bool { return strings.HasPrefix(l, "MONOTONIC_USEC=") }) {
		t.Errorf("RELOADING=1 goes with MONOTONIC_USEC: %q", heard)
	}
	until("READY=1")
	_ = cmd.Process.Signal(syscall.SIGQUIT)
	until("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
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
