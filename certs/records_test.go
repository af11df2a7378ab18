package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"weir/loop"
	"weir/weirtest"
)

const patience = 20 * time.Second

func testPair(t testing.TB, key crypto.Signer) tls.Certificate {
	x := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a"}, DNSNames: []string{"a"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, x, x, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// echoServer takes connections over TLS and says what it hears. It is the Owner of all of them.
type echoServer struct {
	t      *testing.T
	config *tls.Config
	addr   string
	loop   *loop.Loop
	ends   chan error // how reading has ended, connection by connection
	last   *echoConn  // for the test when a connection is idle
}

type echoConn struct {
	Conn
	server *echoServer
	ready  bool
}

func (s *echoServer) Hello(*Conn, *tls.ClientHelloInfo) (*tls.Config, error) { return s.config, nil }

func startEcho(t *testing.T, config *tls.Config) *echoServer {
	s := &echoServer{t: t, config: config, ends: make(chan error, 100)}
	e, err := loop.New(loop.Options{Loops: 1, MaxConns: 100, OnPanic: func(v any, stack []byte) { t.Errorf("%v\n%s", v, stack) }})
	if err != nil {
		t.Fatal(err)
	}
	e.Run()
	s.loop = e.Loops[0]
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	l, err := e.Listen(int(f.Fd()), func(c *loop.Conn) {
		c.Handler = &echoConn{server: s}
		c.Park(0, true)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		f.Close()
		e.Stop()
		if st := s.loop.Stats(); st.Buffers != 0 || st.Conns != 0 {
			t.Errorf("left at the end: %+v", st)
		}
	})
	return s
}

func (k *echoConn) Wake(t *loop.Task, c *loop.Conn, why loop.Woke) {
	end := func(err error) {
		c.Close()
		k.server.ends <- err
	}
	if why != loop.WokeReady {
		c.Close()
		return
	}
	if !k.ready {
		if err := k.Serve(t, c, nil, t.After(patience), k.server); err != nil {
			end(err)
			return
		}
		k.ready = true
		k.server.last = k
	}
	buf := t.Loop().Take(20_000)
	defer t.Loop().Give(buf)
	for c.Readable() {
		n, err := c.TryRead(buf)
		if err == loop.ErrAgain {
			break
		}
		if err == nil {
			_, err = c.Write(t, buf[:n], patience)
		}
		if err != nil {
			end(err)
			return
		}
	}
	c.Park(0, true)
}

// on runs f on the loop of the server, and waits.
func (s *echoServer) on(f func()) {
	done := make(chan bool)
	s.loop.Post(func() { f(); close(done) })
	<-done
}

func (s *echoServer) dial(t testing.TB) net.Conn {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// gathering keeps back all that is written after the first time, until it is let go.
type gathering struct {
	net.Conn
	held  bytes.Buffer
	begun bool
}

func (g *gathering) Write(p []byte) (int, error) {
	if g.begun {
		return g.held.Write(p)
	}
	g.begun = true
	return g.Conn.Write(p)
}

// sayBack writes n bytes and wants them back.
func sayBack(c net.Conn, n int) error {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i % 251)
	}
	go func() { _, _ = c.Write(p) }()
	got := make([]byte, n)
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if !bytes.Equal(got, p) {
		return fmt.Errorf("%d bytes have changed", n)
	}
	return nil
}

// TestEverySuite speaks with crypto/tls by every cipher suite that it has: with session tickets, with a client certificate, and with data
// that comes along with the end of the handshake.
func TestEverySuite(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pairs := []tls.Certificate{testPair(t, ec), testPair(t, rs)}
	var all []uint16
	for _, c := range tls.CipherSuites() {
		all = append(all, c.ID)
	}
	all = append(all, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384)
	for _, id := range all {
		for _, certificate := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", tls.CipherSuiteName(id), certificate), func(t *testing.T) {
				config := &tls.Config{Certificates: pairs, CipherSuites: []uint16{id}, DynamicRecordSizingDisabled: true, MinVersion: tls.VersionTLS12}
				NewSessions(nil, time.Hour, NewTicketKeys(), nil).Use(config)
				if certificate {
					config.ClientAuth = tls.RequestClientCert
				}
				s := startEcho(t, config)
				client := &tls.Config{InsecureSkipVerify: true, ServerName: "a", CipherSuites: []uint16{id}, Certificates: pairs[:1], ClientSessionCache: tls.NewLRUClientSessionCache(4)}
				own := suiteOf(id)
				if own == nil || own.before {
					client.MaxVersion = tls.VersionTLS12
				}
				for again := range 2 {
					c := tls.Client(s.dial(t), client)
					if err := c.Handshake(); err != nil {
						t.Fatal(err)
					}
					for _, n := range []int{1, 100, 5000, MaxRecord, 100_000} {
						if err := sayBack(c, n); err != nil {
							t.Fatal(err)
						}
					}
					got := c.ConnectionState()
					if got.DidResume != (again > 0) {
						t.Errorf("resumed: %t", got.DidResume)
					}
					s.on(func() {
						st := s.last.State()
						if st.Cipher != got.CipherSuite || st.Version != got.Version || st.Resumed != got.DidResume || (len(st.Peer) > 0) != certificate {
							t.Errorf("%+v", st)
						}
						if (s.last.tls == nil) != (suiteOf(got.CipherSuite) != nil) {
							t.Errorf("crypto/tls is let go of: %t", s.last.tls == nil)
						}
						if b := s.loop.Stats().Buffers; b != 0 {
							t.Errorf("an idle connection has %d buffers", b)
						}
					})
					_ = c.Close()
					if err := <-s.ends; err != io.EOF {
						t.Errorf("the end: %v", err)
					}
				}
			})
		}
	}
}

// TestResumedInPieces comes back to a session of TLS 1.2 with a greeting that is not whole in its first record: what the keys are derived
// from is not known then, and crypto/tls goes on.
func TestResumedInPieces(t *testing.T) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	config := &tls.Config{Certificates: []tls.Certificate{testPair(t, key)}}
	NewSessions(nil, time.Hour, NewTicketKeys(), nil).Use(config)
	s := startEcho(t, config)
	client := &tls.Config{InsecureSkipVerify: true, ServerName: "a", MaxVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	for i, n := range []int{MaxRecord, MaxRecord, 10, MaxRecord} {
		c := tls.Client(&splitting{Conn: s.dial(t), n: n, hello: true}, client)
		for range 3 {
			if err := sayBack(c, 5000); err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
		}
		if got := c.ConnectionState().DidResume; got != (i > 0) {
			t.Errorf("connection %d: resumed: %t", i, got)
		}
		s.on(func() {
			if own := s.last.tls == nil; own != (n == MaxRecord) {
				t.Errorf("connection %d: crypto/tls is let go of: %t", i, own)
			}
		})
		_ = c.Close()
	}
}

// TestDataWithFinished sends data in the packets of the client's Finished.
func TestDataWithFinished(t *testing.T) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	for _, n := range []int{10, 3000, 40_000} {
		s := startEcho(t, &tls.Config{Certificates: []tls.Certificate{testPair(t, key)}})
		g := &gathering{Conn: s.dial(t)}
		c := tls.Client(g, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		p := bytes.Repeat([]byte("abc"), n)
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Conn.Write(g.held.Bytes()); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(p))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, p) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

// TestRecordsAllocateNothing has a connection that is parked and woken again take nothing from the heap.
func TestRecordsAllocateNothing(t *testing.T) {
	if weirtest.Race || loop.Portable {
		t.Skip("the race detector and the portable engine allocate")
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		f := newEcho(t).forge(version)
		room, data := make([]byte, 4096), bytes.Repeat([]byte("x"), 1000)
		once := func() {
			f.raw(f.out.seal(room[:0], typeData, data))
			for {
				if _, err := io.ReadFull(f, room[:headerLen]); err != nil {
					t.Fatal(err)
				}
				record := room[:headerLen+int(room[3])<<8+int(room[4])]
				if _, err := io.ReadFull(f, record[headerLen:]); err != nil {
					t.Fatal(err)
				}
				if kind, _, err := f.in.open(record); err != nil {
					t.Fatal(err)
				} else if kind == typeData {
					return
				}
			}
		}
		for range 10 {
			once()
		}
		if n := testing.AllocsPerRun(200, once); n >= 1 {
			t.Errorf("%s: %v allocations for a record there and back", tls.VersionName(version), n)
		}
	}
}
