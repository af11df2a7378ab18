package proxy

import "weir/http"

// purge drops what the key of the request names: an entry with its variants or, with a final "*", all whose key begins so.
func (x *exchange) purge() http.Verdict {
	c, r := x.cache, x.r
	found := true
	if n := len(c.text); n > 0 && c.text[n-1] == '*' {
		c.zone.PurgePrefix(c.text[:n-1])
	} else {
		r.Task.Await(func() { found = c.zone.Purge(c.text, c.main) })
	}
	c.zone.CarryOut(r.Loop())
	if !found {
		return http.StatusNotFound
	}
	return r.Respond(204, nil)
}
