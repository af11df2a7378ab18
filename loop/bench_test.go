package loop

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// answer is the smallest server: one read, one write, parked again with a later deadline.
type answer struct{}

func (answer) Wake(t *Task, c *Conn, why Woke) {
	l := t.Loop()
	buf := l.Take(4096)
	n, err := c.Read(t, buf, t.After(time.Minute))
	if err == nil {
		_, err = c.Write(t, buf[:n], time.Minute)
	}
	l.Give(buf)
	if err != nil || why != WokeReady {
		c.Close()
		return
	}
	c.Park(t.After(time.Minute), true)
}

// blocking connects a socket for plain system calls.
func blocking(t testing.TB, addr string) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	a := netip.MustParseAddrPort(addr)
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	return fd
}

// TestEchoServer is the server of BenchmarkEcho, in a process of its own so that its processor time can be told.
func TestEchoServer(t *testing.T) {
	if os.Getenv("LOOP_ECHO_SERVER") == "" {
		t.Skip("runs for BenchmarkEcho")
	}
	e := start(t, Options{Loops: 1})
	fmt.Println("addr", listen(t, e, answer{}))
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		fmt.Println("cpu", u.Utime.Nano(), u.Stime.Nano())
	}
}

// BenchmarkEcho measures one cycle of a kept connection: wake, task, read, write, park. user-ns/op and sys-ns/op are the
// server's own.
func BenchmarkEcho(b *testing.B) {
	for _, conns := range []int{1, 64} {
		b.Run(fmt.Sprint(conns), func(b *testing.B) { benchmarkEcho(b, conns) })
	}
}

func benchmarkEcho(b *testing.B, conns int) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestEchoServer$")
	cmd.Env = append(os.Environ(), "LOOP_ECHO_SERVER=1")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		in.Close()
		_ = cmd.Wait()
	}()
	lines := bufio.NewScanner(out)
	lines.Scan()
	var fds []int
	for range conns {
		fds = append(fds, blocking(b, strings.TrimPrefix(lines.Text(), "addr ")))
	}
	cpu := func() (user, sys int64) {
		fmt.Fprintln(in)
		lines.Scan()
		_, _ = fmt.Sscanf(lines.Text(), "cpu %d %d", &user, &sys)
		return user, sys
	}
	p := make([]byte, 100)
	round := func(n int) {
		for _, fd := range fds[:n] {
			_, _ = syscall.Write(fd, p)
		}
		for _, fd := range fds[:n] {
			_, _ = syscall.Read(fd, p)
		}
	}
	for range 100 {
		round(conns)
	}
	user, sys := cpu()
	b.ResetTimer()
	for left := b.N; left > 0; left -= conns {
		round(min(left, conns))
	}
	b.StopTimer()
	u, s := cpu()
	b.ReportMetric(float64(u-user)/float64(b.N), "user-ns/op")
	b.ReportMetric(float64(s-sys)/float64(b.N), "sys-ns/op")
}

// BenchmarkWake is a cycle without the kernel's part of the wait: a task starts, waits once and is resumed.
func BenchmarkWake(b *testing.B) {
	e := start(b, Options{})
	task(e.Loops[0], func(k *Task) {
		l := k.Loop()
		var other *Task
		f := func(k *Task) {
			other = k
			k.suspend()
		}
		b.ReportAllocs()
		for b.Loop() {
			l.Go(f)
			l.resume(other)
		}
	})
}

func BenchmarkPost(b *testing.B) {
	e := start(b, Options{})
	n := 0
	for b.Loop() {
		e.Loops[0].Post(func() { n++ })
	}
	on(e.Loops[0], func() {})
}

func BenchmarkNewConnection(b *testing.B) {
	e := start(b, Options{Loops: 2, MaxConns: 1000})
	addr := netip.MustParseAddrPort(listen(b, e, answer{}))
	to := &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	p := make([]byte, 10)
	for b.Loop() {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			b.Fatal(err)
		}
		_ = syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
		if err := syscall.Connect(fd, to); err != nil {
			b.Fatal(err)
		}
		_, _ = syscall.Write(fd, p)
		_, _ = syscall.Read(fd, p)
		syscall.Close(fd)
	}
}
