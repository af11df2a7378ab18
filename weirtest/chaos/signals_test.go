package chaos

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// TestChaosSignalStorm sends hundreds of signals under load, as fast as they can be sent: nothing fails, and
// what was asked for last holds.
func TestChaosSignalStorm(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	s := c.start()
	load := c.crowd()
	load.Join(2, weirtest.Socket, "/ws")
	worker := s.Worker()
	// In the foreground WINCH says that a terminal's window has another size.
	storm := []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGWINCH, syscall.SIGHUP, syscall.SIGHUP}
	for n := range rounds(300, 3000) {
		if n%100 == 0 {
			c.configure(n)
		}
		if err := s.Signal(storm[n%len(storm)]); err != nil {
			t.Fatal(err)
		}
		if n%10 == 0 { // a worker has ears of its own
			_ = syscall.Kill(worker, []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}[n/10%3])
		}
	}
	c.configure(7777)
	if err := s.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	c.servedBy(worker, 7777)
	load.End()
	t.Logf("%d signals: %v", rounds(300, 3000), load)
	c.unfailing(load)
}

// TestChaosUpgradeStorm asks again and again for everything that a master does and goes on afterwards: there is
// one new binary in the end, and it can be gone on with.
func TestChaosUpgradeStorm(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	d := c.daemon()
	load := c.crowd()
	storm := []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR2, syscall.SIGUSR1, syscall.SIGWINCH, syscall.SIGHUP, syscall.SIGUSR2}
	for n := range rounds(1, 5) {
		old := d.Master()
		for i := range 20 * len(storm) {
			if err := d.SignalTo(old, storm[i%len(storm)]); err != nil {
				t.Fatal(err)
			}
			if i == 3 {
				c.configure(n + 1)
			}
		}
		if !weirtest.Eventually(func() bool { m := d.Master(); return d.Old() == old && m != 0 && m != old && d.WorkerOf(m) != 0 }) {
			t.Fatalf("pid file %d, .oldbin %d, %+v", d.Master(), d.Old(), d.Processes())
		}
		c.retire(d, old)
		if !weirtest.Eventually(func() bool { return len(d.Processes()) == 2 }) {
			t.Errorf("two processes are enough: %+v", d.Processes())
		}
		if err := d.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		c.servedBy(d.Worker(), n+1)
	}
	load.End()
	t.Log(load)
	c.unfailing(load)
}

// TestChaosReloadDuringReload asks for reloads while one is under way, by signals and by commands: every
// command is answered, and the last configuration is in force.
func TestChaosReloadDuringReload(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	s := c.start()
	worker := s.Worker()
	for n := 1; n <= rounds(2, 10); n++ {
		c.many(10 * n)
		var askers sync.WaitGroup
		for range 4 {
			_ = s.Signal(syscall.SIGHUP)
			askers.Go(func() {
				if out, err := s.Command("-s", "reload"); err != nil {
					t.Errorf("-s reload: %v\n%s", err, out)
				}
			})
		}
		c.many(10*n + 1)
		if out, err := s.Command("-s", "reload"); err != nil {
			t.Errorf("-s reload: %v\n%s", err, out)
		}
		if got, want := c.ask("/n"), fmt.Sprintf("%d %d\n", worker, 10*n+1); got != want {
			t.Errorf("after -s reload has said that it is done: %q; want %q", got, want)
		}
		askers.Wait()
	}
}

// TestChaosEndDuringReload ends the server at one moment after the other of a reload that asks for another worker, and of one that does
// not: it ends, and well, and nobody of it is left.
func TestChaosEndDuringReload(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	conf, err := os.ReadFile(c.path("nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	other := replaceOnce(conf, "worker_processes 2", "worker_processes 3")
	for n := range rounds(12, 60) {
		c.write(string(conf))
		s := c.start()
		c.write([]string{other, string(conf)}[n%2])
		if err := s.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(n/2) * 4 * time.Millisecond) // the moment is what is tried here
		end := []syscall.Signal{syscall.SIGQUIT, syscall.SIGTERM}[n/2%2]
		if code, err := s.Stop(end); code != 0 || err != nil {
			t.Fatalf("round %d, %v: exit status %d, %v", n, end, code, err)
		}
		if !weirtest.Eventually(func() bool { return len(s.Processes()) == 0 }) {
			t.Fatalf("round %d, %v: left are %+v", n, end, s.Processes())
		}
		if exists(c.path("nginx.pid")) {
			t.Errorf("round %d, %v: the pid file is left", n, end)
		}
	}
}

// TestChaosUpgradeDuringReload changes the binary while a reload is under way: first the one is done, then
// the other.
func TestChaosUpgradeDuringReload(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	d := c.daemon()
	load := c.crowd()
	for n := 1; n <= rounds(1, 5); n++ {
		old := d.Master()
		c.many(n)
		if err := d.SignalTo(old, syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		c.upgrade(d)
		c.retire(d, old)
		c.servedBy(d.WorkerOf(d.Master()), n)
	}
	load.End()
	c.unfailing(load)
}

// many is configure with a configuration that takes its time.
func (c *chaos) many(n int) {
	var b strings.Builder
	servers := 1000
	if weirtest.Race {
		servers = 200
	}
	for i := range servers {
		fmt.Fprintf(&b, "	server { listen %s; server_name s%d.example.com ~^r%d-.*$; location ~ /x%d { return 204; } }\n", c.addr, i, i, i)
	}
	c.names["N"] = fmt.Sprint(n)
	text := weirtest.Expand(chaosConf, c.names)
	end := strings.LastIndex(text, "}")
	c.write(text[:end] + b.String() + "}\n")
}

// retire ends an old binary whose successor serves.
func (c *chaos) retire(d *weirtest.Daemon, old int) {
	c.t.Helper()
	for _, s := range []syscall.Signal{syscall.SIGWINCH, syscall.SIGQUIT} {
		if err := d.SignalTo(old, s); err != nil {
			c.t.Fatal(err)
		}
		c.logged(fmt.Sprintf(`\[notice\] %d#.*signal %d \(SIG\w+\)`, old, s))
	}
	if !weirtest.Eventually(func() bool { return !d.Alive(old) }) {
		c.t.Fatalf("the old binary does not end: %+v", d.Processes())
	}
}
