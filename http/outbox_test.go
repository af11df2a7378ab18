package http

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"weir/loop"
)

// onLoop runs f in a task of a fresh loop, with a connection to the test and the test's end of it.
func onLoop(t *testing.T, f func(k *loop.Task, c *loop.Conn, peer net.Conn)) {
	t.Helper()
	e, err := loop.New(loop.Options{OnPanic: func(v any, stack []byte) { t.Errorf("panic: %v\n%s", v, stack) }})
	if err != nil {
		t.Fatal(err)
	}
	e.Run()
	defer e.Stop()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fds[1]), "peer")
	peer, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	defer func() { _ = peer.Close() }()
	done := make(chan bool)
	l := e.Loops[0]
	l.Post(func() {
		c, err := l.Register(fds[0], netip.AddrPort{})
		if err != nil {
			t.Error(err)
			close(done)
			return
		}
		l.Go(func(k *loop.Task) {
			defer close(done)
			f(k, c, peer)
			c.Close()
		})
	})
	<-done
	l.Post(func() {})
	e.Stop()
	if n := l.Stats().Buffers; n != 0 {
		t.Errorf("%d buffers not given back", n)
	}
}

func TestOutboxWritesEverythingInOrder(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 20_000) // 320 KB: more than a socket takes at once
	path := t.TempDir() + "/f"
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	fd := int(f.Fd())
	for name, tt := range map[string]Manner{
		"sendfile":               {1 << 62, 1 << 30, true, false},
		"sendfile, nopush":       {1 << 62, 1 << 30, true, true},
		"memory":                 {1 << 62, 1 << 30, false, false},
		"memory, nopush":         {1 << 62, 1 << 30, false, true},
		"sendfile, small chunks": {1 << 62, 1000, true, true},
		"memory, small chunks":   {1 << 62, 999, false, false},
		"limited":                {777, 1 << 30, true, true},
		"limited, memory":        {777, 1 << 30, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var want []byte
			got := make(chan []byte, 1)
			onLoop(t, func(k *loop.Task, c *loop.Conn, peer net.Conn) {
				go func() {
					all, _ := io.ReadAll(peer)
					got <- all
				}()
				var o Outbox
				o.Reset(c)
				add := func(p Piece, b []byte) {
					o.Add(p)
					want = append(want, b...)
				}
				add(Mem([]byte("head")), []byte("head"))
				add(File(fd, 10, 100_000), content[10:100_010])
				add(Mem(nil), nil)
				for i := range 200 { // more than one writev takes
					own := k.Loop().Take(512)
					b := append(own[:0], byte(i), ' ')
					add(Piece{B: b, Own: own}, b)
				}
				own := k.Loop().Take(512)
				add(Piece{B: own[:0], Own: own}, nil)
				add(File(fd, 0, int64(len(content))), content)
				add(File(fd, 5, 1), content[5:6])
				add(Mem([]byte("tail")), []byte("tail"))
				if o.Queued() != int64(len(want)) {
					t.Errorf("queued %d; want %d", o.Queued(), len(want))
				}
				for o.Queued() > 0 {
					before := o.Sent
					err := o.Write(k, tt)
					if err != nil && err != loop.ErrAgain {
						t.Error(err)
						return
					}
					if n := o.Sent - before; n > min(tt.Limit, tt.Chunk) {
						t.Errorf("%d bytes at once; at most %d were allowed", n, min(tt.Limit, tt.Chunk))
					}
					if err == loop.ErrAgain {
						w := loop.Wait{A: &c.Source, AWant: loop.Out}
						if err := k.Poll(&w); err != nil {
							t.Error(err)
							return
						}
					}
				}
				if o.Sent != int64(len(want)) {
					t.Errorf("sent %d; want %d", o.Sent, len(want))
				}
				_ = c.CloseWrite()
				k.Await(func() {
					if all := <-got; !bytes.Equal(all, want) {
						t.Errorf("%d bytes came; want %d, the same", len(all), len(want))
					}
				})
			})
		})
	}
}

func TestOutboxDropGivesBuffersBack(t *testing.T) {
	onLoop(t, func(k *loop.Task, c *loop.Conn, _ net.Conn) {
		var o Outbox
		o.Reset(c)
		for range 10 {
			own := k.Loop().Take(64 << 10)
			o.Add(Piece{B: own, Own: own})
		}
		if err := o.Write(k, Manner{1 << 62, 1 << 30, true, false}); err != loop.ErrAgain {
			t.Errorf("a peer that does not read: %v; want ErrAgain", err)
		}
		o.Drop()
		if o.Queued() != 0 {
			t.Errorf("queued %d", o.Queued())
		}
		o.Drop()
	})
}

func TestOutboxTruncatedFile(t *testing.T) {
	path := t.TempDir() + "/f"
	if err := os.WriteFile(path, make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, sendfile := range []bool{true, false} {
		onLoop(t, func(k *loop.Task, c *loop.Conn, _ net.Conn) {
			var o Outbox
			o.Reset(c)
			o.Add(File(int(f.Fd()), 0, 5000))
			if err := o.Write(k, Manner{1 << 62, 1 << 30, sendfile, false}); err != errTruncated {
				t.Errorf("sendfile %v: %v; want errTruncated", sendfile, err)
			}
			o.Drop()
		})
	}
}

func TestArena(t *testing.T) {
	onLoop(t, func(k *loop.Task, _ *loop.Conn, _ net.Conn) {
		var a arena
		l := k.Loop()
		var parts [][]byte
		for i := range 300 {
			size := i * 7
			if i%50 == 49 {
				size = 100_000
			}
			b := a.alloc(l, size)
			if len(b) != size || cap(b) != size {
				t.Errorf("alloc(%d): length %d, capacity %d", size, len(b), cap(b))
			}
			for j := range b {
				b[j] = byte(i)
			}
			parts = append(parts, b)
		}
		for i, b := range parts {
			if n := bytes.Count(b, []byte{byte(i)}); n != len(b) {
				t.Errorf("part %d was overwritten: %d of %d bytes are left", i, n, len(b))
			}
		}
		a.release(l)
		a.release(l)
		if len(a.alloc(l, 10)) != 10 {
			t.Error("no memory after release")
		}
		a.release(l)
	})
}
