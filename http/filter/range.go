package filter

import (
	"strconv"
	"sync/atomic"

	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// Range is nginx's range filter: parts of a response (RFC 9110, section 14).
var Range = http.Define(http.Spec[struct{}]{
	Name: "http_range_filter",
	Doc:  "Serves parts of a response, one or several, to requests with `Range`.",
	Install: func(_ *struct{}, in *http.Install) error {
		n := http.Of[boundaries](in.Builder)
		if n.filter == nil {
			n.filter = n.head
		}
		in.Head(n.filter)
		return nil
	},
})

// boundaries numbers the boundaries of multipart responses.
type boundaries struct {
	n      atomic.Uint64
	filter http.HeadFilter // head, for all locations
}

// A span is one range: [start, end).
type span struct{ start, end int64 }

// A cutter lets through the ranges of a body.
type cutter struct {
	spans []span
	at    int64 // offset of the next byte of the body
	multi bool
	parts [][]byte // heads of parts
	last  []byte   // what ends the last part
}

var bytesUnit = []byte("bytes")

func (n *boundaries) head(r *http.Request) http.Verdict {
	o := &r.Out
	if r.Version < http.HTTP10 || o.Status != 200 || o.ContentLength < 0 || !o.AllowRanges || r.Loc.Core.MaxRanges == 0 || r.IsSub() {
		return http.Next
	}
	f := r.In.Find(field.Range)
	if f == nil || !wanted(r, f.Value) {
		return accept(o)
	}
	var spans []span
	spans, status := parseRanges(f.Value[len("bytes="):], o.ContentLength, r.Loc.Core.MaxRanges)
	switch {
	case status == http.Next || o.SingleRange && len(spans) > 1:
		return accept(o)
	}
	o.DropField(field.ContentRange) // a peer's was of another range
	if status == 416 {
		return unsatisfiable(r)
	}
	o.Status, o.Reason = 206, nil
	if len(spans) == 1 {
		single(r, spans[0])
		r.FilterBody(&cutter{spans: spans})
		return http.Next
	}
	r.FilterBody(n.multipart(r, spans))
	return http.Next
}

// accept tells the client that ranges may be asked for.
func accept(o *http.Response) http.Verdict {
	o.AddField(field.AcceptRanges, field.AcceptRanges.Bytes(), bytesUnit)
	return http.Next
}

// wanted reports whether Range holds: in bytes, and for the copy that If-Range names.
func wanted(r *http.Request, value []byte) bool {
	if len(value) < 7 || !field.EqualFold(value[:6], "bytes=") {
		return false
	}
	f := r.In.Find(field.IfRange)
	if f == nil {
		return true
	}
	if n := len(f.Value); n >= 2 && f.Value[n-1] == '"' {
		etag := r.Out.Fields.Find(field.ETag)
		return etag != nil && string(etag.Value) == string(f.Value)
	}
	t, ok := field.ParseDate(f.Value)
	return ok && r.Out.LastModified >= 0 && t == r.Out.LastModified
}

// parseRanges reads what follows "bytes=". Next says that the whole is to be sent, 416 that nothing of
// it can be, 206 that the spans are.
func parseRanges(s []byte, length int64, most int) ([]span, http.Verdict) {
	var spans []span
	var total int64
	p := rangeParser{s: s}
	for {
		start, end, ok := p.next(length)
		if !ok {
			return nil, 416
		}
		switch {
		case start < end:
			if len(spans) == most {
				return nil, http.Next
			}
			spans = append(spans, span{start, end})
			total += end - start
		case start == 0:
			return nil, http.Next
		}
		if p.done() {
			break
		}
		if !p.take(',') {
			return nil, 416
		}
	}
	switch {
	case len(spans) == 0:
		return nil, 416
	case total > length:
		return nil, http.Next // overlapping ranges would make more of it
	}
	return spans, 206
}

type rangeParser struct {
	s []byte
	i int
}

func (p *rangeParser) spaces() {
	for p.i < len(p.s) && p.s[p.i] == ' ' {
		p.i++
	}
}

func (p *rangeParser) done() bool { return p.i == len(p.s) }

func (p *rangeParser) take(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

// number reads digits; a number too large to hold is as good as the largest.
func (p *rangeParser) number() (n int64, ok bool) {
	const most = int64(^uint64(0) >> 1)
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		ok = true
		d := int64(p.s[p.i] - '0')
		if n > (most-d)/10 {
			return 0, false
		}
		n = n*10 + d
		p.i++
	}
	return n, ok
}

// next reads one range and settles it for a body of this length: [start, end).
func (p *rangeParser) next(length int64) (start, end int64, ok bool) {
	p.spaces()
	suffix := p.take('-')
	if !suffix {
		if start, ok = p.number(); !ok {
			return 0, 0, false
		}
		p.spaces()
		if !p.take('-') {
			return 0, 0, false
		}
		p.spaces()
		if p.done() || p.s[p.i] == ',' {
			return start, length, true
		}
	}
	if end, ok = p.number(); !ok {
		return 0, 0, false
	}
	p.spaces()
	if !p.done() && p.s[p.i] != ',' {
		return 0, 0, false
	}
	if suffix {
		return max(length-end, 0), length, true
	}
	return start, min(end, length-1) + 1, true
}

// unsatisfiable answers 416 with the length that ranges could have been of.
func unsatisfiable(r *http.Request) http.Verdict {
	o := &r.Out
	v := append(r.Alloc(32)[:0], "bytes */"...)
	v = strconv.AppendInt(v, o.ContentLength, 10)
	o.AddField(field.ContentRange, field.ContentRange.Bytes(), v)
	o.ContentLength = -1
	return 416
}

func appendRange(b []byte, s span, length int64) []byte {
	b = strconv.AppendInt(append(b, "bytes "...), s.start, 10)
	b = strconv.AppendInt(append(b, '-'), s.end-1, 10)
	return strconv.AppendInt(append(b, '/'), length, 10)
}

func single(r *http.Request, s span) {
	o := &r.Out
	o.Begin = s.start
	o.AddField(field.ContentRange, field.ContentRange.Bytes(), appendRange(r.Alloc(72)[:0], s, o.ContentLength))
	o.ContentLength = s.end - s.start
}

// multipart prepares a response of several parts.
func (n *boundaries) multipart(r *http.Request, spans []span) *cutter {
	o := &r.Out
	boundary := strconv.FormatUint(n.n.Add(1), 10)
	for len(boundary) < 20 {
		boundary = "0" + boundary
	}
	c := &cutter{spans: spans, multi: true}
	var total int64
	for _, s := range spans {
		b := append([]byte(nil), "\r\n--"+boundary...)
		if len(o.ContentType) > 0 {
			b = append(append(b, "\r\nContent-Type: "...), o.ContentType...)
			if len(o.Charset) > 0 {
				b = append(append(b, "; charset="...), o.Charset...)
			}
		}
		b = append(b, "\r\nContent-Range: "...)
		b = append(appendRange(b, s, o.ContentLength), "\r\n\r\n"...)
		c.parts = append(c.parts, b)
		total += int64(len(b)) + s.end - s.start
	}
	c.last = []byte("\r\n--" + boundary + "--\r\n")
	o.ContentLength = total + int64(len(c.last))
	o.ContentType = []byte("multipart/byteranges; boundary=" + boundary)
	o.Charset = nil
	return c
}

// Body lets through what lies in the ranges (http.BodyFilter).
func (c *cutter) Body(r *http.Request, i int, p []http.Piece, f http.Flags) error {
	if c.multi {
		return c.several(r, i, p, f)
	}
	out := make([]http.Piece, 0, len(p))
	c.at, r.Out.Gap = c.at+r.Out.Gap, 0
	for k := range p {
		size := p[k].Size()
		if cut, ok := slice(p[k], c.at, c.spans[0]); ok {
			out = append(out, cut)
		} else if p[k].Own != nil {
			r.Loop().Give(p[k].Own)
		}
		c.at += size
	}
	if len(out) == 0 && f == 0 {
		return nil
	}
	if c.at >= c.spans[0].end {
		f |= http.Last
	}
	if r.Out.Ended {
		return nil // the range is out already; the rest of the body is of no interest
	}
	return r.PassBody(i+1, out, f)
}

// several cuts parts in the order asked for, which needs the whole body at once.
func (c *cutter) several(r *http.Request, i int, p []http.Piece, f http.Flags) error {
	if f&http.Last == 0 {
		if len(p) == 0 {
			return nil
		}
		r.Log(logs.Alert, "range in overlapped buffers")
		return http.ErrRange
	}
	var out []http.Piece
	for n, s := range c.spans {
		out = append(out, http.Mem(c.parts[n]))
		var at int64
		for k := range p {
			if cut, ok := slice(p[k], at, s); ok {
				cut.Own = nil
				out = append(out, cut)
			}
			at += p[k].Size()
		}
	}
	out = append(out, http.Mem(c.last))
	err := r.PassBody(i+1, out, f)
	if err == nil {
		err = r.Drain()
	}
	for k := range p {
		if p[k].Own != nil {
			r.Loop().Give(p[k].Own)
		}
	}
	return err
}

// slice cuts what lies in s out of a piece that begins at offset at of the body.
func slice(p http.Piece, at int64, s span) (http.Piece, bool) {
	from, to := max(s.start-at, 0), min(s.end-at, p.Size())
	if from >= to {
		return p, false
	}
	if p.Len > 0 {
		p.Off += from
		p.Len = to - from
		return p, true
	}
	p.B = p.B[from:to]
	return p, true
}
