package resolver

import "weir/loop"

// A question is one name that is being asked for, in a task of one loop. What is not said to be otherwise belongs to that loop.
type question struct {
	r       *Resolver
	entry   *entry
	waiters *search // guarded by Resolver.mu

	parts   []part
	code    int    // the last one that was no success
	ttl     uint32 // the least
	cname   string // of the answer that came last: as nginx, which forgets that of the others
	wake    loop.Signal
	done    bool // all parts are
	refused bool // a server cannot be reached
}

// A part is one type of records of the name.
type part struct {
	kind uint16
	done bool
	tcp  bool // asked for over TCP, since it does not fit into a datagram
	records
}

// ask begins a question about an entry. With Resolver.mu held; loop only.
func (r *Resolver) ask(t *loop.Task, e *entry) {
	q := &question{r: r, entry: e, ttl: ^uint32(0)}
	switch {
	case e.service:
		q.parts = []part{{kind: typeSRV}}
	case r.options.NoIPv6:
		q.parts = []part{{kind: typeA}}
	case r.options.NoIPv4:
		q.parts = []part{{kind: typeAAAA}}
	default:
		q.parts = []part{{kind: typeA}, {kind: typeAAAA}}
	}
	e.question = q
	r.asking++
	l := t.Loop()
	l.Post(func() { l.Go(q.run) }) // a task would begin at once, and the mutex is held
}

// join makes a search wait for the question. With Resolver.mu held.
func (q *question) join(s *search) {
	s.question, s.next = q, q.waiters
	q.waiters = s
}

// leave undoes join. With Resolver.mu held.
func (q *question) leave(s *search) {
	for at := &q.waiters; *at != nil; at = &(*at).next {
		if *at == s {
			*at = s.next
			break
		}
	}
	s.question, s.next = nil, nil
}

// run asks one server after the other until there is an answer or nobody waits for it any more.
func (q *question) run(t *loop.Task) {
	r := q.r
	q.code = codeStopped // until there is an answer
	defer func() {
		r.home(t.Loop()).forget(q)
		if !q.done {
			q.code, q.done = codeStopped, true
		}
		r.known(q, second(t.Now()))
	}()
	servers := len(r.options.Servers)
	at := int(r.next.Add(1)-1) % servers
	for left := servers; ; left-- {
		sent := q.send(t, at)
		at = (at + 1) % servers
		if !sent && left > 1 {
			continue
		}
		switch err := q.await(t, left > 1); {
		case q.done:
			return
		case err == loop.ErrStopped, err == loop.ErrTimeout && q.abandoned():
			return
		case err == loop.ErrTimeout:
			left = servers + 1
		}
	}
}

// await waits for the answer: until the next server is asked. With impatient, a server that cannot be reached is not waited for.
func (q *question) await(t *loop.Task, impatient bool) error {
	q.refused = false
	w := loop.Wait{Signal: &q.wake, Deadline: t.After(q.r.resend)}
	for !q.done && !(q.refused && impatient) {
		if err := t.Poll(&w); err != nil {
			return err
		}
	}
	return nil
}

// abandoned says that nobody waits for the answer.
func (q *question) abandoned() bool {
	q.r.mu.Lock()
	defer q.r.mu.Unlock()
	return q.waiters == nil
}

// send asks a server for what is missing. It says false when that could not be done.
func (q *question) send(t *loop.Task, server int) bool {
	h := q.r.home(t.Loop())
	var s *socket
	for i := range q.parts {
		p := &q.parts[i]
		switch {
		case p.done:
		case p.tcp:
			t.Loop().Go(func(t *loop.Task) { q.overTCP(t, p, server) })
		default:
			if s == nil {
				if s = h.socket(q.r, server); s == nil {
					return false
				}
			}
			s.ask(q, p)
		}
	}
	return true
}

// answer takes a server's answer to one part. What cannot be read is as if it had not come: a better one may.
func (q *question) answer(p *part, m *message) {
	r := q.r
	r.stats.count(m.code)
	if p.done || q.done {
		return
	}
	var got records
	if m.code == 0 {
		var err error
		if got, err = m.records(); err != nil {
			r.logf("%v", err)
			return
		}
		for _, kind := range got.strange {
			r.logf("unexpected RR type %d in DNS response", kind)
		}
		if m.answers > 0 && len(got.addrs) == 0 && len(got.services) == 0 && !got.alias {
			what := "A or CNAME types"
			if p.kind == typeSRV {
				what = "SRV type"
			}
			r.logf("no %s in DNS response", what)
		}
		q.ttl = min(q.ttl, got.ttl)
	}
	p.done, p.records, q.cname = true, got, got.cname
	if q.code == codeStopped || m.code != 0 {
		q.code = m.code
	}
	for i := range q.parts {
		if !q.parts[i].done {
			return
		}
	}
	q.done = true
	q.wake.Fire()
}

// fill makes the answer what the entry knows. With Resolver.mu held.
func (q *question) fill(e *entry) {
	e.question, e.addrs, e.v4, e.services, e.cname = nil, nil, 0, nil, ""
	if q.code != 0 {
		return
	}
	for i := range q.parts {
		p := &q.parts[i]
		if p.kind == typeA {
			e.v4 = len(p.addrs)
		}
		e.addrs = append(e.addrs, p.addrs...)
		e.services = append(e.services, p.services...)
	}
	e.cname = q.cname
}
