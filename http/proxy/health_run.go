package proxy

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"weir/http"
	"weir/load"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
)

// A checker makes one health check of all peers of a group, as long as the cycle lives. All of it runs on one loop.
type checker struct {
	*checkConf
	h   *handler
	g   *upstream.Group
	app *http.App
	loc *http.Location

	watched map[any]*watch // by the identity of the peer
}

// A watch is the checks of one peer.
type watch struct {
	c    *checker
	p    *upstream.Peer
	only *upstream.Group // p alone, at the port that is checked
	head []byte          // what log lines say

	stopped bool
	stop    loop.Signal
}

// run has every peer of the group watched, also those that it gets while it is used.
func (c *checker) run(j *load.Job) {
	c.watched = map[any]*watch{}
	for {
		c.follow(j.Task().Loop())
		if err := j.Sleep(c.interval); err != nil {
			break
		}
	}
	for _, w := range c.watched {
		w.end()
	}
}

// follow begins to watch peers that are new, and ends it for those that are gone.
func (c *checker) follow(l *loop.Loop) {
	is := map[any]*upstream.Peer{}
	for _, p := range c.g.Peers() {
		if !p.Down {
			is[p.Identity()] = p
		}
	}
	for id, w := range c.watched {
		p := is[id]
		if p == nil {
			w.end()
			delete(c.watched, id)
			continue
		}
		w.p = p
	}
	for id, p := range is {
		if c.watched[id] == nil {
			w := &watch{c: c, p: p}
			c.watched[id] = w
			w.prepare(l)
			l.Go(w.run)
		}
	}
}

// prepare makes what all checks of the peer have in common.
func (w *watch) prepare(l *loop.Loop) {
	c := w.c
	w.only = c.g.Only(w.p, c.port, upstream.Keepalive{Max: 1, Requests: 1 << 30, Life: c.keepalive, Idle: 2*(c.interval+c.jitter) + time.Minute})
	w.head = fmt.Appendf(nil, ", health check \"%s\" of peer %s in upstream \"%s\"", c.matchName, w.p.Name, c.g.Name)
	if c.port != 0 {
		w.head = fmt.Appendf(w.head, ", port %d", c.port)
	}
}

func (w *watch) end() {
	w.stopped = true
	w.stop.Fire()
}

// run checks the peer again and again.
func (w *watch) run(t *loop.Task) {
	defer w.only.Retire()
	for {
		start := t.Now()
		var passed bool
		w.c.app.Background(t, w.c.request(w.head), func(r *http.Request) {
			passed = w.check(r)
			if !w.stopped {
				w.report(r, passed)
			}
		})
		pause := w.c.interval
		if w.c.jitter > 0 {
			pause += rand.N(w.c.jitter)
		}
		// At least a moment: a check that fails at once must not be made again at once, however short the interval.
		wait := loop.Wait{Signal: &w.stop, Deadline: max(start.Add(pause), t.Now().Add(time.Millisecond))}
		if w.stopped || t.Poll(&wait) != loop.ErrTimeout {
			return
		}
	}
}

// report says how a check has ended, and logs it when the peer is another than it was by it.
func (w *watch) report(r *http.Request, passed bool) {
	health, changed := w.c.g.Judge(w.p, w.c.Key, passed, r.Task.Now())
	switch {
	case !changed:
	case health == upstream.Healthy:
		r.Log(logs.Notice, "peer is healthy")
	default:
		r.Log(logs.Warn, "peer is unhealthy")
	}
}

// request is what the peer is asked.
func (c *checker) request(about []byte) *http.BackgroundRequest {
	if c.grpc {
		return &http.BackgroundRequest{
			Location: c.loc, Method: http.POST, Name: []byte("POST"), Target: []byte("/grpc.health.v1.Health/Check"),
			Fields: grpcFields(), Body: grpcHealthRequest(c.service), About: about,
		}
	}
	return &http.BackgroundRequest{Location: c.loc, Method: http.GET, Name: methodGet, Target: []byte(c.uri), About: about}
}

// check asks the peer once. What was being done last is in r.Doing then.
func (w *watch) check(r *http.Request) bool {
	x := w.c.h.take(r)
	x.dest = w.c.h.fixed
	x.dest.group, x.dest.uri = w.only, nil
	if x.proto.createRequest(&x.call) != http.Next {
		return false
	}
	defer x.finish()
	x.secureFor()
	x.began = r.Task.Now()
	x.sticky = nil
	w.only.Begin(&x.attempt, upstream.Ask{Now: x.began})
	x.attempt.Limit(1)
	if f, v := x.ask(); f != 0 || v != http.Next {
		if f == faultTimeout {
			r.Log(logs.Error, "upstream timed out (110: Connection timed out)")
		}
		x.leave(upstream.Failed)
		return false
	}
	m := w.c.match
	doing, ok := m.head(x.reply.status, x.fields)
	if !ok {
		r.Doing = doing
		return false
	}
	var body []byte
	if m.looksAtBody() || w.c.grpc || w.c.keepalive > 0 {
		if body, ok = x.wholeBody(r.Loop()); !ok {
			return false
		}
		defer r.Loop().Give(body)
	}
	r.Doing = doing
	if w.c.grpc {
		r.Doing = "checking gRPC status"
		return w.c.grpcHealthy(x, body)
	}
	if m == nil {
		return true
	}
	for _, t := range m.required {
		r.Doing = "checking required variables"
		if v := r.Text(t); len(v) == 0 || string(v) == "0" {
			return false
		}
	}
	if m.looksAtBody() {
		r.Doing = "checking body"
		return m.body(body)
	}
	return true
}

// wholeBody reads the body of the response, as much of it as checks look at, into memory of the loop, which the caller gives back. It
// reports false, and has logged why, when the body does not end as it should. One that is longer is given up; then the connection is lost.
func (x *exchange) wholeBody(l *loop.Loop) ([]byte, bool) {
	body := l.Take(4 << 10)[:0]
	x.answering = x.h.pass.duplex
	raw := x.buf[x.at:x.end]
	x.at = x.end
	err := x.part(raw, nil)
	for {
		for i := range x.pieces {
			body = appendTo(l, body, x.pieces[i].B)
			x.give(x.pieces[i].Own)
			x.pieces[i].Own = nil
		}
		x.pieces = x.pieces[:0]
		switch {
		case err == io.EOF && x.untilEOF, err == nil && x.bodyEnd && !x.short, err == nil && len(body) >= bodyMost:
			return body, true
		case err != nil:
			if err != errFraming {
				x.peerFailed("recv()", err)
			}
			fallthrough
		case x.bodyEnd:
			l.Give(body)
			return nil, false
		}
		var n int
		if n, err = x.readPart(); err == nil && n == 0 && !x.bodyEnd {
			if x.waitPeer() != http.Next {
				l.Give(body)
				return nil, false
			}
		}
	}
}

// appendTo appends p to a buffer of the loop, up to what checks look at.
func appendTo(l *loop.Loop, body, p []byte) []byte {
	p = p[:min(len(p), max(bodyMost-len(body), 0))]
	if len(body)+len(p) > cap(body) {
		bigger := l.Take(2 * (len(body) + len(p)))[:0]
		bigger = append(bigger, body...)
		l.Give(body)
		body = bigger
	}
	return append(body, p...)
}
