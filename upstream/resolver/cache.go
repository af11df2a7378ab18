package resolver

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"weir/loop"
)

// An entry is what is known of a name, or its question while it is asked. Guarded by Resolver.mu.
type entry struct {
	key
	question *question // nil: the answer is known

	addrs    []netip.Addr // IPv4 first
	v4       int          // how many of them are IPv4
	services []service
	cname    string
	until    int64 // the second up to which it holds
	unused   int64 // the second after which it is dropped if nobody asks

	newer, older *entry
}

func (e *entry) room() int { return 1 + len(e.addrs) + len(e.services) }

// advance takes each search as far as it goes without waiting, and reports whether all are at their end. Loop only.
func (r *Resolver) advance(t *loop.Task, all []*search) (done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	done = true
	for _, s := range all {
		for s.state == searching && s.question == nil {
			r.step(t, s)
		}
		done = done && s.state != searching
	}
	return done
}

// step looks a search's name up: what is known is taken, what is not is asked for.
func (r *Resolver) step(t *loop.Task, s *search) {
	now := second(t.Now())
	e := r.entries[s.key]
	switch {
	case e == nil:
		if r.asking >= mostQuestions {
			s.fail(codeBusy, now+1)
			return
		}
		e = &entry{key: s.key}
		r.entries[s.key] = e
		r.ask(t, e)
	case e.question != nil:
	case e.until >= now:
		r.use(e, now)
		s.take(e, true)
		return
	default:
		r.unlink(e)
		r.ask(t, e)
	}
	e.question.join(s)
}

// take goes on with what an entry says. What was known before has its addresses in an order drawn by chance, so that those who come one
// after the other do not all go to the first.
func (s *search) take(e *entry, known bool) {
	s.until = min(s.until, e.until)
	switch {
	case len(e.addrs) > 0:
		s.state, s.addrs = found, e.addrs
		if known && len(e.addrs) > 1 {
			s.addrs = rotated(e.addrs, e.v4)
		}
	case len(e.services) > 0:
		s.state, s.services = found, e.services
	case s.aliases >= mostAliases || !askable(e.cname):
		s.fail(codeNotFound, s.until)
	default:
		s.aliases++
		s.name = e.cname
	}
}

// rotated begins each family with one of its addresses, and the whole with one of all.
func rotated(addrs []netip.Addr, v4 int) []netip.Addr {
	all := make([]netip.Addr, 0, len(addrs))
	for _, some := range [][]netip.Addr{addrs[:v4], addrs[v4:]} {
		if len(some) > 0 {
			n := rand.IntN(len(some))
			all = append(append(all, some[n:]...), some[:n]...)
		}
	}
	n := rand.IntN(len(all))
	return append(all[n:len(all):len(all)], all[:n]...)
}

// giveUp ends the searches that have not come to an end.
func (r *Resolver) giveUp(all []*search, code int, until int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range all {
		if s.state != searching {
			continue
		}
		if code == codeTimeout {
			r.stats.TimedOut.Add(1)
		}
		if s.question != nil {
			s.question.leave(s)
		}
		s.fail(code, until)
	}
}

// known makes an answer what is known of its name, and hands it to those who wait. A search without an answer is not remembered, as in
// nginx: who asks next asks anew.
func (r *Resolver) known(q *question, now int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := q.entry
	r.asking--
	q.fill(e)
	keep := q.code == 0 && (len(e.addrs) > 0 || len(e.services) > 0 || e.cname != "")
	if keep {
		e.until = now + int64(q.ttl)
		if v := r.options.Valid; v > 0 {
			e.until = now + int64(v/time.Second)
		}
		r.link(e)
		r.use(e, now)
	} else {
		delete(r.entries, e.key)
	}
	for s := q.waiters; s != nil; {
		next := s.next
		s.next, s.question = nil, nil
		switch {
		case keep:
			s.take(e, false)
		case q.code == 0:
			s.fail(codeNotFound, now+r.negative())
		default:
			s.fail(q.code, now+r.negative())
		}
		s.signal.Fire()
		s = next
	}
	q.waiters = nil
	r.expire(now)
}

// use makes an entry the newest.
func (r *Resolver) use(e *entry, now int64) {
	e.unused = now + keepUnused
	if r.newest != e {
		r.unlink(e)
		r.link(e)
	}
}

// expire drops what nobody has asked for of late, a few entries at a time, and what there is no room for.
func (r *Resolver) expire(now int64) {
	for n := 0; r.oldest != nil && (n < 8 && r.oldest.unused < now || r.room > mostRoom); n++ {
		e := r.oldest
		r.unlink(e)
		delete(r.entries, e.key)
	}
}

func (r *Resolver) link(e *entry) {
	r.room += e.room()
	e.older, e.newer = r.newest, nil
	if r.newest != nil {
		r.newest.newer = e
	} else {
		r.oldest = e
	}
	r.newest = e
}

func (r *Resolver) unlink(e *entry) {
	r.room -= e.room()
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		r.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		r.oldest = e.newer
	}
	e.newer, e.older = nil, nil
}
