package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// splitting puts handshake messages into records of n bytes each.
type splitting struct {
	net.Conn
	n     int
	hello bool // but only those of the first Write
}

func (s *splitting) Write(p []byte) (int, error) {
	var out []byte
	for rest := p; len(rest) >= headerLen; {
		n := int(binary.BigEndian.Uint16(rest[3:]))
		body := rest[headerLen : headerLen+n]
		for len(body) > 0 && rest[0] == typeHandshake {
			k := min(s.n, len(body))
			out = append(append(out, rest[0], rest[1], rest[2], byte(k>>8), byte(k)), body[:k]...)
			body = body[k:]
		}
		if rest[0] != typeHandshake {
			out = append(out, rest[:headerLen+n]...)
		}
		rest = rest[headerLen+n:]
	}
	if s.hello {
		s.n = MaxRecord
	}
	for len(out) > 0 { // the network splits it as well
		n, err := s.Conn.Write(out[:min(len(out), 700)])
		if err != nil {
			return 0, err
		}
		out = out[n:]
	}
	return len(p), nil
}

// TestClientHelloInPieces sends the greeting in many records.
func TestClientHelloInPieces(t *testing.T) {
	s := newEcho(t)
	for _, n := range []int{1, 5, 100, 1000} {
		c := tls.Client(&splitting{Conn: s.dial(t), n: n}, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{strings.Repeat("p", 200), "q"}})
		if err := sayBack(c, 5000); err != nil {
			t.Errorf("pieces of %d: %v", n, err)
		}
	}
}

// TestBadGreetings begins a handshake as no client should: each ends with an alert or none, and the server goes on.
func TestBadGreetings(t *testing.T) {
	hello := func(n int) string { // a ClientHello that says it has n bytes
		return string([]byte{22, 3, 1, 64, 0, 1, byte(n >> 16), byte(n >> 8), byte(n)}) + strings.Repeat("\x03", 16384-4)
	}
	s := newEcho(t)
	for name, bad := range map[string]string{
		"nothing but a beginning":    "\x16\x03\x01\x00\x05\x01",
		"too long":                   hello(1 << 20),
		"too long, as all it says":   strings.Repeat(hello(1<<23), 20),
		"a long record":              "\x16\x03\x01\xff\xff",
		"an empty record":            "\x16\x03\x01\x00\x00",
		"empty records":              strings.Repeat("\x16\x03\x01\x00\x00", 100),
		"data":                       "\x17\x03\x03\x00\x05hello",
		"an alert":                   "\x15\x03\x01\x00\x02\x02\x28",
		"a warning, again and again": strings.Repeat("\x15\x03\x01\x00\x02\x01\x29", 100),
		"SSL 2.0":                    "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + strings.Repeat("\x01", 40),
		"version 9":                  "\x16\x09\x09\x00\x02\x01\x00",
		"a request":                  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"rubbish":                    "\x16\x03\x01\x00\x20\x01\x00\x00\x1c" + strings.Repeat("\xff", 28),
		"a Finished":                 "\x16\x03\x01\x00\x10\x14\x00\x00\x0c" + strings.Repeat("\x01", 12),
	} {
		c := s.dial(t).(*net.TCPConn)
		_, _ = io.WriteString(c, bad)
		_ = c.CloseWrite()
		got, err := io.ReadAll(c)
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			t.Errorf("%s: the server waits", name)
		}
		if len(got) > 100 {
			t.Errorf("%s: the server says %q", name, got)
		}
		if err := <-s.ends; err == nil {
			t.Errorf("%s: no error", name)
		} else if HandshakeText(err) == "" {
			t.Errorf("%s: nothing to say of %v", name, err)
		}
	}
	if err := sayBack(tls.Client(s.dial(t), &tls.Config{InsecureSkipVerify: true}), 10); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// slowSigner signs when it is let.
type slowSigner struct {
	crypto.Signer
	asked, let chan bool
}

func (s *slowSigner) Sign(rnd io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	s.asked <- true
	<-s.let
	return s.Signer.Sign(rnd, digest, o)
}

// TestSlowKeysHoldNobodyUp does a handshake with a key that takes its time, as those of RSA do, and others on the same loop meanwhile.
func TestSlowKeysHoldNobodyUp(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	fast := testPair(t, key)
	signer := &slowSigner{key, make(chan bool), make(chan bool)}
	slow := tls.Certificate{Certificate: fast.Certificate, PrivateKey: signer}
	s := startEcho(t, &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == "slow" {
			return (*Conn)(hello.Conn.(*socket)).Slow(&slow), nil
		}
		return &fast, nil
	}})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := tls.Client(s.dial(t), &tls.Config{InsecureSkipVerify: true, ServerName: "slow", MaxVersion: version})
		done := make(chan error, 1)
		go func() { done <- sayBack(c, 100) }()
		select {
		case <-signer.asked:
		case err := <-done:
			t.Fatalf("%s: the key was not asked: %v, %v", tls.VersionName(version), err, <-s.ends)
		}
		for range 3 {
			if err := sayBack(tls.Client(s.dial(t), &tls.Config{InsecureSkipVerify: true}), 100); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case err := <-done:
			t.Errorf("it did not wait for the key: %v", err)
		default:
		}
		signer.let <- true
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestSessionsAreBound comes back with tickets to where they are not from, or too late.
func TestSessionsAreBound(t *testing.T) {
	now := time.Unix(1e9, 0)
	clock := func() time.Time { return now }
	keys, cache := NewTicketKeys(), NewSessionCache(100_000)
	newSessions := func(identity string, keys *tls.Config, cache *SessionCache) *Sessions {
		s := NewSessions([]byte(identity), time.Hour, keys, cache)
		s.now = clock
		return s
	}
	old, next := [32]byte{1}, [32]byte{2}
	of := FixedTicketKeys([][32]byte{old})
	tests := []struct {
		name     string
		from, to *Sessions
		later    time.Duration
		resumed  bool
	}{
		{"the same server", newSessions("a", keys, nil), newSessions("a", keys, nil), 0, true},
		{"another server", newSessions("a", keys, nil), newSessions("b", keys, nil), 0, false},
		{"other keys", newSessions("a", keys, nil), newSessions("a", NewTicketKeys(), nil), 0, false},
		{"at the last moment", newSessions("a", keys, nil), newSessions("a", keys, nil), time.Hour, true},
		{"too late", newSessions("a", keys, nil), newSessions("a", keys, nil), time.Hour + time.Second, false},
		{"from the future", newSessions("a", keys, nil), newSessions("a", keys, nil), -time.Minute, false},
		{"a new key, with the old one known", newSessions("a", of, nil), newSessions("a", FixedTicketKeys([][32]byte{next, old}), nil), 0, true},
		{"a new key, with the old one forgotten", newSessions("a", of, nil), newSessions("a", FixedTicketKeys([][32]byte{next}), nil), 0, false},
		{"from the cache", newSessions("a", keys, cache), newSessions("a", keys, cache), 0, true},
		{"from the cache, another server", newSessions("a", keys, cache), newSessions("b", keys, cache), 0, false},
		{"from another cache", newSessions("a", keys, cache), newSessions("a", keys, NewSessionCache(100_000)), 0, false},
		{"a ticket where there is a cache", newSessions("a", keys, nil), newSessions("a", keys, cache), 0, false},
	}
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	pair := testPair(t, key)
	for _, tt := range tests {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			client := &tls.Config{InsecureSkipVerify: true, ServerName: "a", ClientSessionCache: tls.NewLRUClientSessionCache(1), MaxVersion: version}
			resumed := false
			for i, s := range []*Sessions{tt.from, tt.to} {
				server := &tls.Config{Certificates: []tls.Certificate{pair}}
				s.Use(server)
				a, b := connected(t)
				begin := now
				now = now.Add(time.Duration(i) * tt.later)
				go func() {
					c := tls.Server(b, server)
					_, _ = c.Write([]byte("x"))
				}()
				c := tls.Client(a, client)
				if _, err := c.Read(make([]byte, 1)); err != nil {
					t.Fatalf("%s: %v", tt.name, err)
				}
				now = begin
				resumed = c.ConnectionState().DidResume
				a.Close()
			}
			if resumed != tt.resumed {
				t.Errorf("%s, %s: resumed: %t", tt.name, tls.VersionName(version), resumed)
			}
		}
	}
}

// connected are both ends of a connection.
func connected(t *testing.T) (a, b net.Conn) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if a, err = net.Dial("tcp", ln.Addr().String()); err == nil {
		b, err = ln.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// TestSessionCacheForgets puts more into a cache than it holds.
func TestSessionCacheForgets(t *testing.T) {
	c := NewSessionCache(3 * (100 + keptCost))
	var ids [][]byte
	for i := range 4 {
		ids = append(ids, c.put(bytes.Repeat([]byte{byte(i)}, 100)))
		if got := c.get(ids[0]); got == nil {
			t.Fatalf("what was used just now is forgotten, with %d more", i)
		}
	}
	if c.get(ids[1]) != nil || c.get(ids[2]) == nil || c.get(ids[3]) == nil {
		t.Error("it is not the one that nobody used for longest that is forgotten")
	}
	if id := c.put(make([]byte, 1000)); c.get(id) != nil || len(c.byID) != c.used.Len() {
		t.Error("what is too large is kept")
	}
}
