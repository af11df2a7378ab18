package proxy

import (
	"strconv"
	"time"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/logs"
	"weir/upstream"
)

// A sticky is "sticky" of a group, with its texts compiled.
type sticky struct {
	*upstream.Sticky
	lookup, create   []*http.Text
	domain, sameSite *http.Text // nil: there is none
	anySameSite      bool       // it has variables, and may be anything
}

// stickies are those of all groups that have one, compiled once in a build.
type stickies struct{ bySpec map[*upstream.Spec]*sticky }

func (s *stickies) compile(b *http.Builder) (map[*upstream.Spec]*sticky, error) {
	if s.bySpec != nil {
		return s.bySpec, nil
	}
	s.bySpec = map[*upstream.Spec]*sticky{}
	for _, spec := range b.Upstreams().Specs() {
		if spec.Sticky == nil {
			continue
		}
		t := &sticky{Sticky: spec.Sticky}
		at := conf.Spot{Node: spec.Sticky.Node, Arg: -1}
		for _, list := range []struct {
			from []string
			to   *[]*http.Text
		}{{t.Lookup, &t.lookup}, {t.Create, &t.create}} {
			for _, source := range list.from {
				text, err := b.Vars.CompileAt(at, source)
				if err != nil {
					return nil, at.Errorf("%v", err)
				}
				*list.to = append(*list.to, text)
			}
		}
		for _, one := range []struct {
			from string
			to   **http.Text
		}{{t.Domain, &t.domain}, {t.SameSite, &t.sameSite}} {
			if one.from == "" {
				continue
			}
			text, err := b.Vars.CompileAt(at, one.from)
			if err != nil {
				return nil, at.Errorf("%v", err)
			}
			*one.to = text
		}
		if t.sameSite != nil {
			_, fixed := t.sameSite.Const()
			t.anySameSite = !fixed
		}
		s.bySpec[spec] = t
	}
	return s.bySpec, nil
}

// tied finds out which peer the client is tied to, if any.
func (x *exchange) tied(g *upstream.Group) []byte {
	x.sticky, x.stickyID, x.cookieAt = nil, nil, 0
	if len(x.h.stickies) == 0 {
		return nil
	}
	t := x.h.stickies[g.Spec]
	if t == nil {
		return nil
	}
	x.sticky, x.stickyID = t, firstOf(x.r, t.lookup)
	if x.stickyID == nil || t.Sessions == nil {
		return x.stickyID
	}
	sid := t.Sessions.Find(x.r.Alloc(32)[:0], x.stickyID, x.r.Task.Now(), t.Timeout)
	if x.r.Debugs() {
		x.r.Debugf("sticky: session \"%s\", SID \"%s\"", x.stickyID, sid)
	}
	return sid
}

// firstOf is the first of some texts that is not empty, nil when all are.
func firstOf(r *http.Request, texts []*http.Text) []byte {
	for _, t := range texts {
		if v := r.Text(t); len(v) > 0 {
			return v
		}
	}
	return nil
}

// stick tells the client which peer it was given, in a cookie, if it is to be told so. Every peer that is tried takes the place of the one
// before.
func (x *exchange) stick(p *upstream.Peer) {
	t := x.sticky
	if t == nil || t.Name == "" {
		return
	}
	o := &x.r.Out
	value := t.appendCookie(x.r.Alloc(t.size(p))[:0], x.r, p.SID)
	if x.r.Debugs() {
		x.r.Debugf("sticky: set cookie: \"%s\"", value)
	}
	if i := x.cookieAt - 1; i >= 0 && i < len(o.Fields) && o.Fields[i].ID == field.SetCookie {
		o.Fields[i].Value = value
		return
	}
	o.AddField(field.SetCookie, field.SetCookie.Bytes(), value)
	x.cookieAt = len(o.Fields)
}

// size is about as much as a cookie takes.
func (t *sticky) size(p *upstream.Peer) int { return len(t.Name) + len(p.SID) + len(t.Path) + 192 }

// appendCookie appends the cookie, its attributes in nginx's order.
func (t *sticky) appendCookie(b []byte, r *http.Request, sid string) []byte {
	b = append(append(append(b, t.Name...), '='), sid...)
	switch t.Expires {
	case upstream.NoExpires:
	case upstream.MaxExpires:
		b = append(b, "; expires=Thu, 31-Dec-37 23:55:55 GMT; max-age=315360000"...)
	default:
		age := int64(t.Expires / time.Second)
		b = append(b, "; expires="...)
		b = field.AppendCookieDate(b, r.Loop().Wall().Unix()+age)
		b = strconv.AppendInt(append(b, "; max-age="...), age, 10)
	}
	if v := r.Text(t.domain); len(v) > 0 {
		b = append(append(b, "; domain="...), v...)
	}
	if t.HTTPOnly {
		b = append(b, "; httponly"...)
	}
	if t.Secure {
		b = append(b, "; secure"...)
	}
	if v := r.Text(t.sameSite); len(v) > 0 {
		if t.anySameSite && !upstream.IsSameSite(v) {
			v = []byte("strict")
		}
		b = append(append(b, "; samesite="...), v...)
	}
	if t.Path != "" {
		b = append(append(b, "; path="...), t.Path...)
	}
	return b
}

// learn remembers which peer a session belongs to.
func (x *exchange) learn(p *upstream.Peer) {
	t := x.sticky
	id, create := firstOf(x.r, t.create), true
	if id == nil {
		id, create = x.stickyID, false
	}
	if id != nil && t.Sessions.Learn(id, p.SID, create, x.r.Task.Now(), t.Timeout) {
		x.r.Log(logs.Warn, "could not allocate node in sticky session zone, expiring least recently used session")
	}
}
