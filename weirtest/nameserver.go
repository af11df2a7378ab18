package weirtest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// NameServer answers questions about names, over datagrams and TCP, and remembers what it was asked. It knows what Set has told it; of other
// names it says that there are none.
type NameServer struct {
	Addr string

	mu      sync.Mutex
	packets net.PacketConn
	ln      net.Listener
	conns   map[net.Conn]bool
	known   map[string]nameRecords // "name TYPE"
	asked   []string               // "name TYPE udp"
}

// nameRecords are what is known of a name and a type.
type nameRecords struct {
	ttl     uint32
	values  []string
	code    dnsmessage.RCode
	silent  bool
	tooLong bool // over datagrams the answer is truncated
}

// StartNameServer starts one on addr (host:port).
func StartNameServer(addr string) (*NameServer, error) {
	s := &NameServer{Addr: addr, known: map[string]nameRecords{}, conns: map[net.Conn]bool{}}
	return s, s.Up()
}

// Up listens; after Down it does so again on the same address.
func (s *NameServer) Up() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.packets, err = net.ListenPacket("udp", s.Addr); err != nil {
		return err
	}
	if s.ln, err = net.Listen("tcp", s.Addr); err != nil {
		s.packets.Close()
		return err
	}
	go s.serve(s.packets)
	go s.accept(s.ln)
	return nil
}

// Down closes its sockets.
func (s *NameServer) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packets.Close()
	s.ln.Close()
	for c := range s.conns {
		c.Close()
	}
}

// Set says what is known of a name: words are a time to live, a type (A, AAAA, CNAME, SRV) and its values, none for a name that exists
// without them. An SRV value is four words: priority, weight, port, host. Instead of all that "fail" and a code, or "silent"; "truncated"
// before the time has datagrams say so, and the whole come over TCP.
func (s *NameServer) Set(name string, words ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = strings.ToLower(name)
	r := nameRecords{}
	if len(words) > 0 && words[0] == "truncated" {
		r.tooLong, words = true, words[1:]
	}
	switch {
	case len(words) == 1 && (words[0] == "silent" || words[0] == "unknown"):
		s.forget(name)
		if words[0] == "silent" {
			s.known[name+" any"] = nameRecords{silent: true}
		}
		return nil
	case len(words) == 2 && words[0] == "fail":
		code, err := strconv.Atoi(words[1])
		s.forget(name)
		s.known[name+" any"] = nameRecords{code: dnsmessage.RCode(code)}
		return err
	case len(words) < 2:
		return fmt.Errorf("what is known of %s? A time to live, a type, values", name)
	}
	ttl, err := strconv.ParseUint(words[0], 10, 32)
	kind := words[1]
	if err != nil || !slices.Contains([]string{"A", "AAAA", "CNAME", "SRV"}, kind) || kind == "SRV" && len(words)%4 != 2 {
		return fmt.Errorf("not a time to live, a type and its values: %q", words)
	}
	delete(s.known, name+" any")
	r.ttl, r.values = uint32(ttl), words[2:]
	s.known[name+" "+kind] = r
	return nil
}

func (s *NameServer) forget(name string) {
	for k := range s.known {
		if strings.HasPrefix(k, name+" ") {
			delete(s.known, k)
		}
	}
}

// Asked is how many questions have come that match: "app.test A udp".
func (s *NameServer) Asked(re *regexp.Regexp) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, q := range s.asked {
		if re.MatchString(q) {
			n++
		}
	}
	return n
}

func (s *NameServer) serve(pc net.PacketConn) {
	b := make([]byte, 4096)
	for {
		n, from, err := pc.ReadFrom(b)
		if err != nil {
			return
		}
		if answer := s.answer(b[:n], "udp"); answer != nil {
			_, _ = pc.WriteTo(answer, from)
		}
	}
}

func (s *NameServer) accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = true
		s.mu.Unlock()
		go s.stream(c)
	}
}

func (s *NameServer) stream(c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		if answer := s.answer(b, "tcp"); answer != nil {
			_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
		}
	}
}

// answer makes the answer to a question, nil for none.
func (s *NameServer) answer(b []byte, wire string) []byte {
	var m dnsmessage.Message
	if m.Unpack(b) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	kind := strings.TrimPrefix(q.Type.String(), "Type")
	s.mu.Lock()
	s.asked = append(s.asked, name+" "+kind+" "+wire)
	r, alias := s.find(name, kind)
	s.mu.Unlock()
	if r.silent {
		return nil
	}
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionDesired: true, RecursionAvailable: true, RCode: r.code}
	m.Additionals = nil
	if alias {
		kind = "CNAME"
	}
	if m.Truncated = r.tooLong && wire == "udp"; !m.Truncated {
		m.Answers = r.resources(q.Name, kind)
	}
	answer, err := m.Pack()
	if err != nil {
		panic(err) // a name in a test that is none
	}
	return answer
}

// find is what is known of a name and a type. A name that is known by another type exists.
func (s *NameServer) find(name, kind string) (r nameRecords, alias bool) {
	for _, k := range []string{kind, "any", "CNAME"} {
		if r, ok := s.known[name+" "+k]; ok {
			return r, k == "CNAME"
		}
	}
	for k := range s.known {
		if strings.HasPrefix(k, name+" ") {
			return r, false
		}
	}
	return nameRecords{code: dnsmessage.RCodeNameError}, false
}

// resources are the records of the answer.
func (r *nameRecords) resources(owner dnsmessage.Name, kind string) (all []dnsmessage.Resource) {
	head := dnsmessage.ResourceHeader{Name: owner, Class: dnsmessage.ClassINET, TTL: r.ttl}
	for i := 0; i < len(r.values); i++ {
		var body dnsmessage.ResourceBody
		switch kind {
		case "A":
			body = &dnsmessage.AResource{A: netip.MustParseAddr(r.values[i]).As4()}
		case "AAAA":
			body = &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(r.values[i]).As16()}
		case "CNAME":
			body = &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(r.values[i] + ".")}
		case "SRV":
			var n [3]uint64
			for k := range n {
				n[k], _ = strconv.ParseUint(r.values[i+k], 10, 16)
			}
			i += 3
			body = &dnsmessage.SRVResource{Priority: uint16(n[0]), Weight: uint16(n[1]), Port: uint16(n[2]), Target: dnsmessage.MustNewName(r.values[i] + ".")}
		}
		all = append(all, dnsmessage.Resource{Header: head, Body: body})
	}
	return all
}
