package http

import (
	"weir/logs"
)

// Serve answers a request whose head is complete: it finds server and location, runs the phases and
// sees to it that some response is sent. The wire calls it, and calls End when the last byte is out.
func (r *Request) Serve() {
	r.count()
	v := r.admit()
	if v == Next {
		v = r.servePhases()
	}
	r.finalize(v)
}

// Refuse answers a request that the wire found faulty with a status, through error_page as any other.
func (r *Request) Refuse(status int) {
	r.count()
	if r.Loc == nil {
		r.setLocation(r.Server.Root)
	}
	r.finalize(Verdict(status))
}

// finalize carries out verdicts until the request is answered.
func (r *Request) finalize(v Verdict) {
	for {
		if r.debug {
			r.debugVerdict(v)
		}
		switch {
		case v == Done:
			return
		case v == Redirected:
			v = r.servePhases()
		case v == Jumped:
			r.enter(r.jump)
			v = r.locationPhases(r.Loc.Rewrite)
		case v == Next:
			v = r.unanswered()
		case v == Abort, v == StatusClientClosed, v == StatusRequestTimeout:
			r.KeepAlive = false
			r.Out.Cut = true
			if r.Out.Status == 0 {
				r.Out.Status = int(v)
			}
			if v != Abort {
				r.left = v
			}
			if r.sub != nil {
				r.sub.kill()
			}
			return
		case r.Out.Sent:
			// too late for another answer: what is on its way is all the client gets
			r.KeepAlive = false
			r.Out.Cut = true
			return
		case r.sub != nil && r.sub.answerInstead():
			return
		default:
			v = r.Loc.Special(r, int(v))
		}
	}
}

// admit checks what every request must satisfy before a location is looked for.
func (r *Request) admit() Verdict {
	r.setLocation(r.Server.Root)
	if r.Method == TRACE || r.Method == CONNECT {
		r.KeepAlive = false
		if fault, v := r.admitMethod(); v != Next {
			r.Doing = "reading client request headers"
			r.Logf(logs.Info, "client sent %s", fault)
			r.Doing = ""
			return v
		}
	}
	switch {
	case r.Client.TLS != nil:
		return r.Client.TLS.Admit(r)
	case r.Client.wantsTLS:
		r.Doing = "reading client request headers"
		r.Log(logs.Info, "client sent plain HTTP request to HTTPS port")
		r.Doing = ""
		return StatusHTTPToHTTPS
	}
	return Next
}

// admitMethod says which TRACE and CONNECT are refused: all but a CONNECT of HTTP/1.1 without a body to a server that has tunnels.
func (r *Request) admitMethod() (fault string, v Verdict) {
	switch {
	case r.Method == TRACE:
		return "TRACE method", StatusNotAllowed
	case r.Version != HTTP11 || !r.Server.Tunnels:
		return "CONNECT method", StatusNotAllowed
	case r.Body.Length > 0 || r.Body.Chunked:
		return "CONNECT request with body", StatusBadRequest
	}
	return "", Next
}

// servePhases runs the server's own phases, finds the location and runs its phases.
func (r *Request) servePhases() Verdict {
	r.Doing = ""
	srv := r.Server
	if r.debug {
		r.Debugf("rewrite phase of server \"%s\"", srv.Name)
	}
	if r.Redirects == 0 && !r.Internal {
		for _, s := range srv.Root.PostRead {
			if v := s(r); v != Next {
				return v
			}
		}
	}
	r.Rewrite.Changed, r.Rewrite.Done = false, false
	for _, s := range srv.Root.ServerRewrite {
		if v := s(r); v != Next {
			return v
		}
	}
	return r.findLocation()
}

// findLocation leads the request into its location and on through the location's phases, again for
// every rewrite that changed the URI.
func (r *Request) findLocation() Verdict {
	for {
		loc, redirect, err := r.locate()
		if err != nil {
			r.LogErr(logs.Error, nil, err.Error())
			return StatusInternal
		}
		if r.debug {
			r.debugPlace(loc)
		}
		if loc.Core.Internal && !r.Internal {
			r.setLocation(loc)
			return StatusNotFound
		}
		r.enter(loc)
		if v := r.bodyFits(); v != Next {
			return v
		}
		if redirect {
			return r.addSlash(loc)
		}
		r.Rewrite.Changed, r.Rewrite.Done = false, false
		for _, s := range r.Loc.Rewrite { // none in a limit_except, which r.Loc may be
			if v := s(r); v != Next {
				return v
			}
		}
		if !r.Rewrite.Changed {
			return r.locationSteps()
		}
		if !r.countRedirect() {
			return StatusInternal
		}
	}
}

// locationPhases runs rewrite steps and then the rest of r.Loc, as for a named location.
func (r *Request) locationPhases(rewrite []Step) Verdict {
	r.Rewrite.Changed, r.Rewrite.Done = false, false
	for _, s := range rewrite {
		if v := s(r); v != Next {
			return v
		}
	}
	if r.Rewrite.Changed {
		if !r.countRedirect() {
			return StatusInternal
		}
		return r.findLocation()
	}
	return r.locationSteps()
}

// locationSteps runs what follows the rewrite phase: r.Loc may be an if block by now.
func (r *Request) locationSteps() Verdict {
	loc := r.Loc
	if r.debug && len(loc.Steps) > 0 {
		r.Debugf("access phase")
	}
	for _, s := range loc.Steps {
		if v := s(r); v != Next {
			return v
		}
	}
	if r.debug {
		r.Debugf("content phase")
	}
	return r.answerHere()
}

// unanswered is the end of the content phase: nobody wanted the request.
func (r *Request) unanswered() Verdict {
	if n := len(r.URI); n > 0 && r.URI[n-1] == '/' {
		path := r.FilePath()
		r.Logf(logs.Error, "directory index of \"%s\" is forbidden", path)
		return StatusForbidden
	}
	r.Log(logs.Error, "no handler found")
	return StatusNotFound
}

// bodyFits holds the announced length of the body against client_max_body_size.
func (r *Request) bodyFits() Verdict {
	limit := r.Loc.Core.MaxBody
	if r.debug {
		r.Debugf("http cl:%d max:%d", r.Body.Length, limit)
	}
	if limit == 0 || r.Body.Length <= limit {
		return Next
	}
	r.Logf(logs.Error, "client intended to send too large body: %d bytes", r.Body.Length)
	return StatusTooLarge
}

// enter makes loc the place whose settings hold, and lets it say whether the connection is kept.
func (r *Request) enter(loc *Location) {
	if loc.Methods != 0 && r.Method&loc.Methods == 0 {
		loc = loc.Except
	}
	r.setLocation(loc)
	c := loc.Core
	if r.KeepAlive {
		switch {
		case c.KeepaliveTimeout == 0,
			r.Client.Requests >= uint32(c.KeepaliveRequests),
			c.KeepaliveTime > 0 && r.StartedAt.Sub(r.Client.Started) > c.KeepaliveTime,
			c.NoKeepalive != nil && c.NoKeepalive(r):
			r.KeepAlive = false
		}
	}
}

// Abandon ends a request that cannot be answered any more, for the log's sake.
func (r *Request) Abandon(status int) {
	r.count()
	if r.Loc == nil {
		r.setLocation(r.Server.Root)
	}
	r.Out.Status = status
	r.Out.Cut = true
	r.KeepAlive = false
}

// End closes what the request held and writes its log lines. The wire calls it once, after the last
// byte was given to the client's kernel or given up.
func (r *Request) End() {
	if !r.logged {
		if r.Loc != nil {
			r.act()
		}
		r.logged = true
		if r.left != 0 && r.Out.TotalBytes == 0 { // the client has seen nothing of the answer
			r.Out.Status = int(r.left)
		}
		if r.Loc != nil {
			r.Doing = "logging request"
			if r.debug {
				r.Debugf("http log handler")
			}
			r.KeepAlive = r.KeepAlive && r.BodyLost // for $sent_http_connection, which says "close" in all of nginx's logs but then
			for _, f := range r.Loc.Logs {
				f(r)
			}
		}
	}
	for i, c := range r.closers {
		if r.closers[i] = nil; c != nil { // nil: it was this one that panicked, the first time
			c.CloseWith(r)
		}
	}
	r.closers = r.closers[:0]
	r.Body.close(r)
	r.arena.release(r.Task.Loop())
	r.uncount()
}
