package loop

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPostStorm(t *testing.T) {
	e := start(t, Options{Loops: 2})
	const writers, each = 8, 5000
	last := make([][writers]int, 2)
	var all, ran sync.WaitGroup
	ran.Add(writers * each * 2)
	for w := range writers {
		all.Go(func() {
			for i := 1; i <= each; i++ {
				for k, l := range e.Loops {
					l.Post(func() {
						if last[k][w] != i-1 {
							t.Errorf("writer %d: %d after %d", w, i, last[k][w])
						}
						last[k][w] = i
						ran.Done()
					})
				}
				if i%64 == 0 {
					runtime.Gosched() // let the loops fall asleep
				}
			}
		})
	}
	within(t, "the storm", ran.Wait)
	all.Wait()
}

// TestPostWakesASleeper is the lost wake-up: one post at a time, each when the loop falls asleep.
func TestPostWakesASleeper(t *testing.T) {
	e := start(t, Options{})
	within(t, "posting", func() {
		for range 20000 {
			on(e.Loops[0], func() {})
		}
	})
}

func TestSignalIsNeverLost(t *testing.T) {
	e := start(t, Options{Loops: 2})
	const rounds = 20000
	var ping, pong Signal
	var turn atomic.Int64
	var both sync.WaitGroup
	side := func(wait, fire *Signal, parity int64) func(*Task) {
		return func(k *Task) {
			defer both.Done()
			for i := parity; i < rounds; i += 2 {
				for turn.Load() != i {
					w := Wait{Signal: wait}
					if err := k.Poll(&w); err != nil || !w.Fired {
						t.Errorf("Poll: %v, fired %v", err, w.Fired)
						return
					}
				}
				turn.Store(i + 1)
				fire.Fire()
			}
		}
	}
	both.Add(2)
	e.Loops[0].Post(func() { e.Loops[0].Go(side(&ping, &pong, 0)) })
	e.Loops[1].Post(func() { e.Loops[1].Go(side(&pong, &ping, 1)) })
	within(t, "ping-pong", both.Wait)
}

// TestSignalAgainstDeadline fires at about the time the wait ends by itself: the fire is seen by this wait or by the next.
func TestSignalAgainstDeadline(t *testing.T) {
	e := start(t, Options{})
	const rounds = 300
	var s Signal
	fire, seen := make(chan int), make(chan bool)
	go func() {
		for n := range fire {
			for range n {
				runtime.Gosched()
			}
			s.Fire()
			seen <- true
		}
	}()
	within(t, "waiting", func() {
		task(e.Loops[0], func(k *Task) {
			for i := range rounds {
				k.Await(func() { fire <- i })
				fired := false
				for !fired {
					w := Wait{Signal: &s, Deadline: k.Now().Add(100 * time.Microsecond)}
					err := k.Poll(&w)
					if err != nil && err != ErrTimeout || (err == nil) != w.Fired {
						t.Errorf("Poll: %v, fired %v", err, w.Fired)
						return
					}
					fired = w.Fired
				}
				k.Await(func() { <-seen })
			}
		})
	})
	close(fire)
}
