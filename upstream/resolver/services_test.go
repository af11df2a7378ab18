package resolver

import (
	"fmt"
	"strings"
	"testing"

	"weir/loop"
)

// serve looks a service up, and returns what was found as a text.
func serve(l *loop.Loop, r *Resolver, service, name string) (text string) {
	in(l, func(t *loop.Task) {
		found, _, lost, err := r.Service(t, service, name, Wait{Timeout: patience})
		var s []string
		for _, f := range found {
			s = append(s, fmt.Sprintf("%s=%s p%d w%d", f.Name, f.Addr, f.Priority, f.Weight))
		}
		for _, n := range lost {
			s = append(s, n.Name+" "+n.Error.Error())
		}
		if err != nil {
			s = append(s, err.Error())
		}
		text = strings.Join(s, ", ")
	})
	return text
}

func TestService(t *testing.T) {
	s := newNameServer(t, func(q *query) []byte {
		switch q.name {
		case "_http._tcp.a.test":
			return q.reply(0, rrSRV(60, 5, 0, 81, "one.test"), rrSRV(60, 1, 7, 80, "both.test"))
		case "x.y.a.test":
			return q.reply(0, rrAlias("", 60, "_http._tcp.a.test"))
		case "_lost._tcp.a.test":
			return q.reply(0, rrSRV(60, 1, 1, 80, "one.test"), rrSRV(60, 1, 1, 80, "nowhere.test"), rrSRV(60, 2, 1, 80, "down.test"))
		case "_gone._tcp.a.test":
			return q.reply(0, rrSRV(60, 1, 1, 80, "down.test"), rrSRV(60, 1, 1, 80, "nowhere.test"))
		case "_empty._tcp.a.test":
			return q.reply(0)
		case "_odd._tcp.a.test":
			return q.reply(0, rr("", 16, 60, []byte("\x01x")))
		case "_root._tcp.a.test": // "there is no such service here" (RFC 2782)
			return q.reply(0, rr("", typeSRV, 60, []byte{0, 0, 0, 0, 0, 0, 0}))
		}
		return zone(q)
	})
	e, _ := start(t, 1)
	r := newResolver(&sink{}, s.addr)
	for _, c := range []struct{ service, name, want string }{
		{"http", "a.test", "both.test=192.0.2.1:80 p1 w7, both.test=192.0.2.2:80 p1 w7, both.test=[2001:db8::1]:80 p1 w7, one.test=192.0.2.1:81 p5 w1"},
		{"x.y", "a.test.", "one.test=192.0.2.1:81 p5 w1"},
		{"lost", "a.test", "one.test=192.0.2.1:80 p1 w1, nowhere.test (3: Host not found), down.test (2: Server failure)"},
		{"gone", "a.test", "down.test (2: Server failure), nowhere.test (3: Host not found), (3: Host not found)"},
		{"empty", "a.test", "(3: Host not found)"},
		{"odd", "a.test", "(3: Host not found)"},
		{"root", "a.test", " (3: Host not found), (3: Host not found)"},
		{"none", "b.test", "(3: Host not found)"},
		{"", "", "(3: Host not found)"},
	} {
		got := serve(e.Loops[0], r, c.service, c.name)
		if c.service == "x.y" { // the addresses are known by now, and come in any order
			if !strings.HasSuffix(got, c.want) || strings.Count(got, "both.test=") != 3 {
				t.Errorf("%s of %s: %s", c.service, c.name, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s of %s: %s; want %s", c.service, c.name, got, c.want)
		}
	}
	if r.asking != 0 {
		t.Errorf("%d questions under way", r.asking)
	}
}
