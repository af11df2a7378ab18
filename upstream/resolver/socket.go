package resolver

import (
	"crypto/rand"
	"encoding/binary"
	mathrand "math/rand/v2"
	"os"
	"slices"

	"weir/logs"
	"weir/loop"
)

// A home is the sockets of one loop. Loop only.
type home struct {
	loop *loop.Loop
	open []*socket
}

const (
	// mostSockets is how many sockets a loop opens for a resolver: questions have one each, with a port of its own, until there are so
	// many. Then they share those that there are.
	mostSockets = 128
	// mostWrong is how many answers with a wrong number are taken for accidents. After that somebody is guessing, and the question goes
	// over TCP, where numbers cannot be guessed.
	mostWrong = 16
	// largestQuestion has room for every question.
	largestQuestion = headSize + longestName + 2 + 4
)

// A socket is connected to one server, so that the kernel drops what comes from elsewhere. Loop only.
type socket struct {
	r       *Resolver
	home    *home
	server  int
	packets *loop.Packets
	asked   []asked
	wrong   int
}

// asked is a part of a question that waits for an answer, and the number of it.
type asked struct {
	q  *question
	p  *part
	id uint16
}

// home is what the resolver has on a loop. Loop only.
func (r *Resolver) home(l *loop.Loop) *home {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.homes[l]
	if h == nil {
		h = &home{loop: l}
		r.homes[l] = h
	}
	return h
}

// socket gives one to a server, a fresh one as long as there are not too many; nil when there is none to be had.
func (h *home) socket(r *Resolver, server int) *socket {
	if len(h.open) >= mostSockets {
		first := mathrand.IntN(len(h.open))
		for i := range h.open {
			if s := h.open[(first+i)%len(h.open)]; s.server == server && len(s.asked) < 1<<12 {
				return s
			}
		}
	}
	s := &socket{r: r, home: h, server: server}
	p, err := h.loop.DialPackets(loop.Addr{Net: r.options.Servers[server]}, s.receive)
	if err != nil {
		call := "socket()"
		if e, ok := err.(*os.SyscallError); ok {
			call = e.Syscall + "()"
		}
		r.callFailed(logs.Crit, call, err, server)
		return nil
	}
	p.Failed = s.broken
	s.packets = p
	h.open = append(h.open, s)
	return s
}

// ask asks for one part of a question.
func (s *socket) ask(q *question, p *part) {
	a := asked{q, p, s.number()}
	s.asked = append(s.asked, a)
	var room [largestQuestion]byte
	if err := s.packets.Send(loop.Datagram{Data: appendQuestion(room[:0], a.id, q.entry.name, p.kind)}); err != nil {
		s.r.callFailed(logs.Error, "send()", err, s.server)
	}
}

// number draws a number that no question on the socket has.
func (s *socket) number() uint16 {
	for {
		id := randomID()
		if !slices.ContainsFunc(s.asked, func(a asked) bool { return a.id == id }) {
			return id
		}
	}
}

func randomID() uint16 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // it never fails
	return binary.BigEndian.Uint16(b[:])
}

// receive takes a datagram.
func (s *socket) receive(_ *loop.Packets, d loop.Datagram) {
	m, err := parseMessage(d.Data, false)
	if err != nil {
		s.r.unread(err, s.asked)
		return
	}
	a, same := match(s.asked, &m)
	switch {
	case same == nil:
		s.r.logf("unexpected DNS response for %s", m.name)
	case a == nil:
		s.r.logf("wrong ident %d in DNS response for %s, expect %d", m.id, m.name, same.id)
		if s.wrong++; s.wrong > mostWrong {
			s.overTCP(*same)
		}
	case m.truncated:
		s.overTCP(*a)
	default:
		a.q.answer(a.p, &m)
		s.tidy()
	}
}

// match finds the question that a message answers, and one that it would answer but for its number.
func match(asked []asked, m *message) (a, same *asked) {
	for i := range asked {
		if b := &asked[i]; b.q.entry.name == m.name && b.p.kind == m.kind {
			if same = b; b.id == m.id {
				return b, b
			}
		}
	}
	return nil, same
}

// unread logs an answer that cannot be used. It may be about one of the questions.
func (r *Resolver) unread(err error, all []asked) {
	e, ok := err.(*codeError)
	if !ok {
		r.logf("%v", err)
		return
	}
	r.stats.count(e.code)
	for _, a := range all {
		if e.code == codeFormat && a.id == e.id {
			r.logf("%v, name:\"%s\"", err, a.q.entry.name)
			return
		}
	}
	r.logf("%v", err)
}

// overTCP asks for a part anew, over TCP.
func (s *socket) overTCP(a asked) {
	s.asked = slices.DeleteFunc(s.asked, func(b asked) bool { return b == a })
	s.tidy()
	if a.p.done || a.p.tcp {
		return
	}
	a.p.tcp = true
	server := s.server
	s.home.loop.Go(func(t *loop.Task) { a.q.overTCP(t, a.p, server) })
}

// tidy drops what is answered, and closes the socket that nobody waits at.
func (s *socket) tidy() {
	s.asked = slices.DeleteFunc(s.asked, func(a asked) bool { return a.p.done || a.q.done })
	s.closeIdle()
}

func (s *socket) closeIdle() {
	if len(s.asked) > 0 {
		return
	}
	if i := slices.Index(s.home.open, s); i >= 0 {
		s.home.open = slices.Delete(s.home.open, i, i+1)
		s.packets.Close()
	}
}

// forget drops what is asked for a question.
func (h *home) forget(q *question) {
	for _, s := range slices.Clone(h.open) {
		s.asked = slices.DeleteFunc(s.asked, func(a asked) bool { return a.q == q })
		s.closeIdle()
	}
}

// broken is told that the server cannot be reached, as far as the kernel knows.
func (s *socket) broken(err error) {
	s.r.callFailed(logs.Error, "recv()", err, s.server)
	for _, a := range s.asked {
		a.q.refused = true
		a.q.wake.Fire()
	}
}

// callFailed logs a failed call on the way to a server, as nginx does.
func (r *Resolver) callFailed(v logs.Level, call string, err error, server int) {
	if r.options.Log.Enabled(v) {
		r.options.Log.Logf(v, 0, "%s failed %s while resolving, resolver: %s", call, logs.AppendErrno(nil, err), r.options.Servers[server])
	}
}
