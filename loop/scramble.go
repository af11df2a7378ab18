//go:build scramble

package loop

import (
	"io"
	"os"
	"strings"
)

// With the build tag scramble, every connection has a layer: it scrambles bytes with a key that depends on their position. So the tests
// of whole servers run over a layer, with clients and back ends that scramble as well (weirtest). WEIR_SCRAMBLE says which connections
// that we make are scrambled ("peer"), and how ("record", else "bytes"). Those that we accept show by their first byte what they are.
//
// Bytes are handed over one at a time at first, then in odd sizes. Records are handed over when they are whole, half of what is left at
// a time.
type scrambling struct {
	peers  bool
	record bool
}

func (s *scrambling) setUp() {
	env := os.Getenv("WEIR_SCRAMBLE")
	s.peers = strings.Contains(env, "peer")
	s.record = strings.Contains(env, "record")
}

// accepted and dialed put the layer on a new connection.

func (s *scrambling) accepted(c *Conn) {
	y := &scrambler{kind: unknownKind}
	y.raw = c.AddLayer(y)
}

func (s *scrambling) dialed(c *Conn) {
	y := &scrambler{kind: plainKind}
	switch {
	case s.peers && s.record:
		y.kind, y.hello = recordKind, []byte{recordKind}
	case s.peers:
		y.kind, y.hello = byteKind, []byte{byteKind}
	}
	y.raw = c.AddLayer(y)
}

// What the first byte of a connection may be.
const (
	unknownKind = 0
	plainKind   = 1
	byteKind    = 0xf5
	recordKind  = 0xf6
)

type scrambler struct {
	raw     *Raw
	kind    byte
	hello   []byte // to be sent before anything else
	in      []byte // what the socket gave, before it can be used
	ready   []byte // for the user
	read    int    // positions
	written int
	end     error
}

func key(at int) byte { return byte(at*31 + at>>8*7 + 0x5a) }

// TryRead is a Layer's.
func (y *scrambler) TryRead(p []byte) (int, error) {
	for len(y.ready) == 0 {
		if err := y.fill(); err != nil {
			return 0, err
		}
	}
	n := min(len(p), y.portion())
	n = copy(p[:n], y.ready)
	y.ready = y.ready[n:]
	return n, nil
}

// portion is how many bytes are handed over at once.
func (y *scrambler) portion() int {
	switch {
	case y.kind == recordKind:
		return (len(y.ready) + 1) / 2
	case y.kind == plainKind:
		return len(y.ready)
	case y.read-len(y.ready) < 4096:
		return 1
	}
	return min(len(y.ready), 1+(y.read-len(y.ready))*7919%3000)
}

// fill reads from the socket until there is something to hand over.
func (y *scrambler) fill() error {
	y.decode() // a record behind another
	if y.end == nil && len(y.ready) == 0 {
		var room [4096]byte
		n, err := y.raw.TryRead(room[:])
		if err == ErrAgain {
			return err
		}
		y.end = err
		y.in = append(y.in, room[:n]...)
		if y.kind == unknownKind && n > 0 {
			y.meet()
		}
		y.decode()
	}
	if len(y.ready) > 0 {
		return nil
	}
	if y.end == io.EOF && len(y.in) > 0 {
		return io.ErrUnexpectedEOF
	}
	return y.end
}

// meet looks at the first byte of a connection.
func (y *scrambler) meet() {
	y.kind = plainKind
	if b := y.in[0]; b == byteKind || b == recordKind {
		y.kind, y.in = b, y.in[1:]
	}
}

// decode makes what can be used of what was read.
func (y *scrambler) decode() {
	n := len(y.in)
	if n == 0 {
		return
	}
	if y.kind == recordKind {
		if n < 2 {
			return
		}
		n = int(y.in[0])<<8 | int(y.in[1])
		if len(y.in) < 2+n {
			return
		}
		y.in = y.in[2:]
	}
	y.ready = append([]byte(nil), y.in[:n]...)
	y.in = y.in[n:]
	if y.kind != plainKind {
		for i := range y.ready {
			y.ready[i] ^= key(y.read + i)
		}
	}
	y.read += n
}

// TryWrite is a Layer's. Odd sizes, so that what is left of a write has its turn.
func (y *scrambler) TryWrite(p []byte) (int, error) {
	if y.kind == unknownKind {
		if err := y.fill(); err != nil && err != ErrAgain {
			return 0, err
		}
	}
	switch y.kind {
	case unknownKind, plainKind:
		p = p[:min(len(p), 16<<10)]
		_, err := y.raw.Write(p)
		return len(p), err
	case byteKind:
		p = p[:min(len(p), 5003)]
	default:
		p = p[:min(len(p), 16001)]
	}
	b := y.hello
	y.hello = nil
	if y.kind == recordKind {
		b = append(b, byte(len(p)>>8), byte(len(p)))
	}
	for i := range p {
		b = append(b, p[i]^key(y.written+i))
	}
	y.written += len(p)
	_, err := y.raw.Write(b)
	return len(p), err
}

// Pending is a Layer's.
func (y *scrambler) Pending() bool {
	return len(y.ready) > 0 || y.end != nil || y.kind == recordKind && len(y.in) > 2
}

// CloseWrite is a Layer's.
func (y *scrambler) CloseWrite() error { return nil }

// Close is a Layer's.
func (y *scrambler) Close() {}
