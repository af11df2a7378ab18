package chaos

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"weir/weirtest"
)

// A crowd is many clients that ask for one thing at once. One goroutine does all of their work, and the kernel stamps what comes when it comes: what
// is measured is the server, not who gets to run on a busy machine.
type crowd struct {
	t     *testing.T
	epoll int
	all   []*onlooker
	byFD  map[int]*onlooker
	want  []byte
}

// An onlooker is one client of a crowd.
type onlooker struct {
	fd     int
	head   []byte
	inHead bool
	got    int       // bytes of the body
	first  time.Time // when the first byte of the answer came
}

func newCrowd(t *testing.T, addr string, many int, path string) *crowd {
	t.Helper()
	e, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{t: t, epoll: e, byFD: map[int]*onlooker{}, want: bodyOf(path)}
	a, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	to := &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}
	for range many {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		o := &onlooker{fd: fd, inHead: true}
		c.all, c.byFD[fd] = append(c.all, o), o
		for _, err := range []error{
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
			unix.Connect(fd, to),
			unix.EpollCtl(e, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, o := range c.all {
		if _, err := unix.Write(o.fd, fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *crowd) close() {
	for _, o := range c.all {
		_ = unix.Close(o.fd)
	}
	_ = unix.Close(c.epoll)
}

// watch reads until all have got everything, and returns when the first byte has come to each, the earliest first.
func (c *crowd) watch() (first []time.Time) {
	c.t.Helper()
	until := time.Now().Add(12 * weirtest.Patience())
	events := make([]unix.EpollEvent, 256)
	buf := make([]byte, 1<<20)
	for left := len(c.all); left > 0; {
		n, err := unix.EpollWait(c.epoll, events, 1000)
		if err != nil && err != unix.EINTR || time.Now().After(until) {
			c.t.Fatalf("%d clients wait still: %v", left, err)
		}
		for i := range max(n, 0) {
			if c.read(c.byFD[int(events[i].Fd)], buf) {
				left--
			}
		}
	}
	for _, o := range c.all {
		first = append(first, o.first)
	}
	slices.SortFunc(first, time.Time.Compare)
	return first
}

// read reads what has come to one. over says that that was all.
func (c *crowd) read(o *onlooker, buf []byte) (over bool) {
	var control [64]byte
	n, m, _, _, err := unix.Recvmsg(o.fd, buf, control[:], 0)
	if err != nil {
		c.t.Fatal(err)
	}
	if n > 0 && o.first.IsZero() {
		o.first = stampOf(control[:m])
	}
	b := buf[:n]
	if o.inHead {
		o.head = append(o.head, b...)
		head, body, ok := bytes.Cut(o.head, []byte("\r\n\r\n"))
		if !ok {
			b = nil
		} else {
			if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
				c.t.Fatalf("%s", head)
			}
			o.inHead, o.head, b = false, nil, body
		}
	}
	if o.got+len(b) > len(c.want) || !bytes.Equal(b, c.want[o.got:o.got+len(b)]) {
		c.t.Fatalf("other bytes than there are, from %d on", o.got)
	}
	o.got += len(b)
	if n > 0 {
		return false
	}
	if o.got != len(c.want) {
		c.t.Errorf("%d bytes of %d", o.got, len(c.want))
	}
	_ = unix.EpollCtl(c.epoll, unix.EPOLL_CTL_DEL, o.fd, nil)
	return true
}

// stampOf is when the kernel has taken in what a message tells of.
func stampOf(control []byte) time.Time {
	all, err := unix.ParseSocketControlMessage(control)
	if err == nil {
		for _, m := range all {
			if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS {
				ts := (*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
				return time.Unix(ts.Unix())
			}
		}
	}
	return time.Now()
}

// TestChaosCacheCrowd has many clients ask for one large response that is not there: the origin is asked once, all get every byte, and the first of
// them within 50 ms after it was sent. On a machine that is busy with other things it is tried several times.
func TestChaosCacheCrowd(t *testing.T) {
	many := rounds(200, 1000)
	raiseFiles(t, uint64(2*many+200))
	for _, part := range []int{64 << 10, 1 << 20} {
		var all []time.Duration
		best := time.Hour
		for n := 0; n < rounds(1, 7) || n < 20 && best > slow(50*time.Millisecond); n++ {
			took := crowdOnce(t, many, part, fmt.Sprintf("/1048576/%d/%d", part, n))
			best = min(best, took)
			all = append(all, took)
		}
		slices.Sort(all)
		t.Logf("%d clients, parts of %d KB: all have the first byte %v after the origin's, or sooner in half of %d rounds, %v in the best",
			many, part>>10, all[len(all)/2], len(all), best)
		if best > slow(50*time.Millisecond) {
			t.Error("that is too late")
		}
	}
}

// crowdOnce reports how long after the origin has sent the first byte each of so many clients has one.
func crowdOnce(t *testing.T, many, part int, path string) time.Duration {
	hold := make(chan struct{})
	o := startOrigin(t, &origin{hold: hold, part: func(string, int) int { return part }, between: 10 * time.Millisecond})
	s, addr, _ := startCache(t, o, "")
	c := newCrowd(t, addr, many, path)
	defer c.close()
	if !weirtest.Eventually(func() bool { return o.requests.Load() > 0 && inWork(addr) > many }) {
		t.Fatalf("%d requests at the origin, %d here", o.requests.Load(), inWork(addr))
	}
	close(hold)
	first := c.watch()
	if n := o.requests.Load(); n != 1 {
		t.Errorf("the origin was asked %d times", n)
	}
	if _, err := s.Stop(unix.SIGTERM); err != nil {
		t.Error(err)
	}
	return first[many-1].Sub(time.Unix(0, o.first.Load()))
}

// inWork is how many requests a server has, with that for this.
func inWork(addr string) (n int) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return 0
	}
	defer func() { _ = c.Close() }()
	fmt.Fprint(c, "GET /status HTTP/1.0\r\n\r\n")
	text, _ := io.ReadAll(c)
	if _, after, ok := bytes.Cut(text, []byte("Writing: ")); ok {
		_, _ = fmt.Sscan(string(after), &n)
	}
	return n
}
