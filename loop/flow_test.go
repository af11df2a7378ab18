package loop

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"syscall"
	"testing"
)

// TestFlow moves bytes through tunnels in every way: in bursts that are copied and in bulk that is spliced, with something read before,
// to readers that are slow, over a layer or none. Both directions at once; what comes out is what went in, and nothing is left behind.
func TestFlow(t *testing.T) {
	for round := range 40 {
		rnd := rand.New(rand.NewPCG(uint64(round), 5))
		e := start(t, Options{OnPanic: func(v any, s []byte) { t.Errorf("%v\n%s", v, s) }})
		l := e.Loops[0]
		a, feedA := pair(t)
		b, feedB := pair(t)
		sizes := [2]int{rnd.IntN(3_000_000), rnd.IntN(100_000)}
		layered, before := round%5 == 4, rnd.IntN(2)*rnd.IntN(10_000)
		outcome := make(chan error, 4)
		for i, fd := range []int{feedA, feedB} {
			_ = syscall.SetNonblock(fd, false)
			seed, skip := rnd.Uint64(), 0
			if i == 0 {
				skip = min(before, sizes[0])
			}
			go func() { outcome <- feed(fd, skip, sizes[i], seed) }()
			go func() { outcome <- drink(fd, sizes[1-i], seed) }()
		}
		task(l, func(k *Task) {
			ca, _ := l.Register(a, netip.AddrPort{})
			cb, _ := l.Register(b, netip.AddrPort{})
			if layered {
				y := &plainLayer{}
				y.raw = cb.AddLayer(y)
			}
			first := numbers(0, min(before, sizes[0]))
			up, down := Flow{From: ca, To: cb, Data: first}, Flow{From: cb, To: ca}
			if err := runTunnel(k, &up, &down); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
			if up.Wrote != int64(sizes[0]) || up.Read != int64(sizes[0]-len(first)) || down.Wrote != int64(sizes[1]) || down.Read != int64(sizes[1]) {
				t.Errorf("round %d: %d and %d read, %d and %d written; want %v", round, up.Read, down.Read, up.Wrote, down.Wrote, sizes)
			}
			up.Close(l)
			down.Close(l)
			ca.Close()
			cb.Close()
		})
		within(t, fmt.Sprintf("round %d", round), func() {
			for range 4 {
				if err := <-outcome; err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			}
		})
		syscall.Close(feedA)
		syscall.Close(feedB)
	}
}

// plainLayer changes nothing.
type plainLayer struct{ raw *Raw }

func (y *plainLayer) TryRead(p []byte) (int, error)  { return y.raw.TryRead(p) }
func (y *plainLayer) TryWrite(p []byte) (int, error) { return y.raw.Write(p[:min(len(p), 16<<10)]) }
func (y *plainLayer) Pending() bool                  { return false }
func (y *plainLayer) CloseWrite() error              { return nil }
func (y *plainLayer) Close()                         {}

// runTunnel runs a tunnel until both directions are done.
func runTunnel(t *Task, up, down *Flow) error {
	flows, shut := []*Flow{up, down}, 0
	for {
		w := Wait{A: up.From.AsSource(), B: down.From.AsSource(), Deadline: t.After(patience)}
		for i, f := range flows {
			if err := f.Move(t); err != nil {
				return err
			}
			if f.Done() && shut&(1<<i) == 0 {
				shut |= 1 << i
				_ = f.To.CloseWrite()
			}
		}
		if shut == 3 {
			return nil
		}
		wantA, wantB := up.wants(down)
		w.AWant, w.BWant = wantA, wantB
		if err := t.Poll(&w); err != nil {
			return err
		}
	}
}

// wants is what a tunnel of f and its counterpart waits for, at the ends From of both.
func (f *Flow) wants(back *Flow) (a, b Ready) {
	switch {
	case f.Blocked():
		b |= Out
	case !f.ended:
		a |= In
	}
	switch {
	case back.Blocked():
		a |= Out
	case !back.ended:
		b |= In
	}
	return a, b
}

func numbers(from, to int) []byte {
	p := make([]byte, to-from)
	for i := range p {
		p[i] = byte((from + i) % 251)
	}
	return p
}

// feed writes in bursts and ends.
func feed(fd, at, size int, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 1))
	for at < size {
		p := numbers(at, min(size, at+1+r.IntN(200_000)))
		for len(p) > 0 {
			n, err := syscall.Write(fd, p)
			if err != nil && err != syscall.EINTR {
				return fmt.Errorf("feed: %w", err)
			}
			p, at = p[max(n, 0):], at+max(n, 0)
		}
	}
	return syscall.Shutdown(fd, syscall.SHUT_WR)
}

// drink reads in odd sizes, and compares.
func drink(fd, size int, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 2))
	p := make([]byte, 100_000)
	for at := 0; ; {
		n, err := syscall.Read(fd, p[:1+r.IntN(len(p))])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("drink: %w", err)
		}
		if n == 0 {
			if at != size {
				return fmt.Errorf("%d bytes came; want %d", at, size)
			}
			return nil
		}
		for i := range n {
			if p[i] != byte((at+i)%251) {
				return fmt.Errorf("byte %d is wrong", at+i)
			}
		}
		at += n
	}
}

// TestFlowTellsWhichEndBroke has each end fail in turn.
func TestFlowTellsWhichEndBroke(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	for _, from := range []bool{true, false} {
		a, feedA := pair(t)
		b, feedB := pair(t)
		task(l, func(k *Task) {
			ca, _ := l.Register(a, netip.AddrPort{})
			cb, _ := l.Register(b, netip.AddrPort{})
			f := Flow{From: ca, To: cb}
			_, _ = syscall.Write(feedA, []byte("x"))
			if from {
				ca.Close()
			} else {
				cb.Close()
			}
			_ = k.Poll(&Wait{A: &ca.Source, AWant: In})
			if err := f.Move(k); err != ErrClosed || f.Broke() != from {
				t.Errorf("%v, broke %t; want closed, %t", err, f.Broke(), from)
			}
			f.Close(l)
			ca.Close()
			cb.Close()
		})
		syscall.Close(feedA)
		syscall.Close(feedB)
	}
}
