package weirtest

import "time"

// Death is a process that was killed. What it had accepted and not answered is lost; whatever was opened after it was gone is not.
type Death struct {
	PID        int
	Sent, Gone time.Time
}

// Excuses reports whether a request may have failed by this death: its connection may have been accepted by the process, and it failed
// while the process died or later. A connection that is refused is nobody's fault but the master's.
func (d Death) Excuses(f Failure) bool {
	return (f.Fault == Lost || f.Fault == Cut) && f.Opened.Before(d.Gone) && f.Failed.After(d.Sent)
}
