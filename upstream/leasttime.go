package upstream

import (
	"time"

	"weir/loop"
)

// leastTime is "least_time": the peer that is expected to be through first with what it has to do. The figure is its average time per exchange, to
// the header or to the last byte, multiplied by the exchanges it would then have; equals take turns.
type leastTime struct {
	lastByte bool // measure to the last byte, not to the header
	inflight bool // count exchanges that are not yet answered
}

// inflight follows the exchanges under way of one peer, in milliseconds, so that a peer which has stopped answering looks slow before anything timed
// out.
type inflight struct {
	n       int64 // exchanges not yet answered
	waited  int64 // what they had waited, together, at changed
	changed int64
	average int64
}

// Figures of nginx: times are put in classes of 20 ms, and whoever is slower than five seconds is equally bad.
const (
	timeClass = 20
	timeMost  = 5000
)

func (*leastTime) begin(*Attempt) {}

func (m *leastTime) pick(a *Attempt, now loop.Time) *Peer {
	if a.tier.single {
		return roundRobin{}.pick(a, now)
	}
	sec, ms := second(now), milli(now)
	best := a.tied(sec)
	if best == nil {
		best = m.choice(a, sec, ms)
	}
	if best == nil {
		return nil
	}
	if m.inflight {
		best.st.inflight.begin(ms)
		a.inflight = true
	}
	return a.choose(best, sec)
}

// choice returns the fastest peer, one in turn if there are several.
func (m *leastTime) choice(a *Attempt, sec, ms int64) *Peer {
	best, eta, many := m.fastest(a, sec, ms)
	if !many {
		return best
	}
	var t turn
	first := best
	for _, p := range a.tier.peers[first.index:] {
		if a.open(p, sec) && compareLoad(m.eta(p, sec), p, eta, first) == 0 {
			t.show(p)
		}
	}
	return t.end()
}

// fastest returns the first peer with the least expected time, that time, and whether others have the same.
func (m *leastTime) fastest(a *Attempt, sec, ms int64) (best *Peer, eta int, many bool) {
	for _, p := range a.tier.peers {
		if !a.open(p, sec) {
			continue
		}
		p.st.inflight.observe(ms)
		e := m.eta(p, sec)
		if best == nil {
			best, eta = p, e
			continue
		}
		switch compareLoad(e, p, eta, best) {
		case -1:
			best, eta, many = p, e, false
		case 0:
			many = true
		}
	}
	return best, eta, many
}

// eta is the expected time, in milliseconds. A peer not used for fail_timeout is given the benefit of the doubt: its average is halved for each such
// period, so that a slow one gets its chance again.
func (m *leastTime) eta(p *Peer, sec int64) int {
	st := p.st
	t := st.header
	if m.lastByte {
		t = st.response
	}
	if idle := sec - st.checked; idle > p.timeout {
		t >>= min(uint64(idle/(p.timeout+1)), 63)
	}
	if st.inflight.n > 0 {
		t = max(t, st.inflight.average)
	}
	if t > timeMost {
		t = timeMost
	} else {
		t += timeClass - t%timeClass
	}
	return int(t) * (1 + st.conns)
}

func (m *leastTime) header(a *Attempt, p *Peer, now loop.Time, t Timing) {
	if m.lastByte {
		return
	}
	average(&p.st.header, t.Header)
	p.st.inflight.end(milli(now), t.Header)
	a.inflight = false
}

// done takes only answers into the averages: a peer that fails fast must not look fast.
func (m *leastTime) done(a *Attempt, p *Peer, now loop.Time, o Outcome, t Timing) {
	if a.inflight {
		p.st.inflight.end(milli(now), t.Last)
		a.inflight = false
	}
	if o != OK || t.Header < 0 {
		return
	}
	average(&p.st.response, t.Last)
	if !m.inflight || m.lastByte { // else the header reported its time itself
		average(&p.st.header, t.Header)
	}
}

// average moves avg to v by a twentieth, rounded; the first value is taken as it is.
func average(avg *int64, v time.Duration) {
	averageMillis(avg, int64(v/time.Millisecond))
}

func averageMillis(avg *int64, ms int64) {
	if *avg == 0 {
		*avg = ms
		return
	}
	*avg = int64(0.5 + float64(ms)*0.05 + float64(*avg)*0.95)
}

func (f *inflight) begin(ms int64) {
	if f.n > 0 {
		f.waited += (ms - f.changed) * f.n
	}
	f.changed = ms
	f.n++
}

func (f *inflight) observe(ms int64) {
	if f.n > 0 {
		averageMillis(&f.average, f.waited/f.n+ms-f.changed)
	}
}

func (f *inflight) end(ms int64, took time.Duration) {
	if f.n == 1 {
		f.waited = 0
	} else {
		f.waited = max(f.waited+(ms-f.changed)*f.n-int64(took/time.Millisecond), 0)
		f.changed = ms
	}
	f.n--
}
