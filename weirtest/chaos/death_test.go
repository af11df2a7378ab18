package chaos

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// kill kills a process for good, and says when.
func (c *chaos) kill(pid int) weirtest.Death {
	c.t.Helper()
	d, err := weirtest.KillHard(pid)
	if err != nil {
		c.t.Fatalf("kill -9 %d: %v", pid, err)
	}
	return d
}

// TestChaosMasterDies kills the master: the worker ends at once when it is idle and takes nothing new, and
// the next start works although everything is left behind: addresses, the unix socket, the pid file.
func TestChaosMasterDies(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	for _, what := range []string{"master", "master in a reload", "worker and master", "master and worker"} {
		t.Run(what, func(t *testing.T) {
			d, err := weirtest.StartDaemon(c.options())
			if err != nil {
				t.Fatal(err)
			}
			defer d.Kill()
			master, worker := d.Master(), d.WorkerOf(d.Master())
			c.servedBy(worker, 0)
			busy, err := weirtest.Dial(c.addr, "")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = busy.Close() }()
			_ = busy.Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
			c.servedBy(worker, 0) // it has been taken by now
			switch what {
			case "master":
				c.kill(master)
				// What has begun is finished, and the worker says why it goes.
				if a, err := busy.Answer(); err != nil || a.Status != 200 {
					t.Errorf("the request under way: %v, %v", a, err)
				}
				c.logged(fmt.Sprintf(`\[alert\] %d#.*the master process is gone, shutting down`, worker))
			case "master in a reload":
				c.many(0)
				_ = d.SignalTo(master, syscall.SIGHUP)
				c.logged(fmt.Sprintf(`\[notice\] %d#.*: reconfiguring`, master))
				c.kill(master)
				c.configure(0)
			case "worker and master":
				c.kill(worker)
				c.kill(master)
			case "master and worker":
				c.kill(master)
				if d.Alive(worker) {
					c.kill(worker)
				}
			}
			if d.Master() != master || !exists(c.path("s.sock")) {
				t.Error("the pid file or the socket is gone; this test is about them being left")
			}
			next, err := weirtest.StartDaemon(c.options()) // while the worker may still finish a request
			if err != nil {
				t.Fatal(err)
			}
			defer next.Kill()
			c.servedBy(next.WorkerOf(next.Master()), 0)
			load := weirtest.NewLoad("unix:" + c.path("s.sock"))
			load.Join(1, weirtest.Fresh, "/n")
			weirtest.Eventually(func() bool { return load.Answered() > 0 || len(load.Failures()) > 0 })
			load.End()
			c.unfailing(load)
			if !weirtest.Eventually(func() bool { return len(d.Processes()) == 0 }) {
				t.Errorf("left of the first server: %+v", d.Processes())
			}
			if _, err := next.Stop(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestChaosKillInReload kills the worker while a reload is under way: the next one serves the old or the new
// configuration, and the reload that follows is in force.
func TestChaosKillInReload(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	s := c.start()
	load := c.crowd()
	var deaths []weirtest.Death
	worker := c.serving(0)
	for n := 1; n <= rounds(3, 20); n++ {
		c.many(2 * n)
		asked := make(chan error, 1)
		lines := len(weirtest.Lines(c.path("error.log")))
		go func() {
			out, err := s.Command("-s", "reload")
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			asked <- err
		}()
		c.loggedAfter(lines, `: reconfiguring$`)
		// Somewhere in reading, handing over or swapping: each round later.
		<-time.After(time.Duration(n*20%100) * time.Millisecond)
		deaths = append(deaths, c.kill(worker))
		t.Logf("round %d: the command says %v", n, <-asked)
		c.configure(2*n + 1)
		if out, err := s.Command("-s", "reload"); err != nil {
			t.Errorf("the reload after the death: %v\n%s", err, out)
		}
		worker = c.serving(2*n + 1)
	}
	load.End()
	t.Logf("%d deaths: %v", len(deaths), load)
	c.unfailing(load, deaths...)
}

// TestChaosCrashLoop kills each worker as soon as it is there: the next ones come after longer and longer
// pauses, which the log tells; clients wait for them and are answered; and when it is over, all is as before.
func TestChaosCrashLoop(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	s := c.start()
	var deaths []weirtest.Death
	worker := s.Worker()
	// Some of them may have come to serve before they are killed, and are replaced at once; it takes a few more then.
	paused := regexp.MustCompile(`\[alert\] \d+#\d+: \d+ worker processes died within a second of their start, one after the other; the next one starts in ((400|800)ms|[\d.]+s)$`)
	for len(deaths) < 40 && !slices.ContainsFunc(weirtest.Lines(c.path("error.log")), paused.MatchString) {
		deaths = append(deaths, c.kill(worker))
		if !weirtest.Eventually(func() bool { worker = s.Worker(); return worker != 0 }) {
			t.Fatal("no worker")
		}
	}
	last := deaths[len(deaths)-1]
	pause := time.Since(last.Sent)
	load := weirtest.NewLoad(c.addr)
	load.Join(20, weirtest.Fresh, "/n")
	deaths = append(deaths, c.kill(worker)) // and now with clients that come while there is no worker
	if !weirtest.Eventually(func() bool { return load.Answered() >= 100 }) {
		t.Error("no recovery")
	}
	load.End()
	t.Logf("%d killed at once: the next worker came after %v; then %v", len(deaths), pause, load)
	c.unfailing(load, deaths...)
	c.logged(paused.String())
	if pause < 400*time.Millisecond {
		t.Errorf("the next worker came after %v; want at least 400ms", pause)
	}
	// A reload does not wait for the pause.
	c.configure(1)
	if out, err := s.Command("-s", "reload"); err != nil {
		t.Errorf("reload: %v\n%s", err, out)
	}
	c.serving(1)
}

// TestChaosBadWorker reloads a configuration with which no worker can live: it is refused, and the one before
// stays in force.
func TestChaosBadWorker(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	s := c.start()
	worker := s.Worker()
	conf, err := os.ReadFile(c.path("nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	// another number of loops asks for another worker, which has too few descriptors
	c.write("worker_rlimit_nofile 3;\n" + replaceOnce(conf, "worker_processes 2", "worker_processes 3"))
	out, err := s.Command("-s", "reload")
	if err == nil {
		t.Errorf("the reload has done it: %s", out)
	}
	c.logged(`\[alert\].*the new configuration was not taken: `)
	c.servedBy(worker, 0)
	c.configure(1)
	if out, err := s.Command("-s", "reload"); err != nil {
		t.Errorf("reload: %v\n%s", err, out)
	}
	c.servedBy(worker, 1)
}

// TestChaosNothingLeft ends a daemon as the end of a test does, whatever state it is in.
func TestChaosNothingLeft(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	d, err := weirtest.StartDaemon(c.options())
	if err != nil {
		t.Fatal(err)
	}
	c.upgrade(d)
	d.Kill()
	if !weirtest.Eventually(d.Exited) {
		t.Errorf("left: %+v", d.Processes())
	}
}

// TestChaosWorkerHangs stops a worker as a debugger does, and reloads: after a minute it is killed, the reload is refused, and
// the next one is taken by another worker.
func TestChaosWorkerHangs(t *testing.T) {
	if !weirtest.Long() {
		t.Skip("it takes a minute: make chaos")
	}
	t.Parallel()
	c := newChaos(t)
	s := c.start()
	worker := s.Worker()
	if err := syscall.Kill(worker, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.configure(1)
	out, err := s.Command("-s", "reload")
	if err == nil || !strings.Contains(out, "the new configuration was not taken") {
		t.Errorf("-s reload: %v\n%s", err, out)
	}
	c.logged(`\[alert\] .*worker process \d+ has not answered for 1m0s and is killed`)
	if !weirtest.Eventually(func() bool { now := s.Worker(); return now != 0 && now != worker }) {
		t.Fatal("no other worker")
	}
	c.servedBy(s.Worker(), 0)
	if out, err := s.Command("-s", "reload"); err != nil {
		t.Errorf("-s reload: %v\n%s", err, out)
	}
	c.servedBy(s.Worker(), 1)
}
