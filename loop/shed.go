package loop

import (
	"runtime/debug"
	"syscall"
)

func stack() []byte { return debug.Stack() }

// idleList is the reusable connections of a loop, the longest parked first.
type idleList struct {
	oldest, newest *Conn
}

func (s *idleList) push(c *Conn) {
	c.older = s.newest
	if s.newest != nil {
		s.newest.newer = c
	} else {
		s.oldest = c
	}
	s.newest = c
}

func (s *idleList) remove(c *Conn) {
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		s.oldest = c.newer
	}
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		s.newest = c.older
	}
	c.older, c.newer = nil, nil
}

// room counts one more connection, for which it sheds an idle one when need be. It says false, and does not count, when
// there is no room.
func (l *Loop) room() bool {
	for int64(l.conns.Add(1)) > l.engine.most.Load() {
		l.conns.Add(-1)
		if !l.shed() {
			l.engine.full(FullConns)
			return false
		}
	}
	return true
}

// shed makes the longest idle connection close. It says false when none did.
func (l *Loop) shed() bool {
	for range 8 {
		c := l.idle.oldest
		if c == nil {
			return false
		}
		l.wake(c, WokeShed)
		if c.flags&parked != 0 {
			c.Close()
		}
		if c.flags&closed != 0 {
			return true
		}
	}
	return false
}

// shedElsewhere asks the other loops to shed one each: descriptors are the whole process's.
func (l *Loop) shedElsewhere() {
	for _, o := range l.engine.Loops {
		if o != l {
			o.Post(func() { o.shed() })
		}
	}
}

// keepReserve opens the reserve, if it can.
func (l *Loop) keepReserve() bool {
	if l.reserve < 0 {
		fd, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return false
		}
		l.reserve = fd
	}
	return true
}

// exhausted sees to a listener when there is no descriptor for its next connection. First it sheds, and the event comes
// again. Else it takes one connection with the reserve descriptor and closes it: the client learns at once that there is no
// place, and the queue does not keep the loop awake. When even that fails, the loop leaves the listener for a moment.
func (l *Loop) exhausted(w *listening) {
	l.batch = 1
	if l.shed() {
		return
	}
	l.engine.full(FullFiles)
	l.shedElsewhere()
	if l.reserve >= 0 {
		closeFD(l.reserve)
		l.reserve = -1
		fd, e := w.take()
		if e == 0 {
			closeFD(fd)
		}
		if l.keepReserve() && (e == 0 || e == syscall.EAGAIN) {
			return
		}
	}
	l.pause(w)
}

// pause takes the listener out of this loop's sight for acceptPause.
func (l *Loop) pause(w *listening) {
	w.mu.Lock()
	if !w.closed {
		w.unwatch()
	}
	w.mu.Unlock()
	l.Go(func(t *Task) {
		if t.Sleep(acceptPause) != nil {
			return
		}
		l.keepReserve()
		w.mu.Lock()
		if !w.closed {
			_ = w.watch()
		}
		w.mu.Unlock()
	})
}
