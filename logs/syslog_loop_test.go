package logs

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/loop"
)

// onLoops gives files whose syslog lines a loop sends.
func onLoops(t *testing.T) (*Files, *loop.Engine) {
	t.Helper()
	e, err := loop.New(loop.Options{Loops: 2, MaxConns: 8, OnPanic: func(v any, s []byte) { t.Errorf("%v\n%s", v, s) }})
	if err != nil {
		t.Fatal(err)
	}
	fs := NewFiles()
	fs.SendOn(e.Loops[1])
	e.Run()
	t.Cleanup(func() {
		fs.SendOn(nil)
		e.Stop()
	})
	return fs, e
}

// datagrams reads the datagrams that come, as many as are wanted.
func datagrams(t *testing.T, c net.PacketConn, n int) (lines []string) {
	t.Helper()
	b := make([]byte, 4096)
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	for range n {
		k, _, err := c.ReadFrom(b)
		if err != nil {
			t.Fatalf("after %d lines: %v", len(lines), err)
		}
		_, text, _ := strings.Cut(string(b[:k]), "t: ")
		lines = append(lines, text)
	}
	return lines
}

// TestSyslogOnLoop sends the lines of several writers over UDP: each once, and those of one writer in their order; what is queued when the loop
// ends its work is sent before.
func TestSyslogOnLoop(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	fs, _ := onLoops(t)
	s := fs.Syslog(SyslogConf{Addr: netip.MustParseAddrPort(server.LocalAddr().String()), Tag: "t", NoHostname: true}, SyslogOptions{})
	defer s.Close()
	const writers, each = 4, 30
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				if err := s.Write(fmt.Appendf(nil, "%d %d\n", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	next := [writers]int{}
	for _, line := range datagrams(t, server, writers*each) {
		var w, i int
		if _, err := fmt.Sscan(line, &w, &i); err != nil || next[w] != i {
			t.Fatalf("got %q; want line %d", line, next[w])
		}
		next[w]++
	}
	all.Wait()
	_ = s.Write([]byte("last"))
	fs.SendOn(nil)
	_ = s.Write([]byte("later"))
	if got := datagrams(t, server, 2); got[0] != "last" || got[1] != "later" || s.Lost() != 0 {
		t.Errorf("%q, %d lost", got, s.Lost())
	}
}

// TestSyslogOnLoopReconnects has the server on a Unix domain socket start anew: no line after that is lost, and the one that finds nobody is told of.
func TestSyslogOnLoopReconnects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	listen := func() net.PacketConn {
		_ = os.Remove(path)
		c, err := net.ListenPacket("unixgram", path)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	fs, e := onLoops(t)
	var minutes atomic.Int64
	clock := func() time.Time { return fixed().Add(time.Duration(minutes.Load()) * time.Minute) }
	s := fs.Syslog(SyslogConf{Unix: path, Server: "unix:x", Tag: "t", NoHostname: true}, SyslogOptions{Now: clock})
	defer s.Close()
	sent := func() { // the loop has come to what was queued
		done := make(chan struct{})
		e.Loops[1].Post(func() { close(done) })
		<-done
	}
	server := listen()
	_ = s.Write([]byte("one"))
	if got := datagrams(t, server, 1); got[0] != "one" {
		t.Errorf("%q", got)
	}
	server.Close()
	server = listen()
	_ = s.Write([]byte("two"))
	if got := datagrams(t, server, 1); got[0] != "two" {
		t.Errorf("%q", got)
	}
	sent()
	minutes.Add(1)
	server.Close()
	_ = os.Remove(path)
	err := s.Write([]byte("nobody"))
	if err == nil || !strings.Contains(err.Error(), "send() failed (1") {
		t.Errorf("the error was %v", err)
	}
	sent()
	minutes.Add(1)
	_ = s.Write([]byte("nobody either"))
	sent()
	err = s.Write([]byte("told"))
	if err == nil || !strings.Contains(err.Error(), "connect() failed (2: No such file or directory) while logging to syslog, server: unix:x") {
		t.Errorf("the error was %v", err)
	}
	sent()
	server = listen()
	defer server.Close()
	if err := s.Write([]byte("three")); err != nil {
		t.Error(err)
	}
	if got := datagrams(t, server, 1); got[0] != "three" {
		t.Errorf("%q", got)
	}
}

// TestSyslogOnLoopBounded writes more than may wait: what is too much is lost and counted, and nobody waits.
func TestSyslogOnLoopBounded(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	fs, e := onLoops(t)
	s := fs.Syslog(SyslogConf{Addr: netip.MustParseAddrPort(server.LocalAddr().String()), Tag: "t", NoHostname: true}, SyslogOptions{})
	defer s.Close()
	held, free := make(chan struct{}), make(chan struct{})
	e.Loops[1].Post(func() { close(held); <-free })
	<-held
	line := make([]byte, 1000)
	for range 2 * carriedMost / len(line) {
		_ = s.Write(line)
	}
	if s.Lost() == 0 || len(s.carried.queue) > carriedMost {
		t.Errorf("%d lines lost, %d bytes queued", s.Lost(), len(s.carried.queue))
	}
	close(free)
}
