package loop

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// udp is a datagram socket on a loopback port.
func udp(t testing.TB) (fd int, addr netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f, err := c.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if fd, err = syscall.Dup(int(f.Fd())); err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	for _, name := range []int{syscall.SO_RCVBUF, syscall.SO_SNDBUF} {
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, name, 4<<20)
	}
	return fd, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func openPackets(t testing.TB, l *Loop, fd int, got func(p *Packets, d Datagram)) (p *Packets) {
	t.Helper()
	var err error
	on(l, func() { p, err = l.OpenPackets(fd, got) })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func echoPackets(p *Packets, d Datagram) { _ = p.Send(d) }

// TestPacketsEcho has plain clients send datagrams of all sizes, some at once.
func TestPacketsEcho(t *testing.T) {
	e := start(t, Options{Loops: 2, OnPanic: func(v any, s []byte) { t.Errorf("%v\n%s", v, s) }})
	fd, addr := udp(t)
	openPackets(t, e.Loops[0], fd, echoPackets)
	for i := range 4 {
		c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(addr))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadBuffer(1 << 20)
		_ = c.SetDeadline(time.Now().Add(patience))
		rnd := rand.New(rand.NewPCG(uint64(i), 9))
		got := make([]byte, 65536)
		for range 50 {
			var sent [][]byte
			size := rnd.IntN(3000)
			for range 1 + rnd.IntN(30) {
				if rnd.IntN(4) == 0 {
					size = rnd.IntN(3000)
				}
				p := make([]byte, size)
				for i := range p {
					p[i] = byte(rnd.Uint32())
				}
				sent = append(sent, p)
				if _, err := c.Write(p); err != nil {
					t.Fatal(err)
				}
			}
			for i, want := range sent {
				n, err := c.Read(got)
				if err != nil || !bytes.Equal(got[:n], want) {
					t.Fatalf("datagram %d of %d: %d bytes, %v; want %d", i, len(sent), n, err, len(want))
				}
			}
		}
		c.Close()
	}
}

// TestPacketsGoAsOne sends many of one size in one turn: they arrive apart, also where they went as one.
func TestPacketsGoAsOne(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	fd, _ := udp(t)
	p := openPackets(t, l, fd, echoPackets)
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadBuffer(4 << 20)
	to := c.LocalAddr().(*net.UDPAddr).AddrPort()
	sizes := []int{1000, 1000, 1000, 400, 1000, 1, 1, 0, 1200, 1200, 1300}
	for range 200 {
		sizes = append(sizes, 1200)
	}
	on(l, func() {
		for i, size := range sizes {
			if err := p.Send(Datagram{to, bytes.Repeat([]byte{byte(i)}, size)}); err != nil {
				t.Error(err)
			}
		}
	})
	_ = c.SetDeadline(time.Now().Add(patience))
	buf := make([]byte, 65536)
	for i, size := range sizes {
		n, err := c.Read(buf)
		if err != nil || n != size || n > 0 && (buf[0] != byte(i) || buf[n-1] != byte(i)) {
			t.Fatalf("datagram %d: %d bytes, %v; want %d", i, n, err, size)
		}
	}
}

// TestPacketsWaitForRoom sends more than the socket takes: what was taken arrives, in order, and who waits is told when there is room.
func TestPacketsWaitForRoom(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := openPackets(t, l, pair[0], echoPackets)
	const count = 5000
	waited, full, sent := 0, make(chan struct{}), make(chan struct{})
	l.Post(func() {
		l.Go(func(k *Task) {
			defer close(sent)
			var b [100]byte
			for i := range uint32(count) {
				binary.BigEndian.PutUint32(b[:], i)
				for p.Send(Datagram{Data: b[:]}) == ErrAgain {
					if waited++; waited == 1 {
						close(full)
					}
					if err := k.Poll(&Wait{A: p.AsSource(), AWant: Out, Deadline: k.After(patience)}); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	})
	select { // nothing is read before there is no room
	case <-full:
	case <-time.After(patience):
		t.Fatal("there was always room")
	}
	buf := make([]byte, 200)
	for i := range uint32(count) {
		n, err := syscall.Read(pair[1], buf)
		if err == syscall.EINTR {
			n, err = syscall.Read(pair[1], buf)
		}
		if err != nil || n != 100 || binary.BigEndian.Uint32(buf) != i {
			t.Fatalf("datagram %d: %d bytes, %v, number %d", i, n, err, binary.BigEndian.Uint32(buf))
		}
	}
	<-sent
	syscall.Close(pair[1])
}

// TestPacketsTellFailure sends to nobody, and closes in the midst of what comes.
func TestPacketsTellFailure(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	nobody, addr := udp(t)
	syscall.Close(nobody)
	fd, own := udp(t)
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	p := openPackets(t, l, fd, echoPackets)
	var failed atomic.Int32
	on(l, func() {
		p.Failed = func(err error) {
			if err != syscall.ECONNREFUSED {
				t.Error(err)
			}
			failed.Add(1)
			_ = p.Send(Datagram{Data: []byte("again")})
		}
		_ = p.Send(Datagram{Data: []byte("x")})
	})
	if !eventually(func() bool { return failed.Load() > 2 }) {
		t.Error("nobody told of the failure")
	}
	on(l, func() {
		p.Failed = nil
		if err := p.Send(Datagram{addr, make([]byte, 70_000)}); err != syscall.EMSGSIZE {
			t.Errorf("%v; want EMSGSIZE", err)
		}
		p.Close()
		p.Close()
		if err := p.Send(Datagram{Data: []byte("x")}); err != ErrClosed {
			t.Errorf("%v; want closed", err)
		}
	})
	_ = own
	come := 0
	fd, addr = udp(t)
	openPackets(t, l, fd, func(p *Packets, _ Datagram) {
		come++
		p.Close()
	})
	c, _ := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(addr))
	for range 10 {
		_, _ = c.Write([]byte("x"))
	}
	if !eventually(func() bool {
		n := 0
		on(l, func() { n = come })
		return n == 1
	}) {
		t.Errorf("%d datagrams came; want one", come)
	}
	c.Close()
}

// TestPacketsAllocateNothing echoes in bursts.
func TestPacketsAllocateNothing(t *testing.T) {
	skipPortable(t)
	e := start(t, Options{})
	fd, addr := udp(t)
	openPackets(t, e.Loops[0], fd, echoPackets)
	c, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(c)
	if err := syscall.Connect(c, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1200)
	n := testing.AllocsPerRun(1000, func() {
		for range 8 {
			_, _ = syscall.Write(c, b)
		}
		for range 8 {
			_, _ = syscall.Read(c, b)
		}
	})
	if n != 0 && !checking {
		t.Errorf("8 datagrams there and back allocate %v times; want 0", n)
	}
}

// BenchmarkPackets is an echo of datagrams of 1200 bytes between two loops, with 256 under way.
func BenchmarkPackets(b *testing.B) {
	e := start(b, Options{Loops: 2})
	fd, addr := udp(b)
	openPackets(b, e.Loops[0], fd, echoPackets)
	fd, _ = udp(b)
	data := make([]byte, 1200)
	left, done := b.N, make(chan struct{})
	var p *Packets
	p = openPackets(b, e.Loops[1], fd, func(*Packets, Datagram) {
		if left--; left == 0 {
			close(done)
		} else if left >= 256 {
			_ = p.Send(Datagram{addr, data})
		}
	})
	b.ReportAllocs()
	b.ResetTimer()
	on(e.Loops[1], func() {
		for range min(b.N, 256) {
			_ = p.Send(Datagram{addr, data})
		}
	})
	select {
	case <-done:
	case <-time.After(patience):
		b.Fatalf("%d datagrams were lost", left)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "datagrams/s")
}
