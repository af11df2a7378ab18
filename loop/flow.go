package loop

import "io"

// A Flow is one direction of a tunnel: it moves bytes from one end to the other. Two of them over the same ends are a tunnel. Set From, To
// and, if something was read before, Data; everything else is zero at first.
//
// A quiet flow holds no memory. Between two plain connections much goes without a copy, by splice(2), where there is that. Loop only.
type Flow struct {
	From, To End
	Data     []byte // what was read and not written yet; at first it is the caller's, who must leave it alone until it is written
	Read     int64  // bytes so far, without what was in Data at first
	Wrote    int64

	buf    []byte // of the loop; Data is part of it, unless Data was there first
	pipe   pipe   // of the loop; what it holds comes before all else
	full   uint8  // reads in a row that filled a buffer
	copies bool   // these two ends cannot be spliced
	ended  bool
	broke  bool
}

const (
	flowBuffer = 16 << 10
	bulkBuffer = 64 << 10
	// bulkAfter is after how many full reads in a row a flow is taken for a bulk transfer.
	bulkAfter = 4
	// flowTurn is about how many bytes one Move moves at most, so that the other direction and the other tasks have their turn.
	flowTurn = 512 << 10
)

// Blocked says that something is to be written that To does not take now: wait for Out.
func (f *Flow) Blocked() bool { return len(f.Data) > 0 || f.pipe.holds > 0 }

// Ended says that From has nothing more to say.
func (f *Flow) Ended() bool { return f.ended }

// Done says that From has nothing more to say, and that To has taken all of it.
func (f *Flow) Done() bool { return f.ended && !f.Blocked() }

// Broke says that it was From which failed when Move has returned an error, and not To.
func (f *Flow) Broke() bool { return f.broke }

// Move moves what there is, as far as To takes it: afterwards wait for To when the flow is Blocked, for From otherwise. The error is that
// of either end.
func (f *Flow) Move(t *Task) error {
	for turn := f.Wrote + flowTurn; f.Wrote < turn; {
		if f.pipe.holds > 0 {
			if err := f.drain(); err != nil {
				return but(err, ErrAgain)
			}
			continue
		}
		if len(f.Data) > 0 {
			n, err := f.To.TryWrite(f.Data)
			f.Wrote += int64(n)
			f.Data = f.Data[n:]
			if err != nil {
				return but(err, ErrAgain)
			}
			continue
		}
		if f.ended || !f.From.AsSource().Readable() {
			break
		}
		if err := f.fill(t.loop); err != nil {
			f.rest(t.loop)
			return but(err, ErrAgain)
		}
	}
	if !f.Blocked() {
		f.rest(t.loop)
	}
	return nil
}

// but is err, unless it is that one.
func but(err, that error) error {
	if err == that {
		return nil
	}
	return err
}

// fill reads what there is.
func (f *Flow) fill(l *Loop) error {
	if f.full >= bulkAfter && !f.copies {
		if done, err := f.suck(l); done {
			return f.came(err)
		}
	}
	size := flowBuffer
	if f.full >= bulkAfter {
		size = bulkBuffer
	}
	if cap(f.buf) < size {
		l.Give(f.buf)
		f.buf = l.Take(size)
	}
	n, err := f.From.TryRead(f.buf)
	f.Read += int64(n)
	f.Data = f.buf[:n]
	switch {
	case err != nil:
	case n < flowBuffer:
		f.full = 0
	case f.full < bulkAfter:
		f.full++
	}
	return f.came(err)
}

// came draws the conclusions of a read.
func (f *Flow) came(err error) error {
	switch err {
	case nil, ErrAgain:
	case io.EOF:
		f.ended = true
		return nil
	default:
		f.broke = true
	}
	return err
}

// rest gives back what a flow holds that has nothing to write.
func (f *Flow) rest(l *Loop) {
	l.Give(f.buf)
	f.buf, f.Data = nil, nil
	f.pipe.close(l)
}

// Close gives back what the flow holds; what was not written is lost.
func (f *Flow) Close(l *Loop) { f.rest(l) }

// End is one end of a two-way stream of bytes: a connection, or one stream of a connection that carries several. A tunnel moves
// bytes between two of them without knowing which they are. All methods are Loop only.
type End interface {
	// TryRead reads what is there: ErrAgain when nothing is, io.EOF.
	TryRead(p []byte) (int, error)
	// TryWrite writes what there is room for: less than p, or ErrAgain when there is none.
	TryWrite(p []byte) (int, error)
	// CloseWrite says that nothing more will be written.
	CloseWrite() error
	// AsSource is what a task waits for.
	AsSource() *Source
}

var _ End = (*Conn)(nil)
