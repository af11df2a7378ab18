package chaos

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// TestChaosReloads reloads again and again under load, by signals and by command: no request fails, no
// WebSocket closes, and the memory is as before.
func TestChaosReloads(t *testing.T) {
	c := newChaos(t)
	s := c.start()
	load := c.crowd()
	load.Join(4, weirtest.Socket, "/ws")
	// A heap grows to what its load needs before it is flat: only the long test waits for that.
	growth := int64(rounds(25, 10))
	<-time.After(time.Duration(rounds(0, 20)) * time.Second)
	worker, before := s.Worker(), memory(s.Processes())
	many, every := rounds(10, 100), time.Duration(rounds(100, 600))*time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 1; n <= many; n++ {
		<-tick.C // a reload each so often is what is tried
		c.configure(n)
		if n%2 == 0 {
			if out, err := s.Command("-s", "reload"); err != nil {
				t.Errorf("-s reload: %v\n%s", err, out)
			}
		} else if err := s.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		c.servedBy(worker, n)
	}
	var after int64
	flat := weirtest.Eventually(func() bool {
		after = memory(s.Processes())
		return weirtest.Race || after <= before+before*growth/100
	})
	load.End()
	t.Logf("%d reloads, one each %v: %v; %d KB before, %d KB after (%+.1f %%)", many, every, load, before>>10, after>>10,
		100*float64(after-before)/float64(before))
	if !flat {
		t.Errorf("%d KB of memory, %d KB before", after>>10, before>>10)
	}
	c.unfailing(load)
}

func memory(all []weirtest.Process) (sum int64) {
	for _, p := range all {
		sum += p.RSS
	}
	return sum
}

// TestChaosUpgrades changes the binary again and again under load, as nginx's manual has it: no request
// fails, and WebSockets live as long as they like.
func TestChaosUpgrades(t *testing.T) {
	c := newChaos(t)
	d := c.daemon()
	load := c.crowd()
	frames := 0
	for range rounds(2, 10) {
		sockets := weirtest.NewLoad(c.addr)
		sockets.Join(4, weirtest.Socket, "/ws")
		t.Cleanup(sockets.End)
		answered := func(n int) func() bool {
			return func() bool { return sockets.Answered() >= n || len(sockets.Failures()) > 0 }
		}
		weirtest.Eventually(answered(40))
		old := d.Master()
		oldWorker := d.WorkerOf(old)
		c.upgrade(d)
		c.servedBy(d.WorkerOf(d.Master()), 0)
		for _, s := range []syscall.Signal{syscall.SIGWINCH, syscall.SIGQUIT} {
			if err := d.SignalTo(old, s); err != nil {
				t.Fatal(err)
			}
			c.logged(fmt.Sprintf(`\[notice\] %d#.*signal %d \(SIG\w+\)`, old, s))
		}
		weirtest.Eventually(answered(sockets.Answered() + 40))
		if !d.Alive(oldWorker) || !d.Alive(old) {
			t.Error("the old worker has gone while WebSockets were open")
		}
		sockets.End()
		c.unfailing(sockets)
		frames += sockets.Answered()
		if !weirtest.Eventually(func() bool { return !d.Alive(old) && !d.Alive(oldWorker) }) {
			t.Errorf("with all WebSockets closed there are still %+v", d.Processes())
		}
	}
	load.End()
	t.Logf("%d upgrades: %v; %d frames through upgrades", rounds(2, 10), load, frames)
	c.unfailing(load)
}

// upgrade starts the new binary and waits until its worker serves.
func (c *chaos) upgrade(d *weirtest.Daemon) {
	c.t.Helper()
	old := d.Master()
	if err := d.SignalTo(old, syscall.SIGUSR2); err != nil {
		c.t.Fatal(err)
	}
	if !weirtest.Eventually(func() bool {
		now := d.Master()
		return d.Old() == old && now != 0 && now != old && d.WorkerOf(now) != 0
	}) {
		c.t.Fatal("no new binary")
	}
}

// TestChaosKills kills the worker again and again under load: only what it had accepted fails, nobody is
// refused, and the next worker serves at once; when there is time to measure, also as fast as the one before.
func TestChaosKills(t *testing.T) {
	c := newChaos(t)
	s := c.start()
	load := c.crowd()
	load.Join(4, weirtest.Socket, "/ws")
	var deaths []weirtest.Death
	var first, back []time.Duration
	for range rounds(3, 20) {
		speed := c.speed(load)
		died, err := weirtest.KillHard(s.Worker())
		if err != nil {
			t.Fatal(err)
		}
		deaths = append(deaths, died)
		at := time.Duration(-1)
		if !weirtest.Eventually(func() bool {
			if at = recovered(load.Times(died.Gone), died.Gone, speed); !weirtest.Long() {
				return len(load.Times(died.Gone)) >= 40 // other work on the machine may have begun since the speed was measured
			}
			return at >= 0
		}) {
			t.Fatal("the speed is not as before")
		}
		first, back = append(first, load.Times(died.Gone)[0].Sub(died.Gone)), append(back, at)
	}
	load.End()
	lost := c.unfailing(load, deaths...)
	t.Logf("%d kills: %v; all of these in flight at a kill; the first answer came after %v, full speed after %v", len(deaths), load, first, back)
	if most := 14 * len(deaths); lost > most {
		t.Errorf("%d requests lost by %d kills; at most %d can have been in flight", lost, len(deaths), most)
	}
	// Half of them in time is what a machine that others use can be held to.
	slices.Sort(back)
	if at := back[len(back)/2]; weirtest.Long() && at > slow(200*time.Millisecond) {
		t.Errorf("full speed after %v", at)
	}
}

// speedOver is the time over which a speed is measured.
const speedOver = 100 * time.Millisecond

// speed is how many requests are answered in speedOver: an average over a second and more, which a worker
// must have lived for not to be held for one that dies young.
func (c *chaos) speed(load *weirtest.Load) float64 {
	begin := time.Now()
	<-time.After(1200 * time.Millisecond)
	return float64(len(load.Times(begin))) / float64(time.Since(begin)) * float64(speedOver)
}

// recovered is how long after a death the answers come as fast as before, but for a quarter which is the
// machine's to have; below 0 when they do not yet.
func recovered(times []time.Time, death time.Time, speed float64) time.Duration {
	enough := int(0.75 * speed)
	for i := range times {
		if k := i + enough - 1; k < len(times) && times[k].Sub(times[i]) <= speedOver {
			return times[i].Sub(death)
		}
	}
	return -1
}
