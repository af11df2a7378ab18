package http

import (
	"errors"
	"io"

	"weir/loop"
)

// act carries out post_action: the request goes to another place, with nobody to get the answer. What was told of the first answer is kept.
func (r *Request) act() {
	uri := []byte(r.Loc.Core.PostAction)
	if len(uri) == 0 || r.acted || r.Out.Status == int(Abort) {
		return
	}
	r.acted = true
	kept, wire, keepAlive, headerOnly := r.Out, r.Wire, r.KeepAlive, r.HeaderOnly
	nobody := &nobody{Wire: wire, source: r.Loop().NewSource()}
	nobody.source.Set(loop.Out)
	r.Wire, r.HeaderOnly = nobody, true
	r.Out.Sent, r.Out.AllowRanges = false, false
	clear(r.bodyChain)
	r.bodyChain = r.bodyChain[:0]
	v := Next
	if uri[0] == '/' {
		v = r.InternalRedirect(uri, nil)
	} else {
		v = r.JumpTo(uri)
	}
	r.finalize(v)
	o := &r.Out
	o.Sent, o.Ended, o.Cut = kept.Sent, kept.Ended, kept.Cut
	o.BodyBytes, o.TotalBytes, o.HeadBytes = kept.BodyBytes, kept.TotalBytes, kept.HeadBytes
	r.Wire, r.KeepAlive, r.HeaderOnly = wire, keepAlive, headerOnly
}

// nobody is who gets an answer that no client waits for (Wire).
type nobody struct {
	Wire
	source loop.Source
}

var errNobody = errors.New("nobody can be spoken with")

func (n *nobody) SendHead(r *Request) error {
	if r.Out.Status == 101 {
		return errNobody
	}
	return nil
}

func (n *nobody) SendEarly(*Request, int, Fields) error { return nil }

func (n *nobody) Send(r *Request, p []Piece, _ Flags) error {
	r.giveBack(p)
	return nil
}

func (n *nobody) Queued() int64                             { return 0 }
func (n *nobody) Push(*Request) (loop.Time, error)          { return 0, nil }
func (n *nobody) Drain(*Request) error                      { return nil }
func (n *nobody) ReadBody(*Request, []byte) (int, error)    { return 0, io.EOF }
func (n *nobody) TryReadBody(*Request, []byte) (int, error) { return 0, io.EOF }
func (n *nobody) Preread() int                              { return 0 }
func (n *nobody) NoContinue()                               {}
func (n *nobody) Source() *loop.Source                      { return &n.source }
func (n *nobody) Gone() bool                                { return false }
func (n *nobody) Fail(error)                                {}
func (n *nobody) Count(int64)                               {}
