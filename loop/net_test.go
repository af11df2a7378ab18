package loop

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
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
		k.Loop().Post(func() { syscall.Close(theirs) }) // the task waits by then
		if _, err = k.Loop().Dial(k, to, DialOptions{Watch: &watch.Source}, k.After(patience)); err != ErrWatched {
			t.Errorf("%v; want ErrWatched", err)
		}
	})
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
