package loop

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestDial(t *testing.T) {
	e := start(t, Options{MaxConns: 100})
	addr := netip.MustParseAddrPort(listen(t, e, echo{}))
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	path := filepath.Join(t.TempDir(), "s")
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := unix.(*net.UnixListener).File()
	ln, err := e.Listen(int(f.Fd()), func(c *Conn) {
		c.Handler = echo{}
		c.Park(0, true)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	defer f.Close()
	defer ln.Close()
	tests := []struct {
		name string
		to   Addr
		o    DialOptions
		want error
	}{
		{"tcp", Addr{Net: addr}, DialOptions{NoDelay: true, Keepalive: true, SendBuf: 10000, RecvBuf: 10000}, nil},
		{"bound", Addr{Net: addr}, DialOptions{Bind: netip.MustParseAddrPort("127.0.0.2:0")}, nil},
		{"unix", Addr{Unix: path}, DialOptions{NoDelay: true}, nil},
		{"refused", Addr{Net: netip.MustParseAddrPort(dead.Addr().String())}, DialOptions{}, syscall.ECONNREFUSED},
		{"no such socket", Addr{Unix: path + "x"}, DialOptions{}, syscall.ENOENT},
		{"long path", Addr{Unix: path + string(make([]byte, 200))}, DialOptions{}, syscall.ENAMETOOLONG},
		{"not our address", Addr{Net: addr}, DialOptions{Bind: netip.MustParseAddrPort("192.0.2.1:0")}, syscall.EADDRNOTAVAIL},
		{"bind of another family", Addr{Net: addr}, DialOptions{Bind: netip.MustParseAddrPort("[::1]:0")}, syscall.EAFNOSUPPORT},
		{"no address", Addr{}, DialOptions{}, syscall.EDESTADDRREQ},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			task(e.Loops[0], func(k *Task) {
				c, err := k.Loop().Dial(k, tt.to, tt.o, k.After(patience))
				if err != tt.want {
					t.Errorf("%v; want %v", err, tt.want)
				}
				if err != nil {
					return
				}
				defer c.Close()
				b := []byte("hello")
				if _, err := c.Write(k, b, 0); err != nil {
					t.Error(err)
				}
				if n, err := c.Read(k, b, 0); n != 5 || err != nil {
					t.Errorf("%d, %v", n, err)
				}
				if c.Peer() != tt.to.Net {
					t.Errorf("peer %v; want %v", c.Peer(), tt.to.Net)
				}
				if tt.o.Bind.IsValid() && c.Local().Addr() != tt.o.Bind.Addr() {
					t.Errorf("local %v", c.Local())
				}
			})
		})
	}
}

// TestDialTimeout fills a backlog of one, so that the kernel drops the next SYN.
func TestDialTimeout(t *testing.T) {
	e := start(t, Options{MaxConns: 100})
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Listen(fd, 0)
	sa, _ := syscall.Getsockname(fd)
	to := Addr{Net: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(sa.(*syscall.SockaddrInet4).Port))}
	task(e.Loops[0], func(k *Task) {
		var err error
		for range 10 {
			var c *Conn
			if c, err = k.Loop().Dial(k, to, DialOptions{}, k.After(50*time.Millisecond)); err != nil {
				break
			}
			defer c.Close()
		}
		if err != ErrTimeout {
			t.Errorf("%v; want ErrTimeout", err)
		}
		mine, theirs := pair(t)
		watch, err := k.Loop().Register(mine, netip.AddrPort{})
		if err != nil {
			t.Error(err)
			return
		}
		defer watch.Close()
		time.AfterFunc(20*time.Millisecond, func() { syscall.Close(theirs) })
		if _, err = k.Loop().Dial(k, to, DialOptions{Watch: &watch.Source}, k.After(patience)); err != ErrWatched {
			t.Errorf("%v; want ErrWatched", err)
		}
	})
}

func TestSplice(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	for _, n := range []int64{-1, 3_000_000, 5_000_000, 9_000_000} {
		src, feed := pair(t)
		dst, sink := pair(t)
		data := make([]byte, 5_000_000)
		r := rand.NewChaCha8([32]byte{1})
		_, _ = r.Read(data)
		_ = syscall.SetNonblock(feed, false)
		_ = syscall.SetNonblock(sink, false)
		in, out := os.NewFile(uintptr(feed), "feed"), os.NewFile(uintptr(sink), "sink")
		go func() {
			_, _ = in.Write(data)
			in.Close()
		}()
		var got [32]byte
		var size int64
		var read sync.WaitGroup
		read.Go(func() {
			h := sha256.New()
			size, _ = io.Copy(h, out)
			h.Sum(got[:0])
		})
		task(l, func(k *Task) {
			cs, _ := l.Register(src, netip.AddrPort{})
			cd, _ := l.Register(dst, netip.AddrPort{})
			moved, err := Splice(k, cd, cs, n, patience)
			want := int64(len(data))
			if n >= 0 {
				want = min(n, want)
			}
			if moved != want || err != nil {
				t.Errorf("Splice(%d) = %d, %v; want %d", n, moved, err, want)
			}
			cs.Close()
			cd.Close()
			read.Wait() // the loop has nothing else to do
			if size != want || got != sha256.Sum256(data[:want]) {
				t.Errorf("Splice(%d): %d bytes came, or others", n, size)
			}
		})
		out.Close()
	}
	src, feed := pair(t)
	dst, sink := pair(t)
	task(l, func(k *Task) {
		cs, _ := l.Register(src, netip.AddrPort{})
		cd, _ := l.Register(dst, netip.AddrPort{})
		if n, err := Splice(k, cd, cs, -1, time.Millisecond); n != 0 || err != ErrTimeout {
			t.Errorf("%d, %v; want ErrTimeout", n, err)
		}
		_, _ = syscall.Write(feed, []byte("x"))
		syscall.Close(sink)
		if n, err := Splice(k, cd, cs, -1, time.Millisecond); n != 0 || err != syscall.EPIPE {
			t.Errorf("%d, %v; want EPIPE", n, err)
		}
		if l.pipes.Len() > 1 {
			t.Errorf("%d pipes", l.pipes.Len())
		}
		cs.Close()
		cd.Close()
	})
	syscall.Close(feed)
}

func TestSendfile(t *testing.T) {
	e := start(t, Options{})
	path := filepath.Join(t.TempDir(), "f")
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := int(f.Fd())
	addr := listenWith(t, e, func(c *Conn) {
		c.Loop().Go(func(k *Task) {
			defer c.Close()
			for off := 0; off < len(data); {
				n, err := c.TrySendfile(fd, int64(off), len(data)-off)
				off += n
				if err == ErrAgain {
					err = k.Poll(&Wait{A: &c.Source, AWant: Out})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
			if _, err := c.TrySendfile(fd, int64(len(data)), 10); err != io.ErrUnexpectedEOF {
				t.Errorf("past the end: %v", err)
			}
		})
	})
	got, err := io.ReadAll(dial(t, addr))
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
