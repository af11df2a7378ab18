package weirtest

import (
	"bufio"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
)

// With the build tag scramble the server under test is built with it as well, so that its connections have a layer. WEIR_SCRAMBLE says
// whose are scrambled, and how: "client" for those that clients make to the server, "peer" for those that the server makes, "record"
// for whole records instead of a stream of bytes.

// scrambles says whether WEIR_SCRAMBLE has the word.
func scrambles(word string) bool {
	return scramble && strings.Contains(os.Getenv("WEIR_SCRAMBLE"), word)
}

// Scramble says that the connections of the server under test have a layer that scrambles bytes.
const Scramble = scramble

const byteKind, recordKind = 0xf5, 0xf6

// scrambled is a connection whose bytes are changed by a key that depends on their position.
type scrambled struct {
	net.Conn
	r    *bufio.Reader
	kind byte // 0: plain
	met  bool // kind is known
	said bool // the other end knows it
	left int  // of the record that is being read
	read int

	mu      sync.Mutex // several may write, as to a net.Conn
	written int
}

// scrambleClient is a connection that was made to the server.
func scrambleClient(c net.Conn) net.Conn {
	if !scrambles("client") {
		return c
	}
	s := &scrambled{Conn: c, r: bufio.NewReader(c), kind: byteKind, met: true}
	if scrambles("record") {
		s.kind = recordKind
	}
	return s
}

// Unscramble is a connection that came from the server, which may have scrambled it.
func Unscramble(c net.Conn) net.Conn {
	if !scramble {
		return c
	}
	return &scrambled{Conn: c, r: bufio.NewReader(c), said: true}
}

func scrambleKey(at int) byte { return byte(at*31 + at>>8*7 + 0x5a) }

func (s *scrambled) Read(p []byte) (int, error) {
	if err := s.meet(); err != nil || len(p) == 0 {
		return 0, err
	}
	if s.kind == recordKind {
		if s.left == 0 {
			head, err := s.r.Peek(2)
			if err != nil {
				return 0, err
			}
			s.left = int(head[0])<<8 | int(head[1])
			_, _ = s.r.Discard(2)
		}
		p = p[:min(len(p), s.left)]
	}
	n, err := s.r.Read(p)
	s.left -= n
	if s.kind != 0 {
		for i := range n {
			p[i] ^= scrambleKey(s.read + i)
		}
	}
	s.read += n
	return n, err
}

// meet looks what the other end is.
func (s *scrambled) meet() error {
	if s.met {
		return nil
	}
	first, err := s.r.Peek(1)
	if err != nil {
		return err
	}
	s.met = true
	if first[0] == byteKind || first[0] == recordKind {
		s.kind = first[0]
		_, _ = s.r.Discard(1)
	}
	return nil
}

func (s *scrambled) Write(p []byte) (int, error) {
	if s.kind == 0 {
		return s.Conn.Write(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	done := 0
	for done < len(p) {
		n := min(len(p)-done, 1<<14)
		var b []byte
		if !s.said {
			b, s.said = append(b, s.kind), true
		}
		if s.kind == recordKind {
			b = append(b, byte(n>>8), byte(n))
		}
		for i, c := range p[done : done+n] {
			b = append(b, c^scrambleKey(s.written+i))
		}
		if k, err := s.Conn.Write(b); err != nil {
			return done + min(k, n), err
		}
		s.written += n
		done += n
	}
	return done, nil
}

// CloseWrite shuts the sending side, if there is such a thing.
func (s *scrambled) CloseWrite() error {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SetLinger is a TCP connection's.
func (s *scrambled) SetLinger(sec int) error {
	if c, ok := s.Conn.(*net.TCPConn); ok {
		return c.SetLinger(sec)
	}
	return errors.ErrUnsupported
}
