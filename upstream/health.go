package upstream

import (
	"slices"
	"time"

	"weir/loop"
)

// A Check is what a group has to know of an active health check of its peers: when a peer is made what it is by it. Who makes the checks reports
// their outcomes to Judge.
type Check struct {
	Key        string // what makes it the same over a reload
	Fails      int    // so many in a row make a peer unhealthy
	Passes     int    // so many in a row make it healthy again
	Mandatory  bool   // a peer is not used before it has passed
	Persistent bool   // what has passed before a reload need not again
}

// Health is what a check thinks of a peer.
type Health uint8

const (
	Healthy   Health = iota // as far as is known
	Checking                // nothing is known, and that is not enough
	Unhealthy               // it has failed
)

// String is the word for it.
func (h Health) String() string { return [...]string{"healthy", "checking", "unhealthy"}[h] }

// verdict is what one check thinks of one peer.
type verdict struct {
	key    string
	health Health
	streak int // outcomes in a row that speak against health, as it is
}

// AddCheck has the group's peers be judged by a check. While the group is built.
func (g *Group) AddCheck(c Check) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.checks = append(g.checks, c)
	g.applyChecks(g.peers.Load(), false)
}

// applyChecks drops the verdicts of checks that there are no more, and begins those of new ones: after a reload also those that are to be made anew.
// With g.mu held.
func (g *Group) applyChecks(s *peerSet, reload bool) {
	for _, p := range s.all() {
		st := p.st
		before := st.verdicts
		st.verdicts, st.blocked = nil, 0
		for i := range g.checks {
			c := &g.checks[i]
			v := verdict{key: c.Key}
			if at := slices.IndexFunc(before, func(v verdict) bool { return v.key == c.Key }); at >= 0 {
				v = before[at]
				if reload && c.Mandatory && !c.Persistent && v.health == Healthy {
					v = verdict{key: c.Key, health: Checking}
				}
			} else if c.Mandatory {
				v.health = Checking
			}
			st.verdicts = append(st.verdicts, v)
			if v.health != Healthy {
				st.blocked++
			}
		}
	}
}

// Judge reports the outcome of one check of a peer, and whether the check thinks otherwise of the peer from now on. A peer that comes back begins
// slowly, with a clean slate. Any goroutine.
func (g *Group) Judge(p *Peer, key string, passed bool, now loop.Time) (h Health, changed bool) {
	h, changed, tell := g.judge(p, key, passed, now)
	if changed && tell != nil {
		tell(false)
	}
	return h, changed
}

func (g *Group) judge(p *Peer, key string, passed bool, now loop.Time) (h Health, changed bool, tell func(now bool)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	st := p.st
	at := slices.IndexFunc(g.checks, func(c Check) bool { return c.Key == key })
	if at < 0 || g.gone || len(st.verdicts) != len(g.checks) {
		return Healthy, false, nil // another configuration has taken over meanwhile
	}
	c, v := &g.checks[at], &st.verdicts[at]
	st.checks++
	st.lastPassed = passed
	if !passed {
		st.checksFailed++
	}
	defer p.clock(now)
	if changed = v.judge(c, passed); !changed {
		return v.health, false, nil
	}
	if v.health == Unhealthy {
		st.unhealthy++
	}
	was := st.blocked
	st.blocked = 0
	for i := range st.verdicts {
		if st.verdicts[i].health != Healthy {
			st.blocked++
		}
	}
	if was > 0 && st.blocked == 0 {
		st.fails, st.effective = 0, p.Weight
		p.start(now)
		g.queue.wake()
	}
	return v.health, true, g.changed
}

// health is the worst that a check thinks of the peer.
func (st *state) health() (h Health) {
	for i := range st.verdicts {
		h = max(h, st.verdicts[i].health)
	}
	return h
}

// judge takes in one outcome, and reports whether the verdict is another one then.
func (v *verdict) judge(c *Check, passed bool) bool {
	next, need := Unhealthy, c.Fails
	if passed {
		next, need = Healthy, c.Passes
	}
	if v.health == next {
		v.streak = 0
		return false
	}
	// While nothing is known, outcomes of both kinds speak against that: those of failures are counted below zero.
	if v.health == Checking {
		if passed != (v.streak > 0) {
			v.streak = 0
		}
		if !passed {
			v.streak--
		} else {
			v.streak++
		}
	} else {
		v.streak++
	}
	if max(v.streak, -v.streak) < need {
		return false
	}
	v.health, v.streak = next, 0
	return true
}

// start has a peer that has come back begin slowly, if it is to.
func (p *Peer) start(now loop.Time) {
	if p.SlowStart > 0 {
		p.st.slow, p.st.started, p.st.credit = true, now, 0
	}
}

// ramp is the part of its weight that a peer has reached, in thousandths.
func (p *Peer) ramp(now loop.Time) int {
	const whole = 1000
	st := p.st
	if !st.slow {
		return whole
	}
	since := now.Sub(st.started)
	if since >= p.SlowStart || p.SlowStart == 0 {
		st.slow = false
		return whole
	}
	return int(since * whole / p.SlowStart)
}

// holdBack decides which of the peers that begin slowly take part in this choice: each in as many of a thousand as it has reached of its weight. It
// reports whether one does not.
func (t *tier) holdBack(now loop.Time) (held bool) {
	const whole = 1000
	for _, p := range t.peers {
		st := p.st
		if !st.slow {
			continue
		}
		if st.credit += p.ramp(now); st.credit >= whole {
			st.credit -= whole
			continue
		}
		st.held, held = true, true
	}
	return held
}

// letAll lets all peers take part again.
func (t *tier) letAll() {
	for _, p := range t.peers {
		p.st.held = false
	}
}

// nextUsable is when the first of the peers that are put aside may be probed; 0 when there is none.
func (t *tier) nextUsable(sec int64) (at loop.Time) {
	for _, p := range t.peers {
		if p.Down || p.Drain || p.st.blocked > 0 || !p.aside(sec) {
			continue
		}
		end := loop.Time((p.st.checked + p.timeout + 1) * int64(time.Second))
		if at == 0 || end < at {
			at = end
		}
	}
	return at
}
