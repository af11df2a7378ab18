package h2_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/weirtest"
)

// A peer speaks HTTP/2 with weir as the server that it passes requests on to, and does the odd things that servers may do. What a path
// says is what happens: /NUMBER/SEED/LENGTH/WORD.
type peer struct {
	t    *testing.T
	addr string
	calm bool // nothing odd is done to connections
	// paused is closed to have a peer read on that lets everything be sent and reads nothing behind the head of the first request; nil:
	// it is not such a peer.
	paused chan bool

	mu      sync.Mutex
	begun   map[string]int // how often a request was begun, by its number
	refused map[string]int // how often it was refused, by itself or with others
	conns   int
	stuck   chan bool // closed: streams that hang go on
}

func newPeer(t *testing.T, calm bool) *peer { return startPeer(&peer{t: t, calm: calm}) }

func startPeer(p *peer) *peer {
	t := p.t
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	p.addr, p.begun, p.refused, p.stuck = ln.Addr().String(), map[string]int{}, map[string]int{}, make(chan bool)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns++
			seed := uint64(p.conns)
			p.mu.Unlock()
			go p.serve(c, rand.New(rand.NewPCG(seed, 3)))
		}
	}()
	return p
}

// A peerConn is one of its connections.
type peerConn struct {
	*peer
	*weirtest.H2
	mu      sync.Mutex // guards what follows, and the order of what is written
	rng     *rand.Rand
	streams map[uint32]*peerStream
	newest  uint32 // that has begun
	last    uint32 // that counts
	away    bool   // GOAWAY was sent: no stream after last counts
}

type peerStream struct {
	id    uint32
	path  string
	body  []byte
	reset bool
}

func setting(id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, id), value)
}

func (p *peer) serve(nc net.Conn, rng *rand.Rand) {
	defer nc.Close()
	wire, err := weirtest.AcceptH2(nc)
	if err != nil {
		return
	}
	c := &peerConn{peer: p, H2: wire, rng: rng, streams: map[uint32]*peerStream{}}
	windows := []uint32{0, 1, 1000, 65535, 1 << 20}
	settings := setting(4, windows[rng.IntN(len(windows))])
	if rng.IntN(2) == 0 {
		settings = append(settings, setting(3, uint32(1+rng.IntN(20)))...)
	}
	if p.paused != nil {
		settings = setting(4, 1<<30)
		_ = c.Window(0, 1<<30)
	}
	_ = c.Frame(weirtest.H2Settings, 0, 0, settings)
	for {
		f, err := c.Read()
		if err != nil {
			return
		}
		var fields []weirtest.Header
		if f.Kind == weirtest.H2Headers {
			if fields, err = c.Fields(f); err != nil {
				p.t.Error(err)
				return
			}
		}
		c.mu.Lock()
		c.took(f, fields)
		first := len(c.streams) == 1
		c.mu.Unlock()
		if p.paused != nil && first && f.Kind == weirtest.H2Headers {
			<-p.paused
		}
	}
}

// took works on a frame.
func (c *peerConn) took(f weirtest.H2Frame, fields []weirtest.Header) {
	ended := f.Flags&weirtest.H2EndStream != 0
	s := c.streams[f.Stream]
	switch f.Kind {
	case weirtest.H2Headers:
		if f.Stream <= c.newest { // RFC 9113, section 5.1.1
			c.t.Errorf("stream %d begins after stream %d", f.Stream, c.newest)
		}
		c.newest = f.Stream
		s = &peerStream{id: f.Stream}
		for _, h := range fields {
			if h.Name == ":path" {
				s.path = h.Value
			}
		}
		if c.away {
			c.refuse(s.path)
			return
		}
		c.last = s.id
		c.streams[s.id] = s
		if strings.HasSuffix(s.path, "/refuse") && c.refuse(s.path) == 1 {
			s.reset = true
			_ = c.Reset(s.id, 7)
			return
		}
		if ended {
			go c.answer(s)
			return
		}
		_ = c.Window(s.id, 1+uint32(c.rng.IntN(100_000)))
	case weirtest.H2Data:
		if n := uint32(len(f.Payload)); n > 0 {
			_ = c.Window(0, n)
		}
		if s == nil || s.reset {
			return
		}
		s.body = append(s.body, f.Payload...)
		if ended {
			go c.answer(s)
		} else {
			_ = c.Window(s.id, uint32(max(1, len(f.Payload))+c.rng.IntN(3000)))
		}
	case weirtest.H2Reset:
		if s != nil {
			s.reset = true
		}
	}
}

// refuse counts a refusal, and says which one it is of the request.
func (c *peerConn) refuse(path string) int {
	c.peer.mu.Lock()
	defer c.peer.mu.Unlock()
	n := number(path)
	c.refused[n]++
	return c.refused[n]
}

// number is the part of a path that tells requests apart.
func number(path string) string { return strings.Split(path, "/")[1] }

// answer answers a request.
func (c *peerConn) answer(s *peerStream) {
	parts := strings.Split(s.path, "/")
	seed, _ := strconv.ParseUint(parts[2], 10, 64)
	length, _ := strconv.Atoi(parts[3])
	word := parts[4]
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away && s.id > c.last {
		return
	}
	c.peer.mu.Lock()
	c.begun[parts[1]]++
	c.peer.mu.Unlock()
	switch word {
	case "reset":
		_ = c.Reset(s.id, 2)
		return
	case "stuck":
		c.mu.Unlock()
		<-c.stuck
		c.mu.Lock()
	}
	if !c.calm && c.rng.IntN(40) == 0 && !c.away { // what was begun is ended, and nothing else
		c.away = true
		_ = c.Frame(weirtest.H2GoAway, 0, 0, append(binary.BigEndian.AppendUint32(nil, c.last), "\x00\x00\x00\x00for people"...))
	}
	if c.rng.IntN(8) == 0 {
		c.head(s, false, "103")
	}
	only := length == 0 && word == "only"
	c.head(s, only, "200", "x-sum", fmt.Sprint(sum(s.body)), "x-right", fmt.Sprint(bytes.Equal(pattern(seed, len(s.body)), s.body)),
		"x-long", strings.Repeat("x", c.rng.IntN(300)))
	if only || !c.body(s, pattern(seed+1, length), word == "half") {
		return
	}
	if c.rng.IntN(2) == 0 {
		_ = c.Frame(weirtest.H2Data, weirtest.H2EndStream, s.id, nil)
	} else {
		c.head(s, true, "", "grpc-status", "0")
	}
	if c.rng.IntN(3) == 0 {
		_ = c.Reset(s.id, 0)
	}
	delete(c.streams, s.id)
}

// body sends a body, or half of it and a reset. It reports whether the stream may end.
func (c *peerConn) body(s *peerStream, body []byte, half bool) bool {
	for left := len(body); left > 0 && !s.reset; {
		if half && left < len(body)/2 {
			_ = c.Reset(s.id, 8)
			return false
		}
		c.noise()
		most := []int{1, 100, 5000, 16000}[c.rng.IntN(4)]
		if left > 20_000 { // not all day long
			most = 16000
		}
		pad := 0
		if c.rng.IntN(4) == 0 {
			pad = 1 + c.rng.IntN(100)
		}
		want := 1 + c.rng.IntN(min(left, most)) + pad
		pause := c.rng.IntN(3) == 0
		c.mu.Unlock()
		n := c.Allow(s.id, want)
		if pause { // others have their turn
			time.Sleep(50 * time.Microsecond)
		}
		c.mu.Lock()
		if n == 0 {
			return false
		}
		pad = min(pad, n-1)
		data := body[len(body)-left:][:n-pad]
		left -= n - pad
		if pad == 0 {
			_ = c.Frame(weirtest.H2Data, 0, s.id, data)
			continue
		}
		padded := append(append([]byte{byte(pad - 1)}, data...), make([]byte, pad-1)...)
		_ = c.Frame(weirtest.H2Data, weirtest.H2Padded, s.id, padded)
	}
	return !s.reset
}

// noise sends frames that are nobody's.
func (c *peerConn) noise() {
	switch c.rng.IntN(40) {
	case 0:
		_ = c.Frame(weirtest.H2Ping, 0, 0, []byte("12345678"))
	case 1:
		_ = c.Frame(weirtest.H2Settings, 0, 0, setting(3, uint32(1+c.rng.IntN(50))))
	case 2:
		_ = c.Frame(0xbb, 0xff, 0, []byte("unknown"))
	case 3:
		_ = c.Frame(weirtest.H2Settings, 0, 0, setting(4, uint32(c.rng.IntN(100_000))))
	}
}

// head sends a block of fields, in one frame or several.
func (c *peerConn) head(s *peerStream, ends bool, status string, fields ...string) {
	var all []weirtest.Header
	if status != "" {
		all = append(all, weirtest.Header{Name: ":status", Value: status})
	}
	for i := 0; i < len(fields); i += 2 {
		all = append(all, weirtest.Header{Name: fields[i], Value: fields[i+1]})
	}
	b := c.Block(all...)
	flags := byte(0)
	if ends {
		flags = weirtest.H2EndStream
	}
	if c.rng.IntN(3) > 0 {
		_ = c.Frame(weirtest.H2Headers, flags|weirtest.H2EndHeaders, s.id, b)
		return
	}
	cut := c.rng.IntN(len(b))
	_ = c.Frame(weirtest.H2Headers, flags|weirtest.H2Padded, s.id, append(append([]byte{3}, b[:cut]...), 0, 0, 0))
	_ = c.Frame(weirtest.H2Continuation, 0, s.id, nil)
	_ = c.Frame(weirtest.H2Continuation, weirtest.H2EndHeaders, s.id, b[cut:])
}
