package filter

import (
	"weir/disk"
	"weir/http"
	"weir/logs"
)

// A page is a response whose commands are being carried out (http.BodyFilter).
type page struct {
	conf   *ssiConf
	in     *http.Request // nil: only there for what is shared
	scan   scanner
	own    ssiShared
	shared *ssiShared // of the main request

	hidden   bool // nothing is shown: what an if was not true for, or a block
	block    int  // number of the block that is being written, -1 for none
	branch   ssiBranch
	taken    bool // a branch of this if was
	errmsg   []byte
	timefmt  []byte
	hasError bool // errmsg was set
	encoding ssiEncoding

	place int          // among the body filters
	out   []http.Piece // made, and not yet passed on
	piece ssiInput
	turn  turn
	// scratch of regular expressions
	scratch []int
}

// ssiBranch reports where in an if a page is.
type ssiBranch uint8

const (
	outsideIf ssiBranch = iota
	insideIf            // behind if or elif
	insideElse
)

// ssiInput is the memory that is being looked through.
type ssiInput struct {
	own  []byte // is to be given to somebody
	from int    // pieces from here on are part of it
	last int    // the last of them, -1 if there is none
}

func (g *page) begin(c *ssiConf) {
	g.conf, g.in, g.shared = c, nil, nil
	g.scan.reset(int(c.valueLength))
	g.own.reset()
	g.hidden, g.block, g.branch, g.taken = false, -1, outsideIf, false
	g.errmsg, g.hasError, g.timefmt, g.encoding = nil, false, nil, ssiEntity
	g.out = g.out[:0]
	g.piece, g.turn = ssiInput{last: -1}, turn{}
}

// CloseWith gives the page back when the request has ended (http.Closer).
func (g *page) CloseWith(*http.Request) {
	pool := &g.conf.common.pages
	clear(g.out[:cap(g.out)])
	g.own.reset()
	g.conf, g.in, g.shared, g.errmsg, g.timefmt, g.piece = nil, nil, nil, nil, nil, ssiInput{}
	pool.Put(g)
}

// Body looks through pieces of the body and passes on what comes of them. What is left of a command at
// the end is dropped, as nginx does.
func (g *page) Body(r *http.Request, i int, p []http.Piece, f http.Flags) error {
	g.place = i
	for k := range p {
		var err error
		if p[k].Len > 0 {
			err = g.file(r, p[k])
		} else {
			err = g.memory(r, p[k].B, p[k].Own)
		}
		if err != nil {
			giveAll(r, p[k+1:])
			giveAll(r, g.out)
			g.out = g.out[:0]
			return err
		}
	}
	if f&http.Last != 0 {
		g.scan.reset(g.scan.maxValue)
	}
	if len(g.out) == 0 && f == 0 {
		return nil
	}
	return g.pass(r, f)
}

// pass passes on what was made so far.
func (g *page) pass(r *http.Request, f http.Flags) error {
	out := g.out
	g.out = g.out[:0]
	return r.PassBody(g.place+1, out, f)
}

// ssiFileChunk is how much of a file is looked through at a time.
const ssiFileChunk = 32 << 10

// file looks through a file, not much faster than the client takes what comes of it.
func (g *page) file(r *http.Request, p http.Piece) error {
	for p.Len > 0 {
		n := int(min(p.Len, ssiFileChunk))
		buf := r.Loop().Take(n)
		n, err := disk.ReadAt(r.Task, p.FD, buf[:n], p.Off)
		if err != nil {
			r.Loop().Give(buf)
			r.LogErr(logs.Crit, err, "pread() failed")
			return err
		}
		p.Off += int64(n)
		p.Len -= int64(n)
		if err := g.memory(r, buf[:n], buf); err != nil {
			return err
		}
		g.turn.rest(r)
		if len(g.out) == 0 {
			continue
		}
		if err := g.pass(r, 0); err != nil {
			return err
		}
		if r.Wire.Queued() > recodeAhead {
			if err := r.Drain(); err != nil {
				return err
			}
		}
	}
	return nil
}

// memory looks through b, which is part of own if that is not nil.
func (g *page) memory(r *http.Request, b, own []byte) (err error) {
	g.piece = ssiInput{own: own, from: len(g.out), last: -1}
	for len(b) > 0 && err == nil {
		mark, text, rest, ev := g.scan.next(b)
		g.write([]byte(ssiMark[:mark]), false)
		g.write(text, true)
		b = rest
		switch ev {
		case ssiCommand:
			err = g.command(r)
		case ssiFault:
			r.Log(logs.Error, g.scan.fault)
		case ssiSkipped:
			g.complain(r)
		}
	}
	last := g.piece.last
	g.piece = ssiInput{last: -1}
	switch {
	case own == nil:
	case last >= 0:
		g.out[last].Own = own
	default:
		r.Loop().Give(own)
	}
	return err
}

// write writes text to where text goes now; lent says that it is part of the memory looked through.
func (g *page) write(text []byte, lent bool) {
	switch {
	case len(text) == 0:
	case g.block >= 0:
		b := &g.shared.blocks[g.block]
		b.text = append(b.text, text...)
	case !g.hidden:
		if lent {
			if last := g.piece.last; last >= 0 && g.piece.own != nil {
				g.out[last] = ownCopy(g.in, g.out[last].B)
			}
			g.piece.last = len(g.out)
		}
		g.out = append(g.out, http.Mem(text))
	}
}

// print writes what a command has made.
func (g *page) print(text []byte) {
	if len(text) > 0 {
		g.out = append(g.out, http.Mem(text))
	}
}

// complain writes the error message in the place of a command.
func (g *page) complain(*http.Request) {
	switch {
	case g.conf.silent:
	case g.hasError:
		g.print(g.errmsg)
	default:
		g.print([]byte("[an error occurred while processing the directive]"))
	}
}

// flush passes on what was made so far, so that an included page comes behind it. Memory that is still
// being looked through cannot be given away, so what is part of it is copied.
func (g *page) flush(r *http.Request) error {
	if g.piece.own != nil && g.piece.last >= 0 {
		for k := g.piece.from; k <= g.piece.last; k++ {
			if p := &g.out[k]; p.Own == nil {
				*p = ownCopy(r, p.B)
			}
		}
	}
	g.piece.from, g.piece.last = 0, -1
	if len(g.out) == 0 {
		return nil
	}
	return g.pass(r, 0)
}
