package upstream

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/loop"
	"weir/weirtest"
)

// TestPoolStorm lets several loops take each other's links while the server hangs up at will. It is for the race detector, and for leaks.
func TestPoolStorm(t *testing.T) {
	const loops, tasks, rounds = 4, 8, 200
	k := keeping(1)
	k.Idle = 3 * time.Millisecond
	s := newStand(t, loops, k)
	var done sync.WaitGroup
	var answered, failed atomic.Int64
	for i := range loops * tasks {
		l := s.engine.Loops[i%loops]
		done.Add(1)
		l.Post(func() {
			l.Go(func(t *loop.Task) {
				defer done.Done()
				for n := range rounds {
					link, kept := s.connect(t, 0)
					switch {
					case link == nil:
						failed.Add(1)
					case speak(t, link):
						answered.Add(1)
						if n%7 == 6 || !link.Keep(0) {
							link.Conn.Close()
						}
					default:
						link.Conn.Close()
						if !kept {
							failed.Add(1)
						}
					}
					if n%16 == 15 {
						_ = t.Sleep(time.Duration(1+i%5) * time.Millisecond)
					}
				}
			})
		})
	}
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				s.server.hangUp()
			}
		}
	}()
	done.Wait()
	close(stop)
	s.waitIdle(0)
	for _, l := range s.engine.Loops {
		if !weirtest.Eventually(func() bool { return l.Conns() == 0 }) {
			t.Errorf("loop %d: %d connections left", l.ID(), l.Conns())
		}
	}
	status := s.g.Pool().Status()
	t.Logf("%d answered, %d failed on fresh links, %d connections, pool %+v", answered.Load(), failed.Load(), s.server.accepted.Load(), status)
	if status.Taken == 0 {
		t.Error("no link was taken")
	}
}

// TestKeptWithoutAllocation: to keep a link and take it again on its own loop costs no garbage.
func TestKeptWithoutAllocation(t *testing.T) {
	s := newStand(t, 1, keeping(4))
	var n float64
	s.on(0, func(task *loop.Task) {
		k, _ := s.connect(task, 0)
		n = testing.AllocsPerRun(200, func() {
			if !k.Keep(0) {
				t.Error("not kept")
			}
			if s.g.Take(task.Loop(), s.peer, 0) != k {
				t.Error("not taken")
			}
			k.Requests = 1
		})
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkKeepTake(b *testing.B) {
	s := newStand(b, 1, keeping(4))
	s.on(0, func(task *loop.Task) {
		k, _ := s.connect(task, 0)
		b.ReportAllocs()
		for b.Loop() {
			k.Keep(0)
			s.g.Take(task.Loop(), s.peer, 0)
			k.Requests = 1
		}
	})
}
