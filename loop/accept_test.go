package loop

import (
	"net"
	"sync"
	"testing"
)

func TestTwoClientsOnTwoLoops(t *testing.T) {
	e := start(t, Options{Loops: 2, MaxConns: 1000})
	addr := listen(t, e, echo{})
	for n := 2; n <= 64; n += 2 {
		say(t, dial(t, addr), "x")
		say(t, dial(t, addr), "x")
		reach(t, e, n, n, 0)
		if a, b := e.Loops[0].Conns(), e.Loops[1].Conns(); a-b > 2 || b-a > 2 {
			t.Errorf("%d and %d connections", a, b)
		}
	}
}

func TestBriefConnectionsStayWhereTheyAre(t *testing.T) {
	e, err := New(Options{Loops: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Stop()
	l, other := e.Loops[0], e.Loops[1]
	l.conns.Store(3)
	if l.fewest() != other {
		t.Error("an unknown load is not spread")
	}
	for range 16 {
		l.learn(l.second())
	}
	if l.fewest() != l {
		t.Error("a load of brief connections is handed over")
	}
	l.conns.Store(5)
	if l.fewest() != other {
		t.Error("five to none is not spread")
	}
	l.learn(l.second() - 10)
	l.conns.Store(1)
	if l.fewest() != other {
		t.Error("a long one did not end it")
	}
	l.conns.Store(0)
}

// TestListenerCloseTakesWhatWaits closes a listener while connections wait in its queue, of which the loops, busy with
// something else, were told. The socket lives on, as it does when another process has it: nobody would be told again.
func TestListenerCloseTakesWhatWaits(t *testing.T) {
	e := start(t, Options{Loops: 2})
	ln, addr := listener(t, e, func(c *Conn) {
		c.Handler = echo{}
		c.Park(0, true)
	})
	done := make(chan struct{})
	var busy sync.WaitGroup
	for _, l := range e.Loops {
		busy.Add(1)
		l.Post(func() {
			busy.Done()
			<-done
		})
	}
	busy.Wait()
	var clients []net.Conn
	for range 5 {
		clients = append(clients, dial(t, addr))
	}
	ln.Close()
	close(done)
	for _, c := range clients {
		say(t, c, "hello")
	}
	reach(t, e, 5, 5, 0)
	if a, b := e.Loops[0].Conns(), e.Loops[1].Conns(); a < 2 || b < 2 {
		t.Errorf("%d and %d connections", a, b)
	}
}

func TestListenerClose(t *testing.T) {
	e := start(t, Options{Loops: 2})
	for range 20 {
		nl, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, _ := nl.(*net.TCPListener).File()
		nl.Close()
		ln, err := e.Listen(int(f.Fd()), func(c *Conn) { c.Close() })
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", nl.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		ln.Close()
		f.Close()
		c.Close()
	}
	if len(e.watches) != 1 {
		t.Errorf("%d places for one listener at a time", len(e.watches))
	}
	if _, err := e.Listen(-1, nil); err == nil {
		t.Error("listening on nothing")
	}
}
