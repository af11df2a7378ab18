package filter

import (
	"bytes"
	"errors"
	"math"
	"strconv"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// sliceConf holds the settings of one block.
type sliceConf struct {
	size int64
}

// Slice is nginx's slice filter: a large response is fetched, and stored, in ranges of one size. It comes before all other filters, which see
// the slices as the one body that they are.
var Slice = http.Define(http.Spec[sliceConf]{
	Name: "http_slice_filter",
	Doc:  "Asks for a large response in ranges of one size, each of which is cached by itself.",
	Directives: []conf.Directive[sliceConf]{{
		Name: "slice", In: codingPlaces, Syntax: "<size>", Default: "0",
		Doc: `Asks a peer for a response in ranges of *size* bytes, one after the other, as far as the client wants it; 0 does not.

The range is in ` + "`$slice_range`" + `, which has to be sent to the peer, and to be part of the key where responses are cached. The peer must
answer with 206 and the length of the whole, and always of the same file: ranges whose ETag differs end the response. Where a peer answers with
another status, the first answer is the client's.`,
		Example: "slice 1m;",
		Set:     conf.Size(func(c *sliceConf) *int64 { return &c.size }),
	}},
	Variables: []http.Var{{
		Name: "slice_range", Doc: "The present range of `slice`, as `Range` has it: `bytes=0-1048575`.", Get: sliceRange,
	}},
	Install: func(c *sliceConf, in *http.Install) error {
		if c.size > 0 {
			in.Keep(c)
			in.Head(sliceHead)
		}
		return nil
	},
})

// sliced is a response that is put together of slices (http.BodyFilter).
type sliced struct {
	size   int64
	start  int64 // of the next slice; of the present one until its head has come
	end    int64 // of what the client gets
	text   []byte
	etag   []byte
	came   bool // the head of the present slice has come
	failed bool // and why it is of no use was logged
	begun  bool
	unfit  bool // the first slice is not the beginning of what the client gets
	told   bool // the peer has answered with something else than a range, which is the response then
	gap    int64
	again  []*http.Request // whose bodies may wait for the client
}

// errSlice ends a response when the next slice is not to be had; why was logged.
var errSlice = errors.New("no next slice")

// sliceRange is $slice_range. Who asks for it first has the response sliced.
func sliceRange(r *http.Request, _ string) http.Value {
	s, ok := http.Load[*sliced](r)
	if ok && s.told {
		return http.Value{Missing: true}
	}
	if !ok {
		c, ok := http.Kept[*sliceConf](r.Loc)
		if !ok || r.IsSub() || r.Out.Sent {
			return http.Value{Missing: true}
		}
		s = &sliced{size: c.size, start: firstByte(r) / c.size * c.size}
		http.Store(r, s, http.UntilRedirect)
		s.setText(r)
	}
	return http.Value{B: s.text}
}

func (s *sliced) setText(r *http.Request) {
	b := strconv.AppendInt(append(r.Alloc(48)[:0], "bytes="...), s.start, 10)
	s.text = strconv.AppendInt(append(b, '-'), s.start+s.size-1, 10)
}

// firstByte is where the range begins that the client asks for. It need not be right: whatever is in doubt begins at 0.
func firstByte(r *http.Request) int64 {
	f := r.In.Find(field.Range)
	if f == nil || r.In.Has(field.IfRange) {
		return 0
	}
	v := f.Value
	if len(v) < 7 || !field.EqualFold(v[:6], "bytes=") || bytes.IndexByte(v, ',') >= 0 {
		return 0
	}
	p := rangeParser{s: v[6:]}
	p.spaces()
	n, ok := p.number()
	if !ok || n > math.MaxInt64/2 {
		return 0
	}
	return n
}

// sliceHead takes in the head of the first slice, or of a later one.
func sliceHead(r *http.Request) http.Verdict {
	s, ok := http.Load[*sliced](r)
	if !ok || s.told {
		return http.Next
	}
	o := &r.Out
	if o.Status != 206 && !r.IsSub() {
		s.told = true
		return http.Next
	}
	start, whole, fault := s.check(r)
	if fault != "" {
		r.Log(logs.Error, fault)
		s.failed = true
		return http.Abort
	}
	s.came = true
	s.start = min(start+s.size, whole)
	if r.IsSub() {
		return http.Next
	}
	s.gap, s.end = start, whole
	o.Status, o.Reason = 200, nil
	o.ContentLength = whole
	o.DropField(field.ContentRange)
	o.DropField(field.AcceptRanges)
	o.AllowRanges, o.SingleRange = true, true
	r.FilterBody(s)
	return http.Next
}

// check holds the head of a slice against what was asked for, and says where it begins and how long the whole is.
func (s *sliced) check(r *http.Request) (start, whole int64, fault string) {
	o := &r.Out
	if o.Status != 206 {
		return 0, 0, "unexpected status code " + strconv.Itoa(o.Status) + " in slice response"
	}
	etag := o.Fields.Find(field.ETag)
	if len(s.etag) > 0 && (etag == nil || !bytes.Equal(etag.Value, s.etag)) {
		return 0, 0, "etag mismatch in slice response"
	}
	if etag != nil {
		s.etag = r.Main().Copy(etag.Value)
	}
	start, end, whole, ok := parseContentRange(o.Fields.Get(field.ContentRange))
	if !ok {
		return 0, 0, "invalid range in slice response"
	}
	if whole < 0 {
		return 0, 0, "no complete length in slice response"
	}
	if r.Debugs() {
		r.Debugf("http slice response range: %d-%d/%d", start, end, whole)
	}
	expected := whole
	if s.size < whole-start { // without the sum, which may be too large
		expected = start + s.size
	}
	if start != s.start || end != expected {
		return 0, 0, "unexpected range in slice response: " + strconv.FormatInt(start, 10) + "-" + strconv.FormatInt(end, 10) +
			", expected: " + strconv.FormatInt(s.start, 10) + "-" + strconv.FormatInt(expected, 10)
	}
	return start, whole, ""
}

// parseContentRange reads "bytes 0-9/100": [start, end) of whole, which is -1 for "*".
func parseContentRange(v []byte) (start, end, whole int64, ok bool) {
	v, ok = bytes.CutPrefix(v, []byte("bytes "))
	if !ok {
		return 0, 0, 0, false
	}
	p := rangeParser{s: v}
	p.spaces()
	if start, ok = p.number(); !ok {
		return 0, 0, 0, false
	}
	p.spaces()
	if ok = p.take('-'); !ok {
		return 0, 0, 0, false
	}
	p.spaces()
	if end, ok = p.number(); !ok {
		return 0, 0, 0, false
	}
	end++
	p.spaces()
	if ok = p.take('/'); !ok {
		return 0, 0, 0, false
	}
	p.spaces()
	if p.take('*') {
		whole = -1
	} else if whole, ok = p.number(); !ok {
		return 0, 0, 0, false
	}
	p.spaces()
	return start, end, whole, p.done()
}

// Body passes the first slice on, and behind its end all others.
func (s *sliced) Body(r *http.Request, i int, p []http.Piece, f http.Flags) error {
	if !s.begun {
		s.begun = true
		s.begin(r)
	}
	last := f&http.Last != 0
	if s.unfit {
		giveAll(r, p)
	} else if err := r.PassBody(i+1, p, f&^http.Last); err != nil {
		return err
	}
	if !last {
		return nil
	}
	for s.start < s.end {
		if err := s.next(r, i); err != nil {
			return err
		}
	}
	return r.PassBody(i+1, nil, http.Last)
}

// begin looks at what the other filters have made of the head.
func (s *sliced) begin(r *http.Request) {
	o := &r.Out
	if o.Status != 206 { // the whole is sent after all, or something else is
		if s.unfit = s.gap > 0; s.unfit {
			s.start = 0
		}
		return
	}
	o.Gap = s.gap
	s.end = o.Begin + o.ContentLength
	if s.start <= o.Begin-s.size { // slices before it are of no use
		was := s.start
		s.start = o.Begin / s.size * s.size
		s.gap = s.start - was
	} else {
		s.gap = 0
	}
}

// next fetches the next slice.
func (s *sliced) next(r *http.Request, i int) error {
	if err := s.release(r); err != nil {
		return err
	}
	if r.Out.Status == 206 {
		r.Out.Gap, s.gap = r.Out.Gap+s.gap, 0
	}
	s.setText(r)
	if r.Debugs() {
		r.Debugf("http slice subrequest: \"%s\"", s.text)
	}
	s.came = false
	again, err := r.Again(i+1, sliceHead, func(again *http.Request) { http.Store(again, s, http.UntilRedirect) })
	s.again = append(s.again, again)
	if err != nil {
		return err
	}
	if !s.came || again.Out.Cut {
		if !s.came && !s.failed {
			r.Log(logs.Error, "missing slice response")
		}
		r.Out.Cut, r.KeepAlive = true, false
		r.Wire.Fail(errSlice)
		return errSlice
	}
	return nil
}

// release ends the requests whose bodies the client has: a long response must not hold the memory of all. It waits for a slow client.
func (s *sliced) release(r *http.Request) error {
	const much = 64 << 10
	if r.Wire.Queued() >= much {
		if err := r.Drain(); err != nil {
			return err
		}
	}
	if r.Wire.Queued() > 0 {
		return nil
	}
	for k, again := range s.again {
		again.Release()
		s.again[k] = nil
	}
	s.again = s.again[:0]
	return nil
}
