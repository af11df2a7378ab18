package logs

import (
	"sync/atomic"
	"time"
)

// A Clock tells the time of day. Any goroutine.
type Clock func() time.Time

// A stamp is a second and its texts.
type stamp struct {
	second int64
	line   [19]byte // 2026/11/24 14:31:05
	syslog [15]byte // Nov 24 14:31:05
}

// stamps makes the stamp of a second once.
type stamps struct {
	now  Clock
	last atomic.Pointer[stamp]
}

func (s *stamps) init(now Clock) {
	if now == nil {
		now = time.Now
	}
	s.now = now
}

// get returns the stamp of this second.
func (s *stamps) get() *stamp {
	now := s.now()
	sec := now.Unix()
	if st := s.last.Load(); st != nil && st.second == sec {
		return st
	}
	st := newStamp(now)
	s.last.Store(st)
	return st
}

func newStamp(t time.Time) *stamp {
	st := &stamp{second: t.Unix()}
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	two(st.line[0:], year/100)
	two(st.line[2:], year)
	st.line[4], st.line[7], st.line[10] = '/', '/', ' '
	two(st.line[5:], int(month))
	two(st.line[8:], day)
	at := st.line[11:]
	two(at, hour)
	two(at[3:], minute)
	two(at[6:], second)
	at[2], at[5] = ':', ':'

	copy(st.syslog[:], month.String()[:3])
	st.syslog[3], st.syslog[6] = ' ', ' '
	two(st.syslog[4:], day)
	if day < 10 {
		st.syslog[4] = ' '
	}
	copy(st.syslog[7:], at)
	return st
}

// two puts the last two digits of n at the start of b.
func two(b []byte, n int) {
	b[0] = byte('0' + n/10%10)
	b[1] = byte('0' + n%10)
}

// A Timer calls f once after d, on any goroutine, unless stop is called before. RealTimer is one.
type Timer func(d time.Duration, f func()) (stop func())

// RealTimer is a Timer of the operating system's time.
func RealTimer(d time.Duration, f func()) (stop func()) {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}
