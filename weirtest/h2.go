package weirtest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2/hpack"
)

// H2 is a connection on which HTTP/2 is spoken, frame by frame: what it sends need not be right.
type H2 struct {
	Conn    net.Conn
	r       *bufio.Reader
	enc     *hpack.Encoder
	block   bytes.Buffer
	dec     *hpack.Decoder
	LastID  uint32 // of the streams opened by Request
	Updates bool   // Answer gives windows back for what it reads
	Deaf    bool   // PINGs are not answered

	mu      sync.Mutex // guards what follows
	changed *sync.Cond
	first   int64            // window of a new stream
	window  int64            // of the connection
	windows map[uint32]int64 // of streams, beside first
	over    bool
}

// The types of frames, and their flags.
const (
	H2Data         = 0
	H2Headers      = 1
	H2Priority     = 2
	H2Reset        = 3
	H2Settings     = 4
	H2Push         = 5
	H2Ping         = 6
	H2GoAway       = 7
	H2Window       = 8
	H2Continuation = 9
	H2Update       = 16

	H2EndStream  = 1
	H2Ack        = 1
	H2EndHeaders = 4
	H2Padded     = 8
)

// H2Preface is what a client sends first.
const H2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// H2Frame is one frame.
type H2Frame struct {
	Kind, Flags byte
	Stream      uint32
	Payload     []byte
}

func (f H2Frame) String() string {
	return fmt.Sprintf("frame %d flags %x stream %d: %.100q", f.Kind, f.Flags, f.Stream, f.Payload)
}

// Code is the error code of a reset or a GOAWAY.
func (f H2Frame) Code() uint32 {
	switch {
	case f.Kind == H2Reset && len(f.Payload) == 4:
		return binary.BigEndian.Uint32(f.Payload)
	case f.Kind == H2GoAway && len(f.Payload) >= 8:
		return binary.BigEndian.Uint32(f.Payload[4:])
	}
	return 1<<32 - 1
}

// DialH2 opens a connection and sends the preface and settings, which are pairs of number and value.
func DialH2(addr, from string, settings ...uint32) (*H2, error) {
	c, err := Dial(addr, from)
	if err != nil {
		return nil, err
	}
	return NewH2(c.Conn, settings...)
}

// NewH2 speaks HTTP/2 on an open connection.
func NewH2(conn net.Conn, settings ...uint32) (*H2, error) {
	c := newH2(conn, bufio.NewReader(conn))
	var p []byte
	for i := 0; i+1 < len(settings); i += 2 {
		p = binary.BigEndian.AppendUint16(p, uint16(settings[i]))
		p = binary.BigEndian.AppendUint32(p, settings[i+1])
	}
	return c, c.Raw(append([]byte(H2Preface), AppendH2Frame(nil, H2Settings, 0, 0, p)...))
}

// AcceptH2 is the side of a server: it reads the preface. Settings are still to be sent. Blocks refer to no table.
func AcceptH2(conn net.Conn) (*H2, error) {
	c := newH2(conn, bufio.NewReader(conn))
	c.enc.SetMaxDynamicTableSize(0)
	preface := make([]byte, len(H2Preface))
	_, err := io.ReadFull(c.r, preface)
	if err == nil && string(preface) != H2Preface {
		err = fmt.Errorf("%q is no preface", preface)
	}
	return c, err
}

// newH2 is the one side or the other of a connection; nothing is sent.
func newH2(conn net.Conn, r *bufio.Reader) *H2 {
	c := &H2{Conn: conn, r: r, dec: hpack.NewDecoder(4096, nil), Updates: true, first: 65535, window: 65535, windows: map[uint32]int64{}}
	c.changed = sync.NewCond(&c.mu)
	c.enc = hpack.NewEncoder(&c.block)
	return c
}

// AppendH2Frame appends a frame to b.
func AppendH2Frame(b []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	b = append(b, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// Raw sends bytes as they are.
func (c *H2) Raw(b []byte) error {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(Patience())); err != nil {
		return err
	}
	_, err := c.Conn.Write(b)
	return err
}

// Frame sends a frame.
func (c *H2) Frame(kind, flags byte, stream uint32, payload []byte) error {
	return c.Raw(AppendH2Frame(nil, kind, flags, stream, payload))
}

// Window opens a window.
func (c *H2) Window(stream, n uint32) error {
	return c.Frame(H2Window, 0, stream, binary.BigEndian.AppendUint32(nil, n))
}

// Reset resets a stream.
func (c *H2) Reset(stream, code uint32) error {
	return c.Frame(H2Reset, 0, stream, binary.BigEndian.AppendUint32(nil, code))
}

// Block encodes fields, in the order that they must be sent in.
func (c *H2) Block(fields ...Header) []byte {
	c.block.Reset()
	for _, f := range fields {
		_ = c.enc.WriteField(hpack.HeaderField{Name: f.Name, Value: f.Value})
	}
	return bytes.Clone(c.block.Bytes())
}

// Request opens the next stream with a request. end says that it has no body.
func (c *H2) Request(method, authority, path string, end bool, more ...Header) (stream uint32, err error) {
	fields := []Header{{":method", method}, {":scheme", "http"}, {":path", path}}
	if authority != "" {
		fields = append(fields, Header{":authority", authority})
	}
	flags := byte(H2EndHeaders)
	if end {
		flags |= H2EndStream
	}
	if c.LastID == 0 {
		c.LastID = 1
	} else {
		c.LastID += 2
	}
	return c.LastID, c.Frame(H2Headers, flags, c.LastID, c.Block(append(fields, more...)...))
}

// Read reads a frame. Settings and PINGs of the server are acknowledged, windows are kept account of.
func (c *H2) Read() (f H2Frame, err error) {
	defer func() { c.note(f, err) }()
	if err := c.Conn.SetReadDeadline(time.Now().Add(Patience())); err != nil {
		return f, err
	}
	var head [9]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return f, err
	}
	f = H2Frame{Kind: head[3], Flags: head[4], Stream: binary.BigEndian.Uint32(head[5:]) & (1<<31 - 1)}
	f.Payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(c.r, f.Payload); err != nil {
		return f, err
	}
	if f.Kind == H2Settings && f.Flags&H2Ack == 0 {
		_ = c.Frame(H2Settings, H2Ack, 0, nil)
	}
	if f.Kind == H2Ping && f.Flags&H2Ack == 0 && !c.Deaf {
		_ = c.Frame(H2Ping, H2Ack, 0, f.Payload)
	}
	return f, nil
}

// note keeps account of what the server lets the client send.
func (c *H2) note(f H2Frame, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.over = true
	case f.Kind == H2Settings:
		for p := f.Payload; len(p) >= 6; p = p[6:] {
			if binary.BigEndian.Uint16(p) == 4 {
				c.first = int64(binary.BigEndian.Uint32(p[2:]))
			}
		}
	case f.Kind == H2Window && len(f.Payload) == 4:
		n := int64(binary.BigEndian.Uint32(f.Payload))
		if f.Stream == 0 {
			c.window += n
		} else {
			c.windows[f.Stream] += n
		}
	case f.Kind == H2Reset:
		c.windows[f.Stream] = -1 << 40 // who sends must come to an end
	default:
		return
	}
	c.changed.Broadcast()
}

// Forget lets a body that is being sent on a stream come to its end.
func (c *H2) Forget(stream uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.windows[stream] = -1 << 40
	c.changed.Broadcast()
}

// Allow waits until some of n bytes may be sent on a stream, which it counts, and says how many: 0 when nothing more is wanted.
func (c *H2) Allow(stream uint32, n int) int { return c.take(stream, n) }

// take waits until some of n bytes may be sent, and says how many.
func (c *H2) take(id uint32, n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if c.windows[id] < -1<<39 {
			return 0
		}
		if k := min(int64(n), c.window, c.first+c.windows[id]); k > 0 || n == 0 || c.over {
			c.window -= k
			c.windows[id] -= k
			return int(max(k, 0))
		}
		c.changed.Wait()
	}
}

// Buffered is how many bytes of the server are there to be read at once.
func (c *H2) Buffered() int { return c.r.Buffered() }

// ReadUntil reads frames until one satisfies ok.
func (c *H2) ReadUntil(ok func(H2Frame) bool) (H2Frame, error) {
	for {
		f, err := c.Read()
		if err != nil || ok(f) {
			return f, err
		}
	}
}

// Fields decodes a block that HEADERS began, with its CONTINUATION, which it reads.
func (c *H2) Fields(f H2Frame) ([]Header, error) {
	block := bytes.Clone(f.Payload)
	for f.Flags&H2EndHeaders == 0 {
		next, err := c.Read()
		if err != nil {
			return nil, err
		}
		if next.Kind != H2Continuation || next.Stream != f.Stream {
			return nil, fmt.Errorf("%v in the midst of a block", next)
		}
		f.Flags |= next.Flags & H2EndHeaders
		block = append(block, next.Payload...)
	}
	all, err := c.dec.DecodeFull(block)
	var fields []Header
	for _, h := range all {
		fields = append(fields, Header{h.Name, h.Value})
	}
	return fields, err
}
