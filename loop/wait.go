package loop

import "time"

// Wait is what a task waits for: any of two sources, a signal, a deadline. All parts may be left out.
type Wait struct {
	A        *Source // of the task's own loop
	AWant    Ready
	AGot     Ready // out: the part of AWant that is so
	B        *Source
	BWant    Ready
	BGot     Ready
	Signal   *Signal
	Fired    bool // out: Signal was fired, and is consumed
	Deadline Time
}

// Poll waits until something is ready and says what in w. It returns at once when something is ready already.
// ErrTimeout when the deadline passes first; ErrStopped.
func (t *Task) Poll(w *Wait) error {
	l := t.loop
	if l.stopping {
		w.AGot, w.BGot, w.Fired = 0, 0, false
		return ErrStopped
	}
	ready := w.look()
	w.Fired = w.Signal != nil && w.Signal.take()
	if ready || w.Fired {
		return t.spend()
	}
	if w.Deadline != 0 && w.Deadline <= l.now {
		return ErrTimeout
	}
	w.check(t)
	if w.Signal != nil && !w.Signal.attach(t) {
		w.Fired = w.Signal.take()
		return nil
	}
	w.attach(t)
	err := t.until(w)
	w.detach()
	t.timer.deadline = 0
	if w.Signal != nil && w.Signal.detach(t) {
		w.Fired = true
		return nil
	}
	return err
}

// until suspends the task until something of w has come.
func (t *Task) until(w *Wait) error {
	l := t.loop
	if w.Deadline != 0 {
		l.arm(&t.timer, ofTask, w.Deadline)
	}
	for {
		t.suspend()
		switch {
		case w.look() || w.Signal != nil && w.Signal.waiter.Load() != t:
			return nil
		case l.stopping:
			return ErrStopped
		case w.Deadline != 0 && w.Deadline <= l.now:
			return ErrTimeout
		}
	}
}

// look fills in what the sources are ready for.
func (w *Wait) look() bool {
	w.AGot, w.BGot = 0, 0
	if w.A != nil {
		w.AGot = Ready(w.A.flags) & w.AWant
	}
	if w.B != nil {
		w.BGot = Ready(w.B.flags) & w.BWant
	}
	return w.AGot|w.BGot != 0
}

// check panics when the wait is a mistake, before anything is attached.
func (w *Wait) check(t *Task) {
	if w.A != nil {
		w.A.free(t, w.AWant)
	}
	if w.B != nil {
		w.B.free(t, w.BWant)
	}
}

func (w *Wait) attach(t *Task) {
	if w.A != nil {
		w.A.attach(t, w.AWant)
	}
	if w.B != nil {
		w.B.attach(t, w.BWant)
	}
}

func (w *Wait) detach() {
	if w.A != nil {
		w.A.attach(nil, w.AWant)
	}
	if w.B != nil {
		w.B.attach(nil, w.BWant)
	}
}

// wait waits for one side of one source: the plain case of Poll, without its struct.
func (s *Source) wait(t *Task, want Ready, deadline Time) error {
	l := t.loop
	if l.stopping {
		return ErrStopped
	}
	if deadline != 0 {
		if deadline <= l.now {
			return ErrTimeout
		}
		l.arm(&t.timer, ofTask, deadline)
	}
	s.free(t, want)
	s.attach(t, want)
	var err error
	for {
		t.suspend()
		if Ready(s.flags)&want != 0 {
			break
		}
		if l.stopping {
			err = ErrStopped
			break
		}
		if deadline != 0 && deadline <= l.now {
			err = ErrTimeout
			break
		}
	}
	s.attach(nil, want)
	t.timer.deadline = 0
	return err
}

// Sleep waits for d. ErrStopped when the engine stops first.
func (t *Task) Sleep(d time.Duration) error {
	if d <= 0 {
		return t.rest()
	}
	w := Wait{Deadline: t.loop.now + Time(d)}
	if err := t.Poll(&w); err != ErrTimeout {
		return err
	}
	return nil
}
