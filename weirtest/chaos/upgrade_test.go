package chaos

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"weir/weirtest"
)

// ownBinary copies the binary into the folder of the test, which does with it as it likes.
func (c *chaos) ownBinary() string {
	c.t.Helper()
	path := c.path("bin")
	copyFile(c.t, c.binary, path)
	c.binary = path
	return path
}

// copyFile puts a copy in place.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	install(t, in, to)
}

// install makes a program, in place by a rename, since the file of one that runs cannot be written. Another process does it: had this
// one the file open for writing, so would the children that other tests start at that moment, and it could not be executed.
func install(t *testing.T, from io.Reader, to string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", `cat >"$0.new" && chmod 755 "$0.new" && mv "$0.new" "$0"`, to)
	cmd.Stdin = from
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestChaosBadBinary upgrades to binaries that do not start: each time the old one goes on as if nothing had
// been, and says why; and a good one is taken in the end.
func TestChaosBadBinary(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	good := c.binary
	path := c.ownBinary()
	d := c.daemon()
	load := c.crowd()
	old := d.Master()
	worker := d.WorkerOf(old)
	replace := func(with string) func() {
		return func() { install(t, strings.NewReader(with), path) }
	}
	for i, bad := range []struct {
		what   string
		break_ func()
		log    string
	}{
		{"removed", func() { _ = os.Remove(path) }, `\[alert\].*execve\(\) failed while executing new binary process ".*/bin" \(2: No such file or directory\)`},
		{"not executable", func() { replace("#!/bin/sh\nexit 0\n")(); _ = os.Chmod(path, 0o644) }, `\[alert\].*execve\(\) failed while executing new binary process ".*/bin" \(13: Permission denied\)`},
		{"no program", replace("\x7fELF, but not really"), `\[alert\].*execve\(\) failed while executing new binary process ".*/bin" \(8: Exec format error\)`},
		{"exits at once", replace("#!/bin/sh\nexit 3\n"), `new binary process \d+ exited with code 3`},
		{"dies at once", replace("#!/bin/sh\nkill -9 $$\n"), `\[alert\].*new binary process \d+ exited on signal 9`},
		{"a bad configuration", func() { copyFile(t, good, path); c.write("oops;\n") }, `new binary process \d+ exited with code 1`},
	} {
		lines := len(weirtest.Lines(c.path("error.log")))
		bad.break_()
		if err := d.SignalTo(old, syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		c.loggedAfter(lines, bad.log)
		if !weirtest.Eventually(func() bool { return d.Master() == old && d.Old() == 0 && len(d.Processes()) == 2 }) {
			t.Errorf("%s: pid file %d, .oldbin %d, processes %+v; want the old binary and its worker, %d and %d", bad.what, d.Master(), d.Old(), d.Processes(), old, worker)
		}
		c.configure(i + 1)
		if err := d.SignalTo(old, syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		c.servedBy(worker, i+1)
	}
	copyFile(t, good, path)
	c.upgrade(d)
	c.retire(d, old)
	c.servedBy(d.WorkerOf(d.Master()), 6)
	load.End()
	c.unfailing(load)
}

// TestChaosRollback goes back to the old binary, as nginx's manual has it: HUP to the old one, QUIT to the
// new one.
func TestChaosRollback(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	d := c.daemon()
	load := c.crowd()
	old := d.Master()
	for range rounds(1, 5) {
		c.upgrade(d)
		next := d.Master()
		before := d.WorkerOf(old)
		if err := d.SignalTo(old, syscall.SIGWINCH); err != nil {
			t.Fatal(err)
		}
		if !weirtest.Eventually(func() bool { return !d.Alive(before) && d.Alive(old) }) {
			t.Fatalf("WINCH: the worker does not end, or the master does: %+v", d.Processes())
		}
		c.servedBy(d.WorkerOf(next), 0)
		if err := d.SignalTo(old, syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if !weirtest.Eventually(func() bool { return d.WorkerOf(old) != 0 }) {
			t.Fatal("HUP: the old binary has no worker")
		}
		if err := d.SignalTo(next, syscall.SIGQUIT); err != nil {
			t.Fatal(err)
		}
		if !weirtest.Eventually(func() bool { return !d.Alive(next) && d.Master() == old && d.Old() == 0 }) {
			t.Fatalf("QUIT: pid file %d, .oldbin %d, %+v; want %d in the pid file", d.Master(), d.Old(), d.Processes(), old)
		}
		c.servedBy(d.WorkerOf(old), 0)
	}
	load.End()
	t.Logf("%d times there and back: %v", rounds(1, 5), load)
	c.unfailing(load)
}

// TestChaosUpgradeDies kills the master of the new binary, before and after the worker of the old one was sent
// home: the old one is in charge again, by itself. Then it kills the old one: the new one is the server.
func TestChaosUpgradeDies(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	d := c.daemon()
	load := c.crowd()
	old := d.Master()
	for _, sentHome := range []bool{false, true} {
		c.upgrade(d)
		next := d.Master()
		nextWorker := d.WorkerOf(next)
		if sentHome {
			worker := d.WorkerOf(old)
			if err := d.SignalTo(old, syscall.SIGWINCH); err != nil {
				t.Fatal(err)
			}
			if !weirtest.Eventually(func() bool { return !d.Alive(worker) }) {
				t.Fatal("the worker stays")
			}
		}
		c.servedBy(nextWorker, 0)
		c.kill(next)
		if !weirtest.Eventually(func() bool {
			return d.Master() == old && d.Old() == 0 && d.WorkerOf(old) != 0 && !d.Alive(nextWorker)
		}) {
			t.Fatalf("pid file %d, .oldbin %d, %+v; want %d in the pid file", d.Master(), d.Old(), d.Processes(), old)
		}
		c.servedBy(d.WorkerOf(old), 0)
	}
	c.upgrade(d)
	oldWorker := d.WorkerOf(old)
	c.kill(old)
	if !weirtest.Eventually(func() bool { return !d.Alive(oldWorker) }) {
		t.Error("the worker of the old binary stays")
	}
	c.servedBy(d.Worker(), 0)
	load.End()
	t.Log(load)
	c.unfailing(load)
}

// TestChaosUnixSocket has clients on a unix socket through an upgrade; its file is there as long as somebody
// listens, and not afterwards.
func TestChaosUnixSocket(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	d := c.daemon()
	path := c.path("s.sock")
	load := weirtest.NewLoad("unix:" + path)
	load.Join(3, weirtest.Fresh, "/n")
	load.Join(3, weirtest.Kept, "/app")
	t.Cleanup(load.End)
	for range rounds(1, 5) {
		old := d.Master()
		c.upgrade(d)
		c.retire(d, old)
		many := load.Answered() + 100
		weirtest.Eventually(func() bool { return load.Answered() >= many })
	}
	load.End()
	t.Log(load)
	c.unfailing(load)
	if _, err := d.Stop(syscall.SIGQUIT); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"s.sock", "nginx.pid", "nginx.pid.oldbin"} {
		if exists(c.path(name)) {
			t.Errorf("%s is left behind", name)
		}
	}
}

// loggedAfter waits for a line behind so many others.
func (c *chaos) loggedAfter(lines int, pattern string) {
	c.t.Helper()
	if !weirtest.Eventually(func() bool {
		all := weirtest.Lines(c.path("error.log"))
		return len(all) > lines && matchAny(pattern, all[lines:])
	}) {
		all := weirtest.Lines(c.path("error.log"))
		c.t.Errorf("no line like %q in\n%s", pattern, strings.Join(all[min(lines, len(all)):], "\n"))
	}
}

// TestChaosFakeUpgrade starts a binary that claims to be an upgrade, with numbers that are no sockets: of its
// own descriptors, or of none.
func TestChaosFakeUpgrade(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	cmd := exec.Command(c.binary, append(weirtest.Flags(c.dir, ""), "-g", weirtest.Globals())...)
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), "NGINX=7;x;99;;")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	if !weirtest.Eventually(func() bool { return c.ask("/n") != "" }) {
		t.Error("the server does not serve")
	}
	c.logged(`\[alert\].*getsockname\(\) of the inherited socket #7 failed \((9|88): `)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
