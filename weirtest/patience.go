package weirtest

import (
	"os"
	"strconv"
	"time"
)

// Patience is how long the bench waits for something that should happen at once, before it calls it a failure: long enough for a machine
// on which ten others are at work.
func Patience() time.Duration {
	d := usualPatience
	if f, err := strconv.ParseFloat(os.Getenv("WEIR_TEST_SLOW"), 64); err == nil && f > 1 {
		d = time.Duration(float64(d) * f)
	}
	return d
}

const usualPatience = 20 * time.Second

// Slowness is how many times slower than others the machine is said to be.
func Slowness() float64 { return float64(Patience()) / float64(usualPatience) }

// Long reports whether chaos tests run for as long as they should (WEIR_CHAOS=long), which is minutes, or as long as one likes to wait.
func Long() bool { return os.Getenv("WEIR_CHAOS") == "long" }

// Eventually calls ok again and again until it is true, and reports whether that happened within the bench's patience.
// It is for what gives no signal: a port that opens, a line that another process writes.
func Eventually(ok func() bool) bool {
	if ok() {
		return true
	}
	end := time.NewTimer(Patience())
	defer end.Stop()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if ok() {
				return true
			}
		case <-end.C:
			return ok()
		}
	}
}
