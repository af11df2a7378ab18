package loop

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// creditLayer is a layer in which everything depends on everything: what it writes needs credit, which it reads; what it reads it has to
// give credit for, and it does not read on while that is unsent.
//
// A frame is 'C', or 'D', a length and that many bytes. A credit is good for one frame of data.
type creditLayer struct {
	raw    *Raw
	credit int
	in     []byte // unparsed
	ready  []byte
	end    error
	most   int // bytes in a frame
	closed int
}

func (y *creditLayer) TryRead(p []byte) (int, error) {
	for len(y.ready) == 0 {
		if y.raw.Conn().Unsent() > 0 {
			return 0, ErrWantWrite
		}
		if y.end != nil {
			return 0, y.end
		}
		if err := y.pull(); err != nil {
			return 0, err
		}
	}
	n := copy(p, y.ready)
	y.ready = y.ready[n:]
	return n, nil
}

// pull reads from the socket and takes what has come apart.
func (y *creditLayer) pull() error {
	var room [512]byte
	n, err := y.raw.TryRead(room[:])
	if err == ErrAgain {
		return err
	}
	y.in, y.end = append(y.in, room[:n]...), err
	for len(y.in) > 0 {
		if y.in[0] == 'C' {
			y.credit++
			y.in = y.in[1:]
			continue
		}
		if len(y.in) < 2 || len(y.in) < 2+int(y.in[1]) {
			break
		}
		y.ready = append(y.ready, y.in[2:2+y.in[1]]...)
		y.in = y.in[2+y.in[1]:]
		if _, err := y.raw.Write([]byte("C")); err != nil {
			y.end = err
		}
	}
	return nil
}

func (y *creditLayer) TryWrite(p []byte) (int, error) {
	for y.credit == 0 {
		if y.end != nil {
			return 0, y.end
		}
		if err := y.pull(); err == ErrAgain {
			return 0, ErrWantRead
		}
	}
	n := min(len(p), y.most)
	y.credit--
	_, err := y.raw.Write(append([]byte{'D', byte(n)}, p[:n]...))
	return n, err
}

func (y *creditLayer) Pending() bool     { return len(y.ready) > 0 || y.end != nil }
func (y *creditLayer) CloseWrite() error { return nil }
func (y *creditLayer) Close()            { y.closed++ }

// TestLayerLosesNoWakeUp sends bytes both ways through layers of which no side gets on without the other, over sockets with little
// room. A lost wake-up would be a hang, a wait that does not wait would run away.
func TestLayerLosesNoWakeUp(t *testing.T) {
	for round := range 20 {
		e := start(t, Options{Loops: 2})
		rnd := rand.New(rand.NewPCG(uint64(round), 7))
		a, b := pair(t)
		for _, fd := range []int{a, b} {
			_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, 1)
		}
		size := 200 + rnd.IntN(100_000)
		results := make(chan error, 4)
		for i, fd := range []int{a, b} {
			most, seed := 1+rnd.IntN(200), rnd.Uint64()
			l := e.Loops[i]
			l.Post(func() {
				c, err := l.Register(fd, netip.AddrPort{})
				if err != nil {
					panic(err)
				}
				y := &creditLayer{most: most, credit: 1}
				y.raw = c.AddLayer(y)
				l.Go(func(t *Task) { results <- sendNumbers(t, c, size, seed) })
				l.Go(func(t *Task) { results <- receiveNumbers(t, c, size, seed) })
			})
		}
		within(t, fmt.Sprintf("round %d", round), func() {
			for range 4 {
				if err := <-results; err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			}
		})
		e.Each(func(c *Conn) { c.Close() })
		reach(t, e, 0, 0, 0)
	}
}

func sendNumbers(t *Task, c *Conn, size int, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 1))
	for at := 0; at < size; {
		p := make([]byte, min(1+r.IntN(3000), size-at))
		for i := range p {
			p[i] = byte((at + i) % 251)
		}
		n, err := c.Write(t, p, patience)
		if err != nil {
			return fmt.Errorf("write at %d: %w", at+n, err)
		}
		at += n
	}
	return nil
}

func receiveNumbers(t *Task, c *Conn, size int, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 2))
	misses, p := 0, make([]byte, 3000)
	for at := 0; at < size; {
		n, err := c.TryRead(p[:1+r.IntN(len(p))])
		if err == ErrAgain {
			if misses++; misses > 20*size {
				return errors.New("a wait that does not wait")
			}
			if err := c.wait(t, In, t.After(patience)); err != nil {
				return fmt.Errorf("wait at %d: %w", at, err)
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("read at %d: %w", at, err)
		}
		for i := range n {
			if p[i] != byte((at+i)%251) {
				return fmt.Errorf("byte %d is wrong", at+i)
			}
		}
		at += n
	}
	return nil
}

// upperLayer passes everything on, changed a little, and takes all that it is given.
type upperLayer struct {
	raw  *Raw
	last string // what CloseWrite and Close write
}

func (y *upperLayer) TryRead(p []byte) (int, error) { return y.raw.TryRead(p) }
func (y *upperLayer) TryWrite(p []byte) (int, error) {
	return y.raw.Write(bytes.ToUpper(p))
}
func (y *upperLayer) Pending() bool { return false }
func (y *upperLayer) CloseWrite() error {
	_, err := io.WriteString(y.raw, y.last)
	y.last = ""
	return err
}
func (y *upperLayer) Close() { _, _ = io.WriteString(y.raw, y.last) }

// TestClosedLayerSendsTheRest closes connections that still have bytes for a socket without room: they arrive, in whichever way the
// connection was closed, also when the server stops, but for a reset.
func TestClosedLayerSendsTheRest(t *testing.T) {
	const size = 3 << 20
	for _, how := range []string{"close", "half", "stop", "reset"} {
		t.Run(how, func(t *testing.T) {
			e := start(t, Options{})
			a, b := pair(t)
			l := e.Loops[0]
			task(l, func(k *Task) {
				c, _ := l.Register(a, netip.AddrPort{})
				y := &upperLayer{last: "bye"}
				y.raw = c.AddLayer(y)
				if n, err := c.TryWrite(bytes.Repeat([]byte("x"), size)); n != size || err != nil {
					t.Errorf("wrote %d, %v", n, err)
				}
				if c.Unsent() == 0 || c.Writable() {
					t.Error("nothing is left to be sent")
				}
				switch how {
				case "half":
					if err := c.CloseWrite(); err != nil {
						t.Error(err)
					}
				case "reset":
					c.CloseReset()
				default:
					c.Close()
				}
			})
			stopped := make(chan struct{})
			go func() {
				if how == "stop" {
					e.Stop()
				}
				close(stopped)
			}()
			got := readAll(b)
			if how == "reset" {
				if len(got) == size+3 {
					t.Error("a reset sent all")
				}
			} else if want := string(bytes.Repeat([]byte("X"), size)) + "bye"; string(got) != want {
				t.Errorf("%d bytes came; want %d", len(got), len(want))
			}
			<-stopped
			if how == "half" {
				e.Each(func(c *Conn) { c.Close() })
			}
			syscall.Close(b)
			if how != "stop" {
				reach(t, e, 0, 0, 0)
			}
		})
	}
}

// readAll reads a descriptor to its end.
func readAll(fd int) (got []byte) {
	_ = syscall.SetNonblock(fd, false)
	buf := make([]byte, 64<<10)
	for {
		n, err := syscall.Read(fd, buf)
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 {
			return got
		}
		got = append(got, buf[:n]...)
	}
}

// TestAdoptTakesTheLayerAlong parks a connection whose layer has something to hand over yet, and adopts it.
func TestAdoptTakesTheLayerAlong(t *testing.T) {
	e := start(t, Options{Loops: 2})
	from, to := e.Loops[0], e.Loops[1]
	a, b := pair(t)
	_, _ = syscall.Write(b, []byte("D\x04worlD\x01dC"))
	parked := make(chan *Conn)
	from.Post(func() {
		from.Go(func(k *Task) {
			c, _ := from.Register(a, netip.AddrPort{})
			c.Handler = wake(func(*Task, *Conn, Woke) {})
			y := &creditLayer{most: 100}
			y.raw = c.AddLayer(y)
			var p [2]byte
			n, err := c.Read(k, p[:], 0)
			if string(p[:n]) != "wo" || err != nil {
				t.Errorf("read %q, %v", p[:n], err)
			}
			if !c.Readable() {
				t.Error("not readable, though the layer has more")
			}
			c.flags &^= uint8(In) // or it would wake
			c.Park(0, true)
			parked <- c
		})
	})
	c := <-parked
	task(to, func(k *Task) {
		c := to.Adopt(c)
		if !c.Layered() || !c.Readable() {
			t.Error("the layer has not come along")
		}
		p := make([]byte, 9)
		n, err := c.Read(k, p, 0)
		if string(p[:n]) != "rld" || err != nil {
			t.Errorf("read %q, %v", p[:n], err)
		}
		if n, err := c.Write(k, []byte("!"), patience); n != 1 || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
		c.Close()
	})
	if got := readAll(b); string(got) != "CCD\x01!" {
		t.Errorf("the other end got %q", got)
	}
	syscall.Close(b)
	reach(t, e, 0, 0, 0)
}

// TestLayerTellsWhatBroke writes into a connection whose peer has gone.
func TestLayerTellsWhatBroke(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	a, b := pair(t)
	task(l, func(k *Task) {
		c, _ := l.Register(a, netip.AddrPort{})
		y := &upperLayer{}
		y.raw = c.AddLayer(y)
		_, _ = c.TryWrite(make([]byte, 1<<20))
		syscall.Close(b)
		if _, err := c.Write(k, []byte("x"), patience); err != syscall.EPIPE && err != syscall.ECONNRESET {
			t.Errorf("%v; want that the peer has gone", err)
		}
		c.Close()
	})
	reach(t, e, 0, 0, 0)
}

// TestLayerSendsFiles has a file go through memory, together with what is before it.
func TestLayerSendsFiles(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	_, _ = file.Write(bytes.Repeat([]byte("file "), 30_000))
	a, b := pair(t)
	sum := fnv.New64a()
	done := make(chan struct{})
	go func() {
		sum.Write(readAll(b))
		close(done)
	}()
	task(l, func(k *Task) {
		c, _ := l.Register(a, netip.AddrPort{})
		y := &upperLayer{}
		y.raw = c.AddLayer(y)
		for off := int64(0); off < 150_000; {
			n, err := c.TrySendfile(int(file.Fd()), off, int(150_000-off))
			off += int64(n)
			if err == ErrAgain {
				err = c.waitRoom(k, patience)
			}
			if err != nil {
				t.Error(err)
				break
			}
		}
		if _, err := c.TrySendfile(int(file.Fd()), 150_000, 10); err != io.ErrUnexpectedEOF && err != ErrAgain {
			t.Errorf("%v; want an early end", err)
		}
		c.Close()
	})
	<-done
	syscall.Close(b)
	want := fnv.New64a()
	want.Write(bytes.Repeat([]byte("FILE "), 30_000))
	if sum.Sum64() != want.Sum64() {
		t.Error("what came is not the file")
	}
	reach(t, e, 0, 0, 0)
}
