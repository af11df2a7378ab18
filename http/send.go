package http

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/http/field"
	"weir/logs"
	"weir/loop"
)

var errHeadSent = errors.New("header already sent")

// ErrRange says that several ranges were asked of a body that comes in parts.
var ErrRange = errors.New("range in overlapped buffers")

// ErrLeft says that the client has closed its side while its response was held back (limit_rate).
var ErrLeft = errors.New("client prematurely closed connection")

// SendHead sends the head of the response through the filters to the wire. Next means that a body
// may follow; Done that the head was all (HEAD, 204, 304); a status that the handler must return it.
func (r *Request) SendHead() Verdict {
	if r.Out.Sent {
		r.Log(logs.Alert, "header already sent")
		return Done
	}
	if r.ErrStatus != 0 {
		r.Out.Status = r.ErrStatus
		r.Out.Reason = nil
	}
	filters := len(r.bodyChain)
	heads := r.Loc.Heads
	if r.sub != nil && r.sub.heads != nil {
		heads = r.sub.heads
	}
	for _, f := range heads {
		if v := f(r); v != Next { // something else is going to be the body
			r.Out.Whole = FileID{}
			clear(r.bodyChain[filters:])
			r.bodyChain = r.bodyChain[:filters]
			return v
		}
	}
	return r.writeHead()
}

func (r *Request) writeHead() Verdict {
	o := &r.Out
	if o.Status == 304 || o.Status == 204 {
		r.HeaderOnly = true
	}
	if r.IsHead() && o.Status != 101 { // behind a 101 it is not HTTP any more
		r.HeaderOnly = true
	}
	if o.Status != 200 && o.Status != 206 && o.Status != 304 {
		o.LastModified = -1
	}
	o.CodingVaries = o.CodingVaries && r.Loc.Core.GzipVary
	if r.Version != HTTP09 { // whose head is for the log only
		r.placeLocation()
	}
	o.Sent = true
	if err := r.Wire.SendHead(r); err != nil {
		r.fail(err)
		return Done
	}
	if r.HeaderOnly {
		o.Ended = true
		if err := r.Wire.Send(r, nil, Last); err != nil {
			r.fail(err)
		}
		return Done
	}
	return Next
}

// placeLocation makes a location of weir's own absolute, where absolute_redirect asks for it; any other
// goes as it is, before the fields added to the response.
func (r *Request) placeLocation() {
	o := &r.Out
	if len(o.Location) == 0 && !o.EmptyLocation {
		return
	}
	core := r.Loc.Core
	if len(o.Location) == 0 || o.Location[0] != '/' || !core.AbsoluteRedirect {
		o.Fields = slices.Insert(o.Fields, 0, Field{ID: field.Location, Name: field.Location.Bytes(), Value: o.Location})
		o.Location = nil
		return
	}
	host := r.HostName
	switch {
	case core.NameInRedirect:
		host = []byte(r.Server.Name)
	case len(host) == 0:
		host = r.Client.Local().Addr().AppendTo(r.Alloc(48)[:0])
	}
	b := r.Alloc(len("https://") + len(host) + 6 + len(o.Location))[:0]
	b = append(append(append(b, r.Client.Scheme()...), "://"...), host...)
	if port := r.Client.Local().Port(); core.PortInRedirect && port != 0 && port != r.Client.SchemePort() {
		b = strconv.AppendUint(append(b, ':'), uint64(port), 10)
	}
	o.Location = append(b, o.Location...)
}

// Send sends pieces of the body through the filters to the wire, without waiting for the client.
func (r *Request) Send(p []Piece, f Flags) error {
	if r.HeaderOnly {
		r.giveBack(p)
		return nil
	}
	return r.PassBody(0, p, f)
}

// PassBody hands pieces to the body filter at place i of the chain, or to the wire after the last.
func (r *Request) PassBody(i int, p []Piece, f Flags) error {
	if i < len(r.bodyChain) {
		return r.bodyChain[i].Body(r, i, p, f)
	}
	for k := range p {
		r.Out.BodyBytes += p[k].Size()
	}
	if f&Last != 0 {
		r.Out.Ended = true
	}
	err := r.Wire.Send(r, p, f)
	if err != nil {
		r.fail(err)
	}
	return err
}

// SendAll answers with these pieces and nothing more: it waits until the client has them.
func (r *Request) SendAll(p []Piece) Verdict {
	if r.Send(p, Last) == nil {
		_ = r.Drain()
	}
	return Done
}

// SendText answers with this text, which is borrowed until then, and nothing more.
func (r *Request) SendText(text []byte) Verdict {
	r.text[0] = Mem(text)
	return r.SendAll(r.text[:])
}

// Drain waits until everything sent so far is with the client's kernel.
func (r *Request) Drain() error {
	err := r.Wire.Drain(r)
	if err != nil {
		r.fail(err)
	}
	return err
}

// giveBack returns the buffers of pieces that nobody will send.
func (r *Request) giveBack(p []Piece) {
	for i := range p {
		if p[i].Own != nil {
			r.Loop().Give(p[i].Own)
			p[i].Own = nil
		}
	}
}

// fail records that the client cannot be answered any more.
func (r *Request) fail(err error) {
	if r.Out.Cut {
		return
	}
	r.Out.Cut = true
	r.KeepAlive = false
	if errors.Is(err, loop.ErrStopped) || errors.Is(err, errHeadSent) || errors.Is(err, ErrGone) {
		return
	}
	if errors.Is(err, loop.ErrTimeout) {
		r.LogErr(logs.Info, unix.ETIMEDOUT, "client timed out")
		return
	}
	if errors.Is(err, ErrLeft) {
		r.Log(logs.Info, err.Error())
		return
	}
	if errors.Is(err, ErrTruncated) {
		r.Log(logs.Alert, err.Error())
		return
	}
	r.LogErr(logs.Info, err, "writev() failed")
}

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
	return r.SendText(r.Copy(text))
}

// rate is the limit_rate of a response.
type rate struct {
	ready    bool
	perSec   int64
	afterSet bool
	after    int64 // bytes sent before the limit holds
}

// SetLimitRate sets the limit of this response in bytes a second, 0 for none ($limit_rate,
// X-Accel-Limit-Rate).
func (r *Request) SetLimitRate(perSec int64) {
	r.rate.perSec = perSec
	r.rate.ready = true
}

// SetLimitRateAfter sets how many bytes are sent before the limit holds.
func (r *Request) SetLimitRateAfter(n int64) { r.rate.after, r.rate.afterSet = n, true }

// LimitRate returns the limit of this response in bytes a second, 0 for none.
func (r *Request) LimitRate() int64 {
	if !r.rate.ready {
		r.rate.ready = true
		r.rate.perSec = r.sizeOf(r.Loc.Core.LimitRate)
	}
	return r.rate.perSec
}

// Limited reports whether the response's rate is limited at all; it is the question asked first.
func (r *Request) Limited() bool {
	return (r.rate.ready || r.Loc.Core.LimitRate != nil) && r.LimitRate() > 0
}

// Allowance says how many bytes may be written now when limit bytes a second are allowed; when it is
// none, at is the moment to try again.
func (r *Request) Allowance(sent int64) (n int64, at loop.Time) {
	per := r.LimitRate()
	if per <= 0 {
		return 1 << 62, 0
	}
	if !r.rate.afterSet {
		r.rate.afterSet = true
		r.rate.after = r.sizeOf(r.Loc.Core.LimitRateAfter)
	}
	now := r.Task.Now()
	elapsed := int64(now.Sub(r.StartedAt) / time.Second)
	n = per*(elapsed+1) - (sent - r.rate.after)
	if n > 0 {
		return n, 0
	}
	wait := time.Duration(-n*1000/per+1) * time.Millisecond
	return 0, now.Add(wait)
}

// sizeOf evaluates a text that is a size, 0 if it is none.
func (r *Request) sizeOf(x *Text) int64 {
	if x == nil {
		return 0
	}
	n, err := conf.ParseSize(string(r.Text(x)))
	if err != nil {
		return 0
	}
	return n
}

// Delay makes a request wait, for as long as its client does. Anything but Next is a verdict to return:
// the client has gone, or the server stops.
func (r *Request) Delay(d time.Duration) Verdict {
	w := loop.Wait{A: r.Wire.Source(), AWant: loop.Hup, Deadline: r.Task.After(d)}
	switch err := r.Task.Poll(&w); err {
	case nil:
		r.Log(logs.Info, "client prematurely closed connection")
		return StatusClientClosed
	case loop.ErrTimeout:
		return Next
	}
	return Abort
}
