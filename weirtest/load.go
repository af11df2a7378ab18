package weirtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Load is a crowd of clients that ask all the time while something is done to a server. It knows of every request that failed how it
// failed, and on what connection.
type Load struct {
	addr  string
	stop  chan struct{}
	ended sync.Once
	crowd sync.WaitGroup

	mu       sync.Mutex
	answered []answered
	failures []Failure
}

type answered struct {
	how Way
	at  time.Time
}

// Way is how a client asks.
type Way string

// The ways there are.
const (
	Fresh  Way = "fresh"  // each request has a connection of its own
	Kept   Way = "kept"   // one connection for all, until the server says that it ends
	Socket Way = "socket" // a WebSocket: a request is a frame that must come back
)

// Fault is what a failed request has seen.
type Fault string

// The faults there are.
const (
	Refused Fault = "refused" // no connection
	Lost    Fault = "lost"    // the connection ended before the first byte of an answer
	Cut     Fault = "cut"     // the connection ended within the answer
	Wrong   Fault = "wrong"   // an answer, but not the one that was wanted
	Late    Fault = "late"    // nothing within the bench's patience
)

// Failure is a request that failed.
type Failure struct {
	Fault  Fault
	Way    Way
	Path   string
	Nth    int       // the place of the request on its connection, from 1
	Opened time.Time // when the client began to open the connection
	Asked  time.Time // when it began to send the request
	Failed time.Time
	Err    error
}

func (f Failure) String() string {
	return fmt.Sprintf("%s: request %d on a %s connection opened %v before, for %s, after %v: %v", f.Fault, f.Nth, f.Way,
		f.Asked.Sub(f.Opened).Round(time.Microsecond), f.Path, f.Failed.Sub(f.Asked).Round(time.Microsecond), f.Err)
}

// NewLoad is a load for the server at addr (host:port or unix:path), without any client yet.
func NewLoad(addr string) *Load { return &Load{addr: addr, stop: make(chan struct{})} }

// Join adds n clients that ask for path in this way.
func (l *Load) Join(n int, how Way, path string) {
	for range n {
		c := &loadClient{load: l, how: how, path: path}
		l.crowd.Go(c.run)
	}
}

// End has every client finish what it does, and waits for that; it may be called again.
func (l *Load) End() {
	l.ended.Do(func() { close(l.stop) })
	l.crowd.Wait()
}

// Failures are the requests that failed so far.
func (l *Load) Failures() []Failure {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.failures)
}

// Answered is the number of requests that were answered so far, in any way, or in this one.
func (l *Load) Answered(ways ...Way) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.answered {
		if len(ways) == 0 || slices.Contains(ways, a.how) {
			n++
		}
	}
	return n
}

// Times are when requests were answered from then on, in order.
func (l *Load) Times(from time.Time) []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := len(l.answered)
	for i > 0 && l.answered[i-1].at.After(from) {
		i--
	}
	times := make([]time.Time, 0, len(l.answered)-i)
	for _, a := range l.answered[i:] {
		times = append(times, a.at)
	}
	return times
}

// String has the figures.
func (l *Load) String() string {
	faults := map[Fault]int{}
	for _, f := range l.Failures() {
		faults[f.Fault]++
	}
	text := fmt.Sprintf("%d requests on fresh and %d on kept connections, %d frames", l.Answered(Fresh), l.Answered(Kept), l.Answered(Socket))
	for _, f := range []Fault{Refused, Lost, Cut, Wrong, Late} {
		text += fmt.Sprintf(", %d %s", faults[f], f)
	}
	return text
}

// loadClient is one of the crowd.
type loadClient struct {
	load *Load
	how  Way
	path string

	conn   net.Conn // nil: none
	r      *bufio.Reader
	opened time.Time
	nth    int
}

// run asks until the load ends. A pause between two requests, each time another, keeps a connection idle now and then, and leaves the
// processors to the server.
func (c *loadClient) run() {
	defer c.close()
	for {
		c.once()
		t := time.NewTimer(rand.N(6 * time.Millisecond))
		select {
		case <-t.C:
		case <-c.load.stop:
			return
		}
	}
}

// once does one request and writes down what came of it.
func (c *loadClient) once() {
	asked := time.Now()
	if c.conn == nil {
		c.opened, c.nth = asked, 0
	}
	c.nth++
	fault, err := c.ask()
	now := time.Now()
	if fault != "" {
		c.close()
	}
	c.load.mu.Lock()
	defer c.load.mu.Unlock()
	if fault == "" {
		c.load.answered = append(c.load.answered, answered{c.how, now})
		return
	}
	c.load.failures = append(c.load.failures, Failure{fault, c.how, c.path, c.nth, c.opened, asked, now, err})
}

func (c *loadClient) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// ask opens a connection when there is none, and asks once.
func (c *loadClient) ask() (Fault, error) {
	if c.conn == nil {
		if err := c.open(); err != nil {
			return Refused, err
		}
		if c.how == Socket {
			if fault, err := c.exchange("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n", 101); fault != "" {
				return fault, err
			}
		}
	}
	_ = c.conn.SetDeadline(time.Now().Add(Patience()))
	switch c.how {
	case Socket:
		return c.echo()
	case Fresh:
		defer c.close()
		return c.exchange("Connection: close\r\n", 200)
	}
	return c.exchange("", 200)
}

func (c *loadClient) open() error {
	network, addr := "tcp", c.load.addr
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
	}
	conn, err := net.DialTimeout(network, addr, Patience())
	if err != nil {
		return err
	}
	c.conn, c.r = conn, bufio.NewReader(conn)
	_ = conn.SetDeadline(time.Now().Add(Patience()))
	return nil
}

// exchange is one HTTP request and its answer.
func (c *loadClient) exchange(fields string, want int) (Fault, error) {
	if _, err := io.WriteString(c.conn, "GET "+c.path+" HTTP/1.1\r\nHost: a\r\n"+fields+"\r\n"); err != nil {
		return ended(Lost, err)
	}
	if _, err := c.r.Peek(1); err != nil {
		return ended(Lost, err)
	}
	a, err := ReadAnswer(c.r, "GET")
	switch {
	case err != nil:
		return ended(Cut, err)
	case a.Cut != nil:
		return ended(Cut, a.Cut)
	case a.Status != want:
		return Wrong, errors.New(a.String())
	case c.how == Kept && slices.ContainsFunc(a.Get("Connection"), func(v string) bool { return strings.EqualFold(v, "close") }):
		c.close() // as the server has told
	}
	return "", nil
}

// echo is a frame and its way back.
func (c *loadClient) echo() (Fault, error) {
	want := fmt.Appendf(nil, "frame %d", c.nth)
	if _, err := c.conn.Write(Frame(opText, want, true)); err != nil {
		return ended(Lost, err)
	}
	if _, err := c.r.Peek(1); err != nil {
		return ended(Lost, err)
	}
	_, got, err := ReadFrame(c.r)
	switch {
	case err != nil:
		return ended(Cut, err)
	case !bytes.Equal(got, want):
		return Wrong, fmt.Errorf("frame %q came back as %q", want, got)
	}
	return "", nil
}

// ended tells a connection that has ended from one on which nothing happens.
func ended(how Fault, err error) (Fault, error) {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT) {
		return Late, err
	}
	return how, err
}

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
