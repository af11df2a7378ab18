package loop

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestTimersAgainstAModel moves deadlines at random and wants each to fire once, not before its time, and in time.
func TestTimersAgainstAModel(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Stop()
	l := e.Loops[0]
	l.now = 1
	r := rand.New(rand.NewPCG(1, 2))
	conns := make([]*Conn, 200)
	for i := range conns {
		conns[i] = &Conn{Source: Source{loop: l, slot: -1}}
	}
	want := map[*Conn]Time{}
	for range 20000 {
		c := conns[r.IntN(len(conns))]
		switch r.IntN(8) {
		case 0:
			c.timer.deadline = 0 // lazily
			delete(want, c)
		case 1:
			l.drop(&c.timer)
			delete(want, c)
		case 2:
			l.now += Time(r.IntN(50))
			l.expire() // the connections are not parked, so that nothing but the timer happens
			for c, d := range want {
				if d <= l.now {
					if c.timer.deadline != 0 {
						t.Fatalf("due at %d, not fired at %d", d, l.now)
					}
					delete(want, c)
				} else if c.timer.deadline != d {
					t.Fatalf("due at %d, has %d at %d", d, c.timer.deadline, l.now)
				}
			}
		default:
			d := l.now + 1 + Time(r.IntN(200))
			l.arm(&c.timer, ofConn, d)
			want[c] = d
		}
		for i := range l.heap.len {
			if d := l.heap.at(i); i > 0 && l.heap.at((i-1)/4).when > d.when || d.at() != i || d.owner() != ofConn {
				t.Fatal("the heap is broken")
			}
		}
	}
	for _, c := range conns {
		l.drop(&c.timer)
	}
	if l.heap.len != 0 {
		t.Errorf("%d entries left", l.heap.len)
	}
}

func TestLaterDeadlineIsAStore(t *testing.T) {
	e := start(t, Options{})
	task(e.Loops[0], func(k *Task) {
		l := k.Loop()
		var s Signal
		for i := range 100 {
			s.Fire()
			_ = k.Poll(&Wait{Signal: &s})
			w := Wait{Signal: &s, Deadline: k.After(time.Hour + time.Duration(i))}
			l.requeue(k) // a nudge, after which the wait goes on
			k.inRunq = false
			l.Go(func(*Task) { s.Fire() })
			if err := k.Poll(&w); err != nil {
				t.Error(err)
			}
			if l.heap.len > 1 {
				t.Fatalf("%d entries in the heap", l.heap.len)
			}
		}
	})
}

func TestClocks(t *testing.T) {
	e := start(t, Options{})
	task(e.Loops[0], func(k *Task) {
		l := k.Loop()
		before := l.Now()
		if err := k.Sleep(3 * time.Millisecond); err != nil {
			t.Error(err)
		}
		if d := l.Now().Sub(before); d < 3*time.Millisecond {
			t.Errorf("slept %v", d)
		}
		if d := time.Since(l.Wall()); d < 0 || d > patience {
			t.Errorf("Wall is %v ago", d)
		}
		if k.After(-1) != 0 || k.After(5) != k.Now()+5 {
			t.Error("After")
		}
	})
}
