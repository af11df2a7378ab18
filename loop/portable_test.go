//go:build !linux || portable

package loop

// hangUp makes the loop think that the poller reports a hang-up.
func hangUp(l *Loop, slot, gen int32) {
	l.event(&event{slot, gen, In | Out | Hup})
}
