package resolver

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/logs"
	"weir/loop"
)

const patience = time.Minute

// start runs an engine with a clock that a test can move.
func start(t testing.TB, loops int) (*loop.Engine, *atomic.Int64) {
	t.Helper()
	moved := new(atomic.Int64)
	begin := time.Now()
	e, err := loop.New(loop.Options{
		Loops: loops, MaxConns: 512, OnPanic: func(v any, s []byte) { t.Errorf("%v\n%s", v, s) },
		Clock: func() time.Time { return begin.Add(time.Since(begin) + time.Duration(moved.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Run()
	t.Cleanup(e.Stop)
	return e, moved
}

// sink gathers what is logged, without time and level.
type sink struct {
	mu    sync.Mutex
	lines []string
}

func (s *sink) WriteLevel(_ logs.Level, line []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, text, _ := strings.Cut(strings.TrimSpace(string(line)), ": ")
	s.lines = append(s.lines, text)
	return nil
}

func (s *sink) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines
	s.lines = nil
	return l
}

// in runs f in a task and waits for it.
func in(l *loop.Loop, f func(t *loop.Task)) {
	done := make(chan struct{})
	l.Post(func() {
		l.Go(func(t *loop.Task) {
			defer close(done)
			f(t)
		})
	})
	<-done
}

// look looks a name up, and returns the answer as a text.
func look(l *loop.Loop, r *Resolver, name string, timeout time.Duration) (text string) {
	in(l, func(t *loop.Task) {
		a, err := r.Lookup(t, name, Wait{Timeout: timeout})
		text = answerText(a, err)
	})
	return text
}

func answerText(a Answer, err error) string {
	if err != nil {
		return err.Error()
	}
	var s []string
	for _, ip := range a.Addrs {
		s = append(s, ip.String())
	}
	return strings.Join(s, " ")
}

// A query is what a name server of a test was asked.
type query struct {
	raw  []byte
	id   uint16
	name string
	kind uint16
	tcp  bool
	from string
	send func([]byte) // sends another datagram, before the one returned
}

// nameServer answers over datagrams and TCP as a test says; nil is no answer.
type nameServer struct {
	addr   netip.AddrPort
	asked  atomic.Int32
	packet net.PacketConn
}

func newNameServer(t testing.TB, answer func(q *query) []byte) *nameServer {
	t.Helper()
	var pc net.PacketConn
	var ln net.Listener
	var err error
	for range 20 { // the same port for both
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if pc, err = net.ListenPacket("udp", ln.Addr().String()); err == nil {
			break
		}
		ln.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{addr: ln.Addr().(*net.TCPAddr).AddrPort(), packet: pc}
	t.Cleanup(func() { pc.Close(); ln.Close() })
	go func() {
		b := make([]byte, 65536)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			send := func(b []byte) { _, _ = pc.WriteTo(b, from) }
			s.asked.Add(1)
			if q := parseQuery(b[:n]); q != nil {
				q.from, q.send = from.String(), send
				if b := answer(q); b != nil {
					send(b)
				}
			}
		}
	}()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go s.serveTCP(c, answer)
		}
	}()
	return s
}

func (s *nameServer) serveTCP(c net.Conn, answer func(q *query) []byte) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		s.asked.Add(1)
		q := parseQuery(b)
		q.tcp = true
		send := func(b []byte) { _, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)) }
		q.send = send
		if b := answer(q); b != nil {
			send(b)
		}
	}
}

func parseQuery(b []byte) *query {
	if len(b) < headSize+5 {
		return nil
	}
	b = append([]byte(nil), b...)
	m := message{data: b}
	name, err := m.readName(headSize)
	if err != nil {
		return nil
	}
	return &query{raw: b, id: binary.BigEndian.Uint16(b), name: name, kind: binary.BigEndian.Uint16(b[len(b)-4:])}
}

// reply makes an answer to a question: flags and code, and records made by the functions below.
func (q *query) reply(flags uint16, records ...[]byte) []byte {
	b := append([]byte(nil), q.raw...)
	binary.BigEndian.PutUint16(b[2:], 0x8180|flags)
	binary.BigEndian.PutUint16(b[6:], uint16(len(records)))
	for _, r := range records {
		b = append(b, r...)
	}
	return b
}

// rr makes a record. An empty owner is the name of the question, by a pointer.
func rr(owner string, kind uint16, ttl uint32, data []byte) []byte {
	b := []byte{0xc0, headSize}
	if owner != "" {
		b = wireName(owner)
	}
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, classIN)
	b = binary.BigEndian.AppendUint32(b, ttl)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

func wireName(name string) []byte {
	b := appendQuestion(nil, 0, name, 0)
	return b[headSize : len(b)-4]
}

func rrA(owner string, ttl uint32, ip string) []byte {
	a := netip.MustParseAddr(ip)
	if a.Is4() {
		return rr(owner, typeA, ttl, a.AsSlice())
	}
	return rr(owner, typeAAAA, ttl, a.AsSlice())
}

func rrAlias(owner string, ttl uint32, to string) []byte {
	return rr(owner, typeCNAME, ttl, wireName(to))
}

func rrSRV(ttl uint32, priority, weight, port uint16, host string) []byte {
	var b []byte
	for _, n := range []uint16{priority, weight, port} {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return rr("", typeSRV, ttl, append(b, wireName(host)...))
}
