package http

// Respond answers with a status and a short text: a location for redirects, else the body. It is what
// return does.
func (r *Request) Respond(status int, text []byte) Verdict {
	if v := r.DiscardBody(); v != Next {
		return v
	}
	switch status {
	case 301, 302, 303, 307, 308:
		r.Out.Location = r.Copy(text)
		r.Out.EmptyLocation = len(text) == 0
		return Verdict(status)
	}
	o := &r.Out
	o.Status = status
	o.ContentLength = int64(len(text))
	r.SetContentType()
	if v := r.SendHead(); v != Next {
		return v
	}
	if len(text) == 0 {
		return r.SendAll(nil)
	}
	return r.SendAll([]Piece{Mem(r.Copy(text))})
}
