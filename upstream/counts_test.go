package upstream

import (
	"testing"
	"time"

	"weir/loop"
)

// counted is one peer's status.
func counted(g *Group, id int, now loop.Time) PeerStatus {
	for _, s := range g.Status(nil, now) {
		if s.ID == id {
			return s
		}
	}
	return PeerStatus{}
}

// TestCounts follows what is told of a peer that fails, comes back, and is removed while it is at work.
func TestCounts(t *testing.T) {
	at := func(sec float64) loop.Time { return loop.Time(sec * float64(time.Second)) }
	_, g := editable(t, "server a max_fails=2; server b down;")
	var a Attempt
	try := func(now loop.Time, o Outcome, x Timing) {
		t.Helper()
		g.Begin(&a, Ask{Now: now})
		p, err := a.Next(now)
		if err != nil {
			t.Fatal(err)
		}
		a.Done(p, now, o, x)
	}
	try(at(100), OK, Timing{Header: 4 * time.Millisecond, Last: 6 * time.Millisecond, Status: 200, Sent: 10, Received: 20})
	try(at(101), OK, Timing{Header: time.Second, Last: 20 * time.Second, Status: 404, Sent: 1, Received: 2})
	try(at(102), Failed, Timing{Header: -1, Sent: 5})
	s := counted(g, 0, at(103))
	if s.State != PeerUp || s.Picks != 3 || s.Failures != 1 || s.Unavail != 0 || s.Sent != 16 || s.Received != 22 || s.Codes[200] != 1 || s.Codes[404] != 1 || len(s.Codes) != 2 {
		t.Errorf("%+v", s)
	}
	if s.Times.Count != 2 || s.Times.Sum != 20006 || s.Times.Classes[1] != 1 || s.Times.Classes[len(TimeBounds)] != 1 || s.Selected != at(102) || s.Header == 0 || s.Response == 0 {
		t.Errorf("%+v", s)
	}
	if s := counted(g, 1, at(103)); s.State != PeerDown {
		t.Errorf("a server that is down is %s", s.State)
	}

	try(at(103), Failed, Timing{Header: -1})
	if s := counted(g, 0, at(105)); s.State != PeerUnavail || s.Unavail != 1 || s.DownSince != at(103) || s.Downtime != 2*time.Second {
		t.Errorf("after two failures: %+v", s)
	}
	try(at(114), Failed, Timing{Header: -1}) // the probe
	if s := counted(g, 0, at(115)); s.Unavail != 1 || s.Downtime != 12*time.Second {
		t.Errorf("after a probe in vain: %+v", s)
	}
	try(at(125), OK, Timing{Header: 0, Status: 200})
	if s := counted(g, 0, at(130)); s.State != PeerUp || s.DownSince != 0 || s.Downtime != 22*time.Second {
		t.Errorf("after it has come back: %+v", s)
	}

	g.AddCheck(Check{Key: "x", Fails: 1, Passes: 1})
	g.Judge(g.Peers()[0], "x", false, at(131))
	if s := counted(g, 0, at(133)); s.State != PeerUnhealthy || s.Unhealthy != 1 || s.LastPassed || s.Downtime != 24*time.Second {
		t.Errorf("after a check: %+v", s)
	}
	g.Judge(g.Peers()[0], "x", true, at(134))
	g.ResetCounts(at(135))
	if s := counted(g, 0, at(136)); s.State != PeerUp || s.Picks != 0 || s.Downtime != 0 || len(s.Codes) != 0 || s.Checks != 0 || !s.LastPassed || s.Selected != at(125) {
		t.Errorf("after a reset: %+v", s)
	}

	g.Begin(&a, Ask{Now: at(140)})
	p, err := a.Next(at(140))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.RemoveServer(p.ID); err != nil {
		t.Fatal(err)
	}
	if n := g.Zombies(); n != 1 {
		t.Errorf("%d zombies; want 1", n)
	}
	a.Done(p, at(141), OK, Timing{Header: 0, Status: 200})
	if n := g.Zombies(); n != 0 {
		t.Errorf("%d zombies; want 0", n)
	}
}
