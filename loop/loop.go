// Package loop is weir's machine: a few event loops, each one epoll instance with its timers, its sockets and its buffers,
// run by one goroutine. It knows no protocol.
//
// Where there is no epoll, or with the build tag portable, another poller takes its place, on that of Go's runtime: the files
// *_portable.go stand for the files *_epoll.go, and everything else is the same.
//
// Code runs in tasks. A [Task] is a coroutine on a loop: straight-line code that waits (for a socket, a timer, a [Signal],
// another goroutine's work) by handing control back to its loop. Nothing on a loop may block any other way.
//
// A [Conn] is one non-blocking socket. Between two requests it is parked: no task, no buffers, a small struct and an epoll
// entry; its next byte starts a task that runs its [Handler].
//
//	e, _ := loop.New(loop.Options{Loops: 2, MaxConns: 1024})
//	e.Listen(fd, func(c *loop.Conn) { c.Handler = echo{}; c.Park(c.Loop().Now().Add(time.Minute), true) })
//	e.Run()
//
//	func (echo) Wake(t *loop.Task, c *loop.Conn, why loop.Woke) {
//		buf := t.Loop().Take(4096)
//		defer t.Loop().Give(buf)
//		n, err := c.Read(t, buf, t.After(time.Minute))
//		…
//		c.Park(t.After(75*time.Second), true)
//	}
//
// A function says who may call it. "Loop only" means the loop's own goroutine or a task of that loop, which is the same
// thing: a loop does one thing at a time, so what belongs to a loop needs no lock.
package loop

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Time is monotonic nanoseconds: of the system's clock, where all processes of one machine have the same, or of the clock that an engine
// was given, from its start. 0 means "no deadline".
type Time int64

// Add returns t+d.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns t-u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// What a wait or an attempt may say, beside io.EOF and a syscall.Errno.
var (
	ErrAgain   = errors.New("nothing to read or no room to write")
	ErrTimeout = errors.New("timed out")
	ErrStopped = errors.New("the server is stopping")
	ErrFull    = errors.New("out of connections or descriptors")
	ErrClosed  = errors.New("connection is closed")
)

// What OnFull is told.
const (
	FullConns = "connections" // MaxConns reached, and nothing could be shed
	FullFiles = "descriptors" // EMFILE or ENFILE
)

// Options of an engine.
type Options struct {
	Loops    int                       // how many loops; 0: one
	MaxConns int                       // sockets per loop, of both sides, as worker_connections; 0: no limit
	OnPanic  func(v any, stack []byte) // a task or a posted function panicked; any goroutine
	OnFull   func(what string)         // FullConns or FullFiles, at most once a second each; any goroutine
	Clock    func() time.Time          // what the time is; nil: time.Now. One that jumps must be followed by a Post to each loop
}

// Engine is the loops of one process.
type Engine struct {
	Loops []*Loop

	o       Options
	most    atomic.Int64 // Options.MaxConns, which may change
	base    time.Time
	began   Time // what Now was at base
	panics  atomic.Int64
	fullAt  [2]atomic.Int64 // when OnFull was last called, for FullConns and FullFiles
	await   chan struct{}   // one token per goroutine that runs an Await
	mu      sync.Mutex      // guards what follows
	watches []*Listener     // what Listen made, by index; nil when closed
	running bool
	stopped bool
	done    sync.WaitGroup
	quiet   chan struct{} // a stopping loop has no task left
	letGo   atomic.Int64  // bytes that loops have dropped since memory last went back to the system
	freeing atomic.Bool   // it does so at this moment
	scrambling
}

// awaits is how many functions given to Await run at once. Each may hold a thread in a disk read, and the Go runtime
// gives up at 10,000 threads.
const awaits = 512

// New makes an engine whose loops do not run yet; sockets and listeners may be registered at once.
func New(o Options) (*Engine, error) {
	o.Loops = max(o.Loops, 1)
	e := &Engine{o: o, await: make(chan struct{}, awaits), quiet: make(chan struct{}, 1)}
	e.base, e.began = e.clock(), Time(time.Second)
	if o.Clock == nil {
		e.began = systemTime()
	}
	e.SetMaxConns(o.MaxConns)
	e.setUp()
	for i := range o.Loops {
		l, err := newLoop(e, i)
		if err != nil {
			for _, l := range e.Loops {
				l.release()
			}
			return nil, err
		}
		e.Loops = append(e.Loops, l)
	}
	return e, nil
}

// SetMaxConns changes Options.MaxConns. Connections beyond it stay until they end. Any goroutine.
func (e *Engine) SetMaxConns(n int) {
	if n <= 0 {
		n = 1 << 30
	}
	e.most.Store(int64(n))
}

// Now reads the clock. Any goroutine. On a loop, [Loop.Now] costs nothing.
func (e *Engine) Now() Time {
	if e.o.Clock == nil {
		return Time(time.Since(e.base)) + e.began // it reads one clock and not two
	}
	return Time(e.o.Clock().Sub(e.base)) + e.began
}

// clock is what the time is.
func (e *Engine) clock() time.Time {
	if e.o.Clock == nil {
		return time.Now()
	}
	return e.o.Clock()
}

// Run starts one goroutine per loop and returns.
//
// It sets GOMAXPROCS to the number of loops and two more, unless the environment says otherwise: with none to spare, a
// collector or an Await takes a loop's processor away (measured: 8.0–8.4 µs per proxied request with two, 8.9–10.8 with none).
func (e *Engine) Run() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running || e.stopped {
		return
	}
	e.running = true
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(len(e.Loops) + 2)
	}
	for _, l := range e.Loops {
		e.done.Go(l.run)
	}
}

// CloseIdle wakes every parked connection with WokeShutdown. Any goroutine.
func (e *Engine) CloseIdle() {
	for _, l := range e.Loops {
		l.Post(l.wakeParked)
	}
}

// Each has f look at every connection, on its loop and outside a task; f may close it. Any goroutine.
func (e *Engine) Each(f func(c *Conn)) {
	for _, l := range e.Loops {
		l.Post(func() {
			for i := range l.slots.len {
				if c := l.slots.at(i).conn; c != nil {
					f(c)
				}
			}
		})
	}
}

// Stop ends the loops: listeners are taken out, parked connections wake with WokeShutdown, every wait of a task gives
// ErrStopped; when no task is left, what is still open is closed. It returns when all that is done, so an Await holds it up.
// Any goroutine but a loop's. Listening descriptors are not closed.
func (e *Engine) Stop() {
	e.mu.Lock()
	running := e.running
	again := e.stopped
	e.stopped = true
	e.mu.Unlock()
	if again {
		e.done.Wait()
		return
	}
	if !running {
		for _, l := range e.Loops {
			l.closeAll()
			l.release()
		}
		return
	}
	for _, l := range e.Loops {
		l.Post(l.stop)
	}
	for quiet := 0; quiet < 2; {
		// Twice: what a loop posted to another before its own last task ended is in the other's queue before the
		// second question.
		if e.tasksLeft() {
			quiet = 0
			<-e.quiet
		} else {
			quiet++
		}
	}
	for _, l := range e.Loops {
		l.Post(func() { l.ended = true })
	}
	e.done.Wait()
	for _, l := range e.Loops {
		l.release()
	}
}

// tasksLeft asks every loop whether a task lives on it.
func (e *Engine) tasksLeft() bool {
	answers := make(chan int, len(e.Loops))
	for _, l := range e.Loops {
		l.Post(func() { answers <- l.live })
	}
	left := 0
	for range e.Loops {
		left += <-answers
	}
	return left > 0
}

// panicked counts a recovered panic and reports it.
func (e *Engine) panicked(v any, stack []byte) {
	e.panics.Add(1)
	if e.o.OnPanic != nil {
		e.o.OnPanic(v, stack)
	}
}

// full reports that something ran out, at most once a second.
func (e *Engine) full(what string) {
	at := &e.fullAt[0]
	if what == FullFiles {
		at = &e.fullAt[1]
	}
	now, last := int64(e.Now()), at.Load()
	if e.o.OnFull == nil || (last != 0 && now-last < int64(time.Second)) || !at.CompareAndSwap(last, now) {
		return
	}
	e.o.OnFull(what)
}
