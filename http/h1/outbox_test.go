package h1

import (
	"bytes"
	"io"
	"net"
	"os"
	"testing"

	"weir/http"
	"weir/loop"
	"weir/loop/looptest"
)

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
	for name, tt := range map[string]manner{
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
			looptest.Run(t, func(k *loop.Task, c *loop.Conn, peer net.Conn) {
				go func() {
					all, _ := io.ReadAll(peer)
					got <- all
				}()
				var o outbox
				o.Reset(c)
				add := func(p http.Piece, b []byte) {
					o.Add(p)
					want = append(want, b...)
				}
				add(http.Mem([]byte("head")), []byte("head"))
				add(http.File(fd, 10, 100_000), content[10:100_010])
				add(http.Mem(nil), nil)
				for i := range 200 { // more than one writev takes
					own := k.Loop().Take(512)
					b := append(own[:0], byte(i), ' ')
					add(http.Piece{B: b, Own: own}, b)
				}
				own := k.Loop().Take(512)
				add(http.Piece{B: own[:0], Own: own}, nil)
				add(http.File(fd, 0, int64(len(content))), content)
				add(http.File(fd, 5, 1), content[5:6])
				add(http.Mem([]byte("tail")), []byte("tail"))
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
	looptest.Run(t, func(k *loop.Task, c *loop.Conn, _ net.Conn) {
		var o outbox
		o.Reset(c)
		for range 10 {
			own := k.Loop().Take(64 << 10)
			o.Add(http.Piece{B: own, Own: own})
		}
		if err := o.Write(k, manner{1 << 62, 1 << 30, true, false}); err != loop.ErrAgain {
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
		looptest.Run(t, func(k *loop.Task, c *loop.Conn, _ net.Conn) {
			var o outbox
			o.Reset(c)
			o.Add(http.File(int(f.Fd()), 0, 5000))
			if err := o.Write(k, manner{1 << 62, 1 << 30, sendfile, false}); err != http.ErrTruncated {
				t.Errorf("sendfile %v: %v; want http.ErrTruncated", sendfile, err)
			}
			o.Drop()
		})
	}
}
