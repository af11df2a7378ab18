package logs

import (
	"fmt"
	"os"
	"strconv"
	"sync"
)

// MaxLine is the length that an error log line is cut to, its newline included.
const MaxLine = 2048

// A Sink takes whole lines.
type Sink interface {
	// WriteLevel writes a line of the error log, newline included. The line is borrowed. Any
	// goroutine.
	WriteLevel(v Level, line []byte) error
}

// A Target is one error_log line.
type Target struct {
	Level Level // the least severe level that is written
	Sink  Sink
}

// Options are what a Logger needs of its surroundings. The zero value is the real world.
type Options struct {
	Now Clock
	PID int
}

// A Logger is an error_log setting. A nil Logger logs nothing.
type Logger struct {
	targets []Target
	most    Level
	pid     int
	stamps  stamps
	lines   sync.Pool // of *lineBuf
	close   []func()
	verbose *Logger
}

// A lineBuf holds a line being made.
type lineBuf struct{ b [MaxLine]byte }

// NewLogger makes a Logger of targets.
func NewLogger(o Options, targets ...Target) *Logger {
	l := newLogger(o, targets)
	all := make([]Target, len(targets))
	for i, t := range targets {
		all[i] = Target{Debug, t.Sink}
	}
	l.verbose = newLogger(o, all)
	l.verbose.verbose = l.verbose
	return l
}

func newLogger(o Options, targets []Target) *Logger {
	l := &Logger{targets: targets, pid: o.PID}
	if l.pid == 0 {
		l.pid = os.Getpid()
	}
	l.stamps.init(o.Now)
	for _, t := range targets {
		l.most = max(l.most, t.Level)
	}
	return l
}

// Enabled reports whether a line of level v would be written anywhere. Any goroutine.
func (l *Logger) Enabled(v Level) bool { return l != nil && v <= l.most }

// Verbose returns what writes to the same targets, and all levels to each of them: the log of a connection
// that debug_connection names. It lives as long as l does.
func (l *Logger) Verbose() *Logger {
	if l == nil {
		return nil
	}
	return l.verbose
}

// Log writes a message of connection conn (0: of none) at level v. It adds time, level, process and
// connection before it and a newline behind. Any goroutine; msg is borrowed.
func (l *Logger) Log(v Level, conn uint64, msg []byte) {
	if l.Enabled(v) {
		logLine(l, v, l.pid, conn, msg)
	}
}

// LogString is Log of a string.
func (l *Logger) LogString(v Level, conn uint64, msg string) {
	if l.Enabled(v) {
		logLine(l, v, l.pid, conn, msg)
	}
}

// LogFrom is Log with the number of a thread or loop in the place where Log has the process again.
func (l *Logger) LogFrom(v Level, tid int, conn uint64, msg []byte) {
	if l.Enabled(v) {
		logLine(l, v, tid, conn, msg)
	}
}

// Logf is Log with a format. It allocates.
func (l *Logger) Logf(v Level, conn uint64, format string, a ...any) {
	if l.Enabled(v) {
		logLine(l, v, l.pid, conn, fmt.Appendf(nil, format, a...))
	}
}

func logLine[T []byte | string](l *Logger, v Level, tid int, conn uint64, msg T) {
	buf, ok := l.lines.Get().(*lineBuf)
	if !ok {
		buf = new(lineBuf)
	}
	b := l.appendHead(buf.b[:0], v, tid, conn)
	if room := MaxLine - 1 - len(b); len(msg) > room {
		msg = msg[:room]
	}
	b = append(b, msg...)
	b = append(b, '\n')
	for i := range l.targets {
		if t := &l.targets[i]; v <= t.Level {
			_ = t.Sink.WriteLevel(v, b) // there is no log for the failures of the log
		}
	}
	l.lines.Put(buf)
}

// appendHead adds what stands before the message.
func (l *Logger) appendHead(b []byte, v Level, tid int, conn uint64) []byte {
	b = append(b, l.stamps.get().line[:]...)
	b = append(b, " ["...)
	b = append(b, v.String()...)
	b = append(b, "] "...)
	b = strconv.AppendInt(b, int64(l.pid), 10)
	b = append(b, '#')
	b = strconv.AppendInt(b, int64(tid), 10)
	b = append(b, ": "...)
	if conn != 0 {
		b = append(b, '*')
		b = strconv.AppendUint(b, conn, 10)
		b = append(b, ' ')
	}
	return b
}

// FD is the descriptor of the first file that is logged to; -1 when there is none.
func (l *Logger) FD() int {
	for _, t := range l.targets {
		if f, ok := t.Sink.(*File); ok && f.path != Stderr {
			return f.FD()
		}
	}
	return -1
}

// Close gives back the files and sockets that Open took for the Logger. It must not be used after.
func (l *Logger) Close() {
	if l == nil {
		return
	}
	for _, f := range l.close {
		f()
	}
	l.close = nil
}
