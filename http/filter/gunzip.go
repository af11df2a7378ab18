package filter

import (
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/klauspost/compress/gzip"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// gunzipConf holds the settings of one block.
type gunzipConf struct{ on bool }

// Gunzip is nginx's gunzip filter.
var Gunzip = http.Define(http.Spec[gunzipConf]{
	Name: "http_gunzip_filter",
	Doc:  "Unpacks responses in gzip for clients that do not take them: of a back end, or of gzip_static.",
	Directives: []conf.Directive[gunzipConf]{
		{
			Name: "gunzip", In: codingPlaces, Syntax: "on | off", Default: "off",
			Doc:     "Whether responses with `Content-Encoding: gzip` are unpacked for clients that do not take gzip.",
			Example: "location /assets/ { gzip_static always; gunzip on; }",
			Set:     conf.Flag(func(c *gunzipConf) *bool { return &c.on }),
		},
		{
			Name: "gunzip_buffers", In: codingPlaces, Syntax: "<number> <size>", Default: "32 4k", Support: conf.Ignored,
			Doc: "weir takes buffers of a loop as it needs them.",
			Set: conf.CheckBuffers[gunzipConf](),
		},
	},
	Install: func(c *gunzipConf, in *http.Install) error {
		if c.on {
			in.Head(http.Of[unzippers](in.Builder).head)
		}
		return nil
	},
})

// unzippers are what all locations of a build share.
type unzippers struct{ idle sync.Pool }

func (s *unzippers) head(r *http.Request) http.Verdict {
	o := &r.Out
	f := o.Fields.Find(field.ContentEncoding)
	if f == nil || !field.EqualFold(f.Value, "gzip") {
		return http.Next
	}
	o.CodingVaries = true
	if r.Loc.Core.GzipOK(r) {
		return http.Next
	}
	o.DropField(field.ContentEncoding)
	o.ContentLength, o.AllowRanges = -1, false
	o.DropField(field.AcceptRanges)
	r.WeakenETag()
	u := &unpacker{idle: &s.idle}
	r.OnEnd(u)
	r.FilterBody(u)
	return http.Next
}

// unpackSize is how much is unpacked at a time. A few bytes may become gigabytes: they never stand in memory all at once.
const unpackSize = 16 << 10

// An unpacker unpacks one body (http.BodyFilter).
//
// What unpacks reads from a reader, and bodies come in pieces: so it runs as a coroutine, which yields when the pieces at hand are read,
// and when it has made something.
type unpacker struct {
	idle   *sync.Pool // of *unzipper
	in     []byte     // of the piece at hand
	hungry bool       // the coroutine has read all of in
	ended  bool       // there will be no more pieces
	made   []byte     // what the coroutine has made, until it goes on
	err    error      // why it has ended; io.EOF at the end of the body
	next   func() (struct{}, bool)
	stop   func()
}

// An unzipper is what unpacks, with the memory that it needs.
type unzipper struct {
	gzip.Reader
	buf [unpackSize]byte
}

// errUnpackStopped ends a coroutine whose request is over.
var errUnpackStopped = errors.New("stopped")

// CloseWith ends the coroutine, when the request has ended (http.Closer).
func (u *unpacker) CloseWith(*http.Request) {
	if u.stop != nil {
		u.stop()
	}
}

// Body unpacks pieces of the body.
func (u *unpacker) Body(r *http.Request, i int, p []http.Piece, f http.Flags) error {
	if u.next == nil {
		u.next, u.stop = iter.Pull(u.run)
	}
	for k := range p {
		if err := u.piece(r, i, &p[k]); err != nil {
			giveAll(r, p[k:])
			return err
		}
	}
	if f&http.Last != 0 {
		u.ended = true
		if err := u.unpack(r, i); err != nil {
			return err
		}
	}
	if f == 0 {
		return nil
	}
	return r.PassBody(i+1, nil, f)
}

// piece unpacks one piece.
func (u *unpacker) piece(r *http.Request, i int, p *http.Piece) error {
	if p.Len > 0 {
		return u.file(r, i, *p)
	}
	u.in = p.B
	err := u.unpack(r, i)
	if err == nil && p.Own != nil {
		r.Loop().Give(p.Own)
		p.Own = nil
	}
	return err
}

func (u *unpacker) file(r *http.Request, i int, p http.Piece) error {
	buf := r.Loop().Take(unpackSize)
	defer r.Loop().Give(buf)
	for p.Len > 0 {
		n, err := disk.ReadAt(r.Task, p.FD, buf[:min(p.Len, unpackSize)], p.Off)
		if err != nil {
			r.LogErr(logs.Crit, err, "pread() failed")
			return err
		}
		p.Off += int64(n)
		p.Len -= int64(n)
		u.in = buf[:n]
		if err := u.unpack(r, i); err != nil {
			return err
		}
	}
	return nil
}

// unpack runs the coroutine until it has read what there is, and passes on what it makes. Others on the loop have their turn meanwhile.
func (u *unpacker) unpack(r *http.Request, i int) error {
	for u.err == nil && (!u.hungry || len(u.in) > 0 || u.ended) {
		u.hungry = false
		u.next()
		if len(u.made) == 0 {
			continue
		}
		buf := r.Loop().Take(len(u.made))
		piece := [1]http.Piece{{B: buf[:copy(buf, u.made)], Own: buf}}
		full := len(u.made) == unpackSize
		u.made = nil
		if err := r.PassBody(i+1, piece[:], 0); err != nil {
			return err
		}
		if r.Wire.Queued() > codingAhead {
			if err := r.Drain(); err != nil {
				return err
			}
		} else if full {
			r.Task.Yield()
		}
	}
	switch {
	case u.err == io.EOF && len(u.in) == 0 || u.err == nil:
		return nil
	case u.err == io.ErrUnexpectedEOF:
		_, _ = r.Wire.Push(r) // what came before is sound
		r.Logf(logs.Error, "inflate() returned %d on response end", -5)
	default:
		r.Logf(logs.Error, "inflate() failed: %d, %d", 0, -3)
	}
	r.Out.Cut, r.KeepAlive = true, false
	r.Wire.Fail(u.err)
	return u.err
}

// run is the coroutine.
func (u *unpacker) run(yield func(struct{}) bool) {
	z, _ := u.idle.Get().(*unzipper)
	if z == nil {
		z = &unzipper{}
	}
	feed := &unpackFeed{u: u, yield: yield}
	err := z.Reset(feed)
	for err == nil {
		var n int
		n, err = z.Read(z.buf[:])
		if u.made = z.buf[:n]; n > 0 && !yield(struct{}{}) {
			err = errUnpackStopped
		}
	}
	if err == io.EOF && !feed.begun {
		err = io.ErrUnexpectedEOF // nothing at all is no gzip
	}
	u.err = err
	u.idle.Put(z)
}

// unpackFeed is what the coroutine reads from.
type unpackFeed struct {
	u     *unpacker
	yield func(struct{}) bool
	begun bool
}

// Read reads of the piece at hand, and waits for the next (io.Reader).
func (f *unpackFeed) Read(p []byte) (int, error) {
	for len(f.u.in) == 0 {
		if f.u.ended {
			return 0, io.EOF
		}
		f.u.hungry = true
		if !f.yield(struct{}{}) {
			return 0, errUnpackStopped
		}
	}
	f.begun = true
	n := copy(p, f.u.in)
	f.u.in = f.u.in[n:]
	return n, nil
}
