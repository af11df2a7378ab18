package logs

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/weirtest"
)

// memory is a Sink that keeps its lines.
type memory struct {
	mu    sync.Mutex
	lines []string
}

func (m *memory) WriteLevel(_ Level, line []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, string(line))
	return nil
}

func (m *memory) Write(line []byte) error { return m.WriteLevel(Info, line) }

// nowhere is a Sink that keeps nothing.
type nowhere struct{}

func (nowhere) WriteLevel(Level, []byte) error { return nil }

// fixed is the time of all examples.
func fixed() time.Time { return time.Date(2026, 11, 4, 14, 31, 5, 0, time.UTC) }

func TestLineFormat(t *testing.T) {
	m := new(memory)
	l := NewLogger(Options{Now: fixed, PID: 123}, Target{Debug, m})
	l.Log(Error, 7, []byte("message"))
	l.Log(Emerg, 0, []byte("message"))
	l.LogFrom(Debug, 456, 1, nil)
	l.LogString(Warn, 0, "text")
	l.Logf(Notice, 2, "%d and %s", 1, "x")
	want := []string{
		"2026/11/04 14:31:05 [error] 123#123: *7 message\n",
		"2026/11/04 14:31:05 [emerg] 123#123: message\n",
		"2026/11/04 14:31:05 [debug] 123#456: *1 \n",
		"2026/11/04 14:31:05 [warn] 123#123: text\n",
		"2026/11/04 14:31:05 [notice] 123#123: *2 1 and x\n",
	}
	if got := strings.Join(m.lines, ""); got != strings.Join(want, "") {
		t.Errorf("got:\n%swant:\n%s", got, strings.Join(want, ""))
	}
}

func TestLongLinesAreCut(t *testing.T) {
	m := new(memory)
	l := NewLogger(Options{Now: fixed, PID: 1}, Target{Error, m})
	head := "2026/11/04 14:31:05 [error] 1#1: "
	for n := MaxLine - len(head) - 3; n < MaxLine+3; n++ {
		m.lines = nil
		l.Log(Error, 0, bytes.Repeat([]byte("x"), n))
		got := m.lines[0]
		want := head + strings.Repeat("x", min(n, MaxLine-1-len(head))) + "\n"
		if got != want {
			t.Fatalf("a message of %d bytes gives a line of %d; want %d", n, len(got), len(want))
		}
	}
}

func TestTargetsHaveLevels(t *testing.T) {
	var crit, info memory
	l := NewLogger(Options{Now: fixed}, Target{Crit, &crit}, Target{Info, &info})
	for v := Emerg; v <= Debug; v++ {
		l.LogString(v, 0, v.String())
		if got, want := l.Enabled(v), v <= Info; got != want {
			t.Errorf("Enabled(%v) = %v", v, got)
		}
	}
	if len(crit.lines) != 3 || len(info.lines) != 7 {
		t.Errorf("%d lines up to crit, %d up to info; want 3 and 7", len(crit.lines), len(info.lines))
	}
}

func TestNilLogger(t *testing.T) {
	var l *Logger
	l.Log(Emerg, 0, nil)
	l.Logf(Emerg, 0, "x")
	l.Close()
	if l.Enabled(Emerg) {
		t.Error("enabled")
	}
}

func TestStampsFollowTheClock(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 999e6, time.UTC)
	var s stamps
	s.init(func() time.Time { return now })
	for _, want := range []struct {
		after        time.Duration
		line, syslog string
	}{
		{0, "2026/01/02 03:04:05", "Jan  2 03:04:05"},
		{time.Millisecond, "2026/01/02 03:04:06", "Jan  2 03:04:06"},
		{10 * 24 * time.Hour, "2026/01/12 03:04:06", "Jan 12 03:04:06"},
		{-24 * time.Hour, "2026/01/11 03:04:06", "Jan 11 03:04:06"},
	} {
		now = now.Add(want.after)
		st := s.get()
		if string(st.line[:]) != want.line || string(st.syslog[:]) != want.syslog {
			t.Errorf("%q %q; want %q %q", st.line, st.syslog, want.line, want.syslog)
		}
	}
}

func TestLogAllocatesNothing(t *testing.T) {
	if weirtest.Race {
		t.Skip("sync.Pool drops at random under the race detector")
	}
	files := NewFiles()
	f, err := files.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Release()
	l := NewLogger(Options{}, Target{Info, f}, Target{Crit, nowhere{}})
	msg := []byte(`open() "/srv/x" failed (2: No such file or directory), client: 127.0.0.1`)
	if n := testing.AllocsPerRun(1000, func() { l.Log(Error, 77, msg) }); n != 0 {
		t.Errorf("Log allocates %v times; want 0", n)
	}
}

func BenchmarkLog(b *testing.B) {
	l := NewLogger(Options{}, Target{Info, nowhere{}})
	msg := []byte(`open() "/srv/x" failed (2: No such file or directory), client: 127.0.0.1`)
	b.ReportAllocs()
	for b.Loop() {
		l.Log(Error, 77, msg)
	}
}
