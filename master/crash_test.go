package master

import (
	"testing"
	"time"
)

// TestPause: a worker that served is replaced at once; those that die young wait longer and longer, up to a bound.
func TestPause(t *testing.T) {
	const ms = time.Millisecond
	var c crashes
	for i, step := range []struct {
		lived  time.Duration
		served bool
		want   time.Duration
	}{
		{time.Hour, true, 0},
		{10 * ms, true, 0}, // the first of its kind
		{10 * ms, true, 0},
		{time.Hour, true, 0},
		{10 * ms, false, 0},
		{10 * ms, false, 100 * ms},
		{10 * ms, false, 200 * ms},
		{2 * time.Second, false, 400 * ms}, // it took long, and never served
		{10 * ms, false, 800 * ms},
		{time.Hour, true, 0}, // it is well again
		{0, false, 0},
		{0, false, 100 * ms},
	} {
		if got := c.pause(step.lived, step.served); got != step.want {
			t.Errorf("step %d: %v; want %v", i, got, step.want)
		}
	}
	c = crashes{}
	for i := range unlucky {
		if got := c.pause(0, true); got != 0 {
			t.Errorf("unlucky %d: %v", i, got)
		}
	}
	if got := c.pause(0, true); got != firstPause {
		t.Errorf("too unlucky: %v; want %v", got, firstPause)
	}
	c = crashes{}
	for range unlucky - 2 {
		c.pause(0, true)
	}
	if got := c.pause(0, false); got != 0 { // the others were no reason to think that none can serve
		t.Errorf("the first that did not serve: %v", got)
	}
	if got := c.pause(0, false); got != firstPause {
		t.Errorf("the second: %v; want %v", got, firstPause)
	}
	for range 100 {
		c.pause(0, false)
	}
	if got := c.pause(0, false); got != longPause {
		t.Errorf("after a hundred: %v; want %v", got, longPause)
	}
}
