package master

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"weir/conf"
)

// pair is both ends of a channel.
func pair(t *testing.T) (near, far *channel) {
	t.Helper()
	near, file, err := newChannels()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := duplicate(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	if far, err = newChannel(fd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.close(); far.close() })
	return near, far
}

// TestChannel sends messages with nothing, and with more descriptors than go in one control message behind a text that
// does not fit in the socket's buffer, while the other end reads.
func TestChannel(t *testing.T) {
	near, far := pair(t)
	var fds []int
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("what is in it"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2*most + 7 {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	text := bytes.Repeat([]byte("worker_processes 1;\n"), 1<<17)
	sent := make(chan error, 3)
	go func() {
		sent <- near.send(&message{Kind: kindPing, Serial: 7}, nil)
		world := conf.Recorded{Files: map[string]conf.RecordedFile{"nginx.conf": {Text: text}}}
		sent <- near.send(&message{Kind: kindLoad, Serial: 8, Logs: []string{"a"}, Load: &order{World: world}}, fds)
		sent <- near.send(&message{Kind: kindReopen, Serial: 9}, fds[:1])
	}()
	for i, want := range []struct {
		kind kind
		fds  int
	}{{kindPing, 0}, {kindLoad, len(fds)}, {kindReopen, 1}} {
		m, got, err := far.receive()
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind != want.kind || m.Serial != uint64(7+i) || len(got) != want.fds {
			t.Errorf("message %d: %d, serial %d, %d descriptors; want %d, %d, %d", i, m.Kind, m.Serial, len(got), want.kind, 7+i, want.fds)
		}
		if m.Load != nil && !bytes.Equal(m.Load.World.Files["nginx.conf"].Text, text) {
			t.Error("the text is another")
		}
		for _, fd := range got {
			var b [20]byte
			if n, err := unix.Pread(fd, b[:], 0); err != nil || string(b[:n]) != "what is in it" {
				t.Errorf("descriptor %d: %q, %v", fd, b[:n], err)
			}
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("descriptor %d would reach a child: %v", fd, err)
			}
		}
		closeAll(got)
		if err := <-sent; err != nil {
			t.Error(err)
		}
	}
	closeAll(fds)
	near.close()
	if _, _, err := far.receive(); err != io.EOF {
		t.Errorf("the other end is gone: %v", err)
	}
}

// TestChannelBounds: a master takes no long message and no descriptor from its worker.
func TestChannelBounds(t *testing.T) {
	for name, send := range map[string]func(far *channel) error{
		"long": func(far *channel) error {
			return far.send(&message{Kind: kindDone, Err: strings.Repeat("x", maxAnswer)}, nil)
		},
		"files": func(far *channel) error { return far.send(&message{Kind: kindReopen}, []int{0}) },
	} {
		t.Run(name, func(t *testing.T) {
			near, far := pair(t)
			if err := send(far); err != nil {
				t.Fatal(err)
			}
			if _, fds, err := near.receive(); err != errTooMuch || len(fds) > 0 {
				t.Errorf("%v, %v", fds, err)
			}
		})
	}
}

// TestChannelNonsense has the other end say what is no message: an error comes, and no gigabyte is taken.
func TestChannelNonsense(t *testing.T) {
	for what, bytes := range map[string]string{
		"huge":     "\xff\xff\xff\xff\x00\x00\x00\x00",
		"cut":      "\x10\x00\x00\x00\x00\x00\x00\x00abc",
		"no gob":   "\x03\x00\x00\x00\x00\x00\x00\x00abc",
		"no files": "\x00\x00\x00\x00\x05\x00\x00\x00x",
	} {
		t.Run(strings.ReplaceAll(what, " ", "-"), func(t *testing.T) {
			near, far := pair(t)
			if _, err := near.conn.Write([]byte(bytes)); err != nil {
				t.Fatal(err)
			}
			near.close()
			if m, _, err := far.receive(); err == nil {
				t.Errorf("a message: %v", m)
			}
		})
	}
}

// TestNewChannel takes nothing but a Unix domain socket.
func TestNewChannel(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := duplicate(int(f.Fd()))
	_ = f.Close()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newChannel(fd); err == nil {
		t.Error("a TCP socket is a channel")
	}
}
