package loop

import (
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must come. It is never waited for when all is well.
const patience = time.Minute

// start runs an engine; when the test ends, it is stopped, and nothing may be left.
func start(t testing.TB, o Options) *Engine {
	t.Helper()
	warm(t)
	before := descriptors(t)
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	e.Run()
	t.Cleanup(func() {
		e.Stop()
		buffers := 0
		for _, l := range e.Loops {
			s := l.Stats()
			buffers += s.Buffers
			if s.Conns != 0 || s.Parked != 0 || s.Tasks != 0 || s.Spare != 0 || s.Timers != 0 {
				t.Errorf("loop %d after Stop: %+v; want none of all", l.id, s)
			}
			if len(l.tasks) != 0 || l.idle.oldest != nil || l.idle.newest != nil {
				t.Errorf("loop %d after Stop: %d coroutines, idle %p", l.id, len(l.tasks), l.idle.oldest)
			}
		}
		if buffers != 0 {
			t.Errorf("%d buffers not given back", buffers)
		}
		if !eventually(func() bool { return descriptors(t) <= before }) {
			t.Errorf("%d descriptors open; %d before\n%s", descriptors(t), before, listDescriptors())
		}
	})
	return e
}

// warm makes the runtime open what it keeps open.
func warm(t testing.TB) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}

func descriptors(t testing.TB) int {
	d, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

func listDescriptors() string {
	var s strings.Builder
	d, _ := os.ReadDir("/dev/fd")
	for _, f := range d {
		to, _ := os.Readlink("/dev/fd/" + f.Name())
		s.WriteString(f.Name() + " " + to + "\n")
	}
	return s.String()
}

func eventually(f func() bool) bool {
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		if f() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// on runs f on the loop and waits for it.
func on(l *Loop, f func()) {
	done := make(chan struct{})
	l.Post(func() {
		defer close(done)
		f()
	})
	<-done
}

// task runs f in a task of the loop and waits for it.
func task(l *Loop, f func(t *Task)) {
	done := make(chan struct{})
	l.Post(func() {
		l.Go(func(t *Task) {
			defer close(done)
			f(t)
		})
	})
	<-done
}

// reach waits until the loops together have so many connections, parked ones and tasks.
func reach(t testing.TB, e *Engine, conns, parked, tasks int) {
	t.Helper()
	var c, p, w int
	if !eventually(func() bool {
		c, p, w = 0, 0, 0
		for _, l := range e.Loops {
			on(l, func() { c, p, w = c+l.Conns(), p+l.parked, w+l.live })
		}
		return c == conns && p == parked && w == tasks
	}) {
		t.Fatalf("%d connections, %d parked, %d tasks; want %d, %d, %d", c, p, w, conns, parked, tasks)
	}
}

// listen serves h on a loopback port and returns its address.
func listen(t testing.TB, e *Engine, h Handler) string {
	t.Helper()
	return listenWith(t, e, func(c *Conn) {
		c.Handler = h
		c.Park(0, true)
	})
}

func listenWith(t testing.TB, e *Engine, accept func(c *Conn)) string {
	t.Helper()
	_, addr := listener(t, e, accept)
	return addr
}

// listener is listenWith, for those who close it themselves.
func listener(t testing.TB, e *Engine, accept func(c *Conn)) (*Listener, string) {
	t.Helper()
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := nl.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	nl.Close()
	ln, err := e.Listen(int(f.Fd()), accept)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ln.Close()
		f.Close()
	})
	return ln, nl.Addr().String()
}

func dial(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// say writes s and wants it back.
func say(t testing.TB, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, len(s))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != s {
		t.Fatalf("got %q, %v; want %q", b, err, s)
	}
}

// pair is two connected unix sockets.
func pair(t testing.TB) (int, int) {
	t.Helper()
	p, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range p {
		syscall.CloseOnExec(fd)
		if err := syscall.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	return p[0], p[1]
}

// wake is a handler of one function.
type wake func(t *Task, c *Conn, why Woke)

func (f wake) Wake(t *Task, c *Conn, why Woke) { f(t, c, why) }

// echo says everything back, and parks.
type echo struct {
	timeout time.Duration
	keep    bool // may not be shed
}

func (h echo) Wake(t *Task, c *Conn, why Woke) {
	if why != WokeReady {
		c.Close()
		return
	}
	l := t.Loop()
	buf := l.Take(4096)
	for c.Readable() {
		n, err := c.TryRead(buf)
		if err == ErrAgain {
			break
		}
		if err == nil {
			_, err = c.Write(t, buf[:n], patience)
		}
		if err != nil {
			l.Give(buf)
			c.Close()
			return
		}
	}
	l.Give(buf)
	if h.timeout == 0 {
		c.Park(0, !h.keep)
		return
	}
	c.Park(t.After(h.timeout), !h.keep)
}

// within fails the test when f does not end.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	go func() {
		f()
		cancel()
	}()
	<-ctx.Done()
	if ctx.Err() == context.DeadlineExceeded {
		t.Fatalf("%s does not end", what)
	}
}
