package listen

import (
	"net"
	"slices"
	"testing"
	"time"

	"weir/logs"

	"golang.org/x/sys/unix"
)

// TestDatagrams opens an address for datagrams for three loops: the kernel knows the sockets by the numbers of their loops, in another process
// too, and one that is opened later is the last.
func TestDatagrams(t *testing.T) {
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.LocalAddr().String()
	free.Close()
	one := spec(t, address)
	fds, err := Opener{Log: func(_ logs.Level, text string) { t.Error(text) }}.OpenAll(one.ForLoops(3))
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll(fds)
	for i, fd := range fds {
		if s, err := Inherited(fd); err != nil || !s.Datagrams || s.String() != address {
			t.Errorf("socket %d is %+v, %v", i, s, err)
		}
		if option(t, fd, unix.SOL_SOCKET, unix.SO_REUSEPORT) != 1 {
			t.Errorf("socket %d shares its address with none", i)
		}
	}
	more, err := open(one.ForLoops(4)[3], true, nil)
	if err != nil {
		t.Fatal(err)
	}
	fds = append(fds, more)
	for i := range fds {
		// whatever comes is for the socket of number i
		prog := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: uint32(i)}}
		if err := unix.SetsockoptSockFprog(fds[0], unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &unix.SockFprog{Len: 1, Filter: &prog[0]}); err != nil {
			t.Skip("the kernel takes no program:", err)
		}
		c, err := net.Dial("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte("x"))
		c.Close()
		poll := make([]unix.PollFd, len(fds))
		for k, fd := range fds {
			poll[k] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
		}
		if _, err := unix.Poll(poll, int(time.Minute/time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		got := slices.IndexFunc(poll, func(p unix.PollFd) bool { return p.Revents != 0 })
		if got != i {
			t.Errorf("a datagram for socket %d came to socket %d", i, got)
		}
		var b [8]byte
		_, _ = unix.Read(fds[max(got, 0)], b[:])
	}
}

// TestKeys tells sockets apart.
func TestKeys(t *testing.T) {
	s := spec(t, "127.0.0.1:53")
	keys := map[string]bool{s.Key(): true}
	for _, d := range s.ForLoops(3) {
		keys[d.Key()] = true
	}
	if len(keys) != 4 {
		t.Errorf("keys %v", keys)
	}
}
