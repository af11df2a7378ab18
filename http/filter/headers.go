package filter

import (
	"weir/conf"
	"weir/http"
	"weir/http/field"
)

// headersConf holds the settings of one block.
type headersConf struct {
	own      []*line // add_header here
	trailers []*line // add_trailer here
	inherit  inheritMode
	trailInh inheritMode
	expires  expiry
}

type inheritMode uint8

const (
	inheritOn inheritMode = iota
	inheritOff
	inheritMerge
)

// A line is one add_header or add_trailer.
type line struct {
	id     field.ID
	name   []byte
	value  *http.Text
	always bool
}

// Headers is nginx's headers module.
var Headers = http.Define(http.Spec[headersConf]{
	Name: "http_headers",
	Doc:  "Adds fields to the head of a response and after its body, and says how long it may be cached.",
	Directives: []conf.Directive[headersConf]{
		{
			Name: "add_header", In: places, Syntax: "<name:string> <value:text> [always]", Group: "add_header", Inherit: conf.Never, Repeat: true,
			Doc: `Adds a field to responses of status 200, 201, 204, 206, 301, 302, 303, 304, 307 or 308; with **always** to every response. An
empty value adds none. A block with an add_header of its own does not use those around it, unless add_header_inherit says so.`,
			Example: "add_header X-Frame-Options DENY always;",
			Set:     func(c *headersConf, call *conf.Call) error { return addLine(&c.own, call) },
		},
		{
			Name: "add_header_inherit", In: places, Syntax: "on | off | merge", Default: "on",
			Doc: "How a block comes by the add_header around it: **on**, if it has none; **merge**, behind its own; **off**, not at all.",
			Set: conf.Enum(func(c *headersConf) *inheritMode { return &c.inherit }, inheritModes()),
		},
		{
			Name: "add_trailer", In: places, Syntax: "<name:string> <value:text> [always]", Group: "add_trailer", Inherit: conf.Never, Repeat: true,
			Doc: "Adds a field behind the body of a chunked response, under the conditions of add_header.",
			Set: func(c *headersConf, call *conf.Call) error { return addLine(&c.trailers, call) },
		},
		{
			Name: "add_trailer_inherit", In: places, Syntax: "on | off | merge", Default: "on",
			Doc: "How a block comes by the add_trailer around it, see add_header_inherit.",
			Set: conf.Enum(func(c *headersConf) *inheritMode { return &c.trailInh }, inheritModes()),
		},
		{
			Name: "expires", In: places, Syntax: "! 1-2 [modified] <time>\n! 1 epoch | max | off", Default: "off",
			Doc: `Sets Expires and Cache-Control: *time* from now, or [modified] *time* from the time of the file; a negative time is "no-cache".
"@15h30m" is a time of day; epoch, max and off are special. The value may have variables.`,
			Example: "expires 30d;",
			Set:     setExpires,
		},
	},
	Install: installHeaders,
})

const places = conf.HTTP | conf.Server | conf.Location | conf.LocationIf

func inheritModes() map[string]inheritMode {
	return map[string]inheritMode{"on": inheritOn, "off": inheritOff, "merge": inheritMerge}
}

func addLine(into *[]*line, call *conf.Call) error {
	text, err := http.CompileText(call, 1, call.Arg(1))
	if err != nil {
		return err
	}
	name := []byte(call.Arg(0))
	*into = append(*into, &line{id: field.Lookup(name), name: name, value: text, always: call.Len() > 2})
	return nil
}

// added is what really holds in a location.
type added struct {
	lines    []*line
	trailers []*line
	expires  expiry
}

func installHeaders(c *headersConf, in *http.Install) error {
	a := added{expires: c.expires, lines: headLines.effective(in, in.Block), trailers: trailerLines.effective(in, in.Block)}
	if len(a.lines) == 0 && len(a.trailers) == 0 && a.expires.mode == expiresOff {
		return nil
	}
	last := http.Of[lastAdded](in.Builder)
	if last.filter == nil || !last.same(&a) {
		own := new(added)
		*own = a
		last.added, last.filter = a, own.head
	}
	in.Head(last.filter)
	return nil
}

// lastAdded is what the location before added: mostly the next one inherits the same.
type lastAdded struct {
	added
	filter http.HeadFilter
}

func (a *lastAdded) same(b *added) bool {
	return a.expires == b.expires && sameLines(a.lines, b.lines) && sameLines(a.trailers, b.trailers)
}

// sameLines reports whether two lists are one in memory.
func sameLines(a, b []*line) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// A lineKind is add_header or add_trailer: its lines and its way of inheriting.
type lineKind struct {
	own  func(*headersConf) []*line
	mode func(*headersConf) inheritMode
}

var (
	headLines    = lineKind{func(c *headersConf) []*line { return c.own }, func(c *headersConf) inheritMode { return c.inherit }}
	trailerLines = lineKind{func(c *headersConf) []*line { return c.trailers }, func(c *headersConf) inheritMode { return c.trailInh }}
)

// effective are the lines of a block with those around it that it inherits.
func (k lineKind) effective(in *http.Install, b *conf.Block) []*line {
	c := conf.Settings[headersConf](in.Builder.Scopes, in.Module.Conf, b)
	mine, mode := k.own(c), k.mode(c)
	if mode == inheritOff || mode == inheritOn && len(mine) > 0 || b.Context == conf.HTTP || b.Parent == nil {
		return mine
	}
	around := k.effective(in, b.Parent)
	if len(mine) == 0 {
		return around
	}
	return append(append([]*line(nil), mine...), around...)
}

// plainStatus reports whether lines without "always" are added to a response of this status.
func plainStatus(status int) bool {
	switch status {
	case 200, 201, 204, 206, 301, 302, 303, 304, 307, 308:
		return true
	}
	return false
}

func (a *added) head(r *http.Request) http.Verdict {
	if r.IsSub() {
		return http.Next
	}
	plain := plainStatus(r.Out.Status)
	if plain && a.expires.mode != expiresOff {
		a.expires.set(r)
	}
	for _, l := range a.lines {
		if plain || l.always {
			l.add(r)
		}
	}
	for _, l := range a.trailers {
		if plain || l.always {
			r.Out.ExpectTrailers = true
			r.FilterBody(&trailing{a: a, plain: plain})
			break
		}
	}
	return http.Next
}

// add adds one line to the head.
func (l *line) add(r *http.Request) {
	o := &r.Out
	v := r.Text(l.value)
	switch l.id {
	case field.LastModified:
		o.LastModified = -1
		if t, ok := field.ParseDate(v); ok {
			o.LastModified = t
		}
		fallthrough
	case field.ETag:
		if len(v) == 0 {
			o.DropField(l.id)
		} else {
			o.SetField(l.id, l.name, v)
		}
		return
	}
	if len(v) > 0 {
		o.AddField(l.id, l.name, v)
	}
}

// trailing adds trailers when the body ends, so that their variables know of all of it.
type trailing struct {
	a     *added
	plain bool
}

func (t *trailing) Body(r *http.Request, i int, p []http.Piece, f http.Flags) error {
	if f&http.Last != 0 {
		for _, l := range t.a.trailers {
			if !t.plain && !l.always {
				continue
			}
			if v := r.Text(l.value); len(v) > 0 {
				r.Out.Trailers = append(r.Out.Trailers, http.Field{ID: l.id, Name: l.name, Value: v})
			}
		}
	}
	return r.PassBody(i+1, p, f)
}
