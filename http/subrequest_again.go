package http

// Again has the request answered once more by what answers it in the place where it is: URI, settings and captures are the same, the phases
// before are over. Of filters the answer has head only, and its body goes to place i of r's body filters. prepare sees the request before it
// runs. Errors are those of Subrequest.
func (r *Request) Again(i int, head HeadFilter, prepare func(again *Request)) (*Request, error) {
	s := r.subrequestAt(r.URI, r.Args, SubrequestOptions{Into: i, KeepMethod: true})
	s.depth = 1
	if r.sub != nil {
		s.depth += r.sub.depth
	}
	q := &s.req
	q.HeaderOnly = r.IsHead()
	s.heads = []HeadFilter{head}
	prepare(q)
	s.finish(q.answerHere())
	return q, s.err
}

// Release gives back what a subrequest holds before the main request ends: nothing of its body waits for the client any more.
func (r *Request) Release() {
	s := r.sub
	if len(s.main.later) > 0 { // which may be of this one
		return
	}
	all := s.main.closers
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == Closer(s) {
			copy(all[i:], all[i+1:])
			all[len(all)-1] = nil
			s.main.closers = all[:len(all)-1]
			s.CloseWith(s.main)
			return
		}
	}
}

// subrequestAt makes a subrequest for the place where the request is.
func (r *Request) subrequestAt(uri, args []byte, o SubrequestOptions) *subrequest {
	s, _ := r.App.subs.Get().(*subrequest)
	if s == nil {
		s = &subrequest{}
	}
	if r.debug {
		r.Debugf("http subrequest \"%s?%s\"", uri, args)
	}
	s.begin(r, uri, args, o)
	s.main.OnEnd(s)
	q := &s.req
	place := r.Place
	place.jump = nil
	q.Place, q.debug = place, r.debug
	q.captures, q.capSource = append(q.captures[:0], r.captures...), r.capSource
	return s
}

// finish carries out the verdict of a subrequest's phases and writes its log line.
func (s *subrequest) finish(v Verdict) {
	q := &s.req
	q.finalize(v)
	if s.err == nil {
		s.stub()
	}
	s.log()
}

func (s *subrequest) log() {
	q := &s.req
	q.logged = true
	if q.Loc.Core.LogSubrequest {
		for _, f := range q.Loc.Logs {
			f(q)
		}
	}
}

// answerHere runs the content phase of the place where the request is.
func (r *Request) answerHere() Verdict {
	loc := r.Loc
	if loc.Handler != nil {
		return loc.Handler(r)
	}
	for _, s := range loc.Content {
		if v := s(r); v != Next {
			return v
		}
	}
	return Next
}
