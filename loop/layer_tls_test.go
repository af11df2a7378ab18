package loop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"
)

// tlsLayer is crypto/tls over a Raw: the shape of layer that this package is for. Until the handshake is done, its socket is the
// connection, and it waits; then it stands under the connection, and an empty socket is a net.Error that leaves the tls.Conn as it is.
type tlsLayer struct {
	tls     *tls.Conn
	pending bool
}

// tlsSocket is the socket under it.
type tlsSocket struct {
	net.Conn
	t   *Task
	c   *Conn
	raw *Raw
}

// again says that the socket is empty.
type again struct{}

func (again) Error() string   { return "nothing to read" }
func (again) Timeout() bool   { return true }
func (again) Temporary() bool { return true }

func (y *tlsSocket) Read(p []byte) (int, error) {
	if y.raw == nil {
		return y.c.Read(y.t, p, y.t.After(patience))
	}
	n, err := y.raw.TryRead(p)
	if err == ErrAgain {
		return 0, again{}
	}
	return n, err
}

func (y *tlsSocket) Write(p []byte) (int, error) {
	if y.raw == nil {
		return y.c.Write(y.t, p, patience)
	}
	return y.raw.Write(p)
}

func (y *tlsSocket) SetDeadline(time.Time) error      { return nil }
func (y *tlsSocket) SetWriteDeadline(time.Time) error { return nil }

func (y *tlsLayer) TryRead(p []byte) (int, error) {
	n, err := y.tls.Read(p)
	if _, empty := err.(again); empty {
		y.pending = false
		return n, ErrAgain
	}
	y.pending = true
	return n, err
}

func (y *tlsLayer) TryWrite(p []byte) (int, error) { return y.tls.Write(p[:min(len(p), 16<<10)]) }
func (y *tlsLayer) Pending() bool                  { return y.pending }
func (y *tlsLayer) CloseWrite() error              { return y.tls.CloseWrite() }
func (y *tlsLayer) Close()                         { _ = y.tls.CloseWrite() }

// secure does the handshake and puts the layer on.
func secure(t *Task, c *Conn, with func(net.Conn) *tls.Conn) error {
	s := &tlsSocket{t: t, c: c}
	y := &tlsLayer{tls: with(s), pending: true}
	if err := y.tls.Handshake(); err != nil {
		return err
	}
	s.raw, s.t = c.AddLayer(y), nil
	return nil
}

func testCertificate(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a"}, DNSNames: []string{"a"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(crand.Reader, x, x, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// secureEcho is echo behind TLS: it shakes hands when it first wakes.
type secureEcho struct{ config *tls.Config }

func (h secureEcho) Wake(t *Task, c *Conn, why Woke) {
	if why == WokeReady && !c.Layered() {
		if err := secure(t, c, func(n net.Conn) *tls.Conn { return tls.Server(n, h.config) }); err != nil {
			c.Close()
			return
		}
	}
	echo{}.Wake(t, c, why)
}

// TestTLSOnALoop has clients of crypto/tls talk to an echo: much at once in odd sizes, idle in between.
func TestTLSOnALoop(t *testing.T) {
	e := start(t, Options{Loops: 2, OnPanic: func(v any, s []byte) { t.Errorf("%v\n%s", v, s) }})
	addr := listen(t, e, secureEcho{&tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}})
	for i := range 4 {
		c := tls.Client(dial(t, addr), &tls.Config{InsecureSkipVerify: true})
		rnd := rand.New(rand.NewPCG(uint64(i), 3))
		for range 5 {
			size := 1 + rnd.IntN(300_000)
			go func() {
				p := make([]byte, size)
				for i := range p {
					p[i] = byte(i % 251)
				}
				for len(p) > 0 {
					n := min(len(p), 1+rnd.IntN(40_000))
					_, _ = c.Write(p[:n])
					p = p[n:]
				}
			}()
			got := make([]byte, size)
			if _, err := io.ReadFull(c, got); err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if got[i] != byte(i%251) {
					t.Fatalf("byte %d of %d is wrong", i, size)
				}
			}
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("after the end: %d, %v", n, err)
		}
		c.Close()
	}
	reach(t, e, 0, 0, 0)
}

// TestTicketsDoNotWakeTheUser connects to a server of crypto/tls, which sends session tickets after the handshake: the connection is
// readable then, and has nothing to read.
func TestTicketsDoNotWakeTheUser(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	config := &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}
	come := make(chan *tls.Conn, 1)
	go func() {
		c, err := ln.Accept()
		if err == nil {
			s := tls.Server(c, config)
			_ = s.Handshake()
			come <- s
		}
	}()
	e := start(t, Options{})
	task(e.Loops[0], func(k *Task) {
		c, err := k.Loop().Dial(k, Addr{Net: netip.MustParseAddrPort(ln.Addr().String())}, DialOptions{}, k.After(patience))
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		cache := tls.NewLRUClientSessionCache(1)
		client := &tls.Config{ServerName: "a", InsecureSkipVerify: true, ClientSessionCache: cache}
		if err := secure(k, c, func(n net.Conn) *tls.Conn { return tls.Client(n, client) }); err != nil {
			t.Error(err)
			return
		}
		var s *tls.Conn
		k.Await(func() { s = <-come })
		defer s.Close()
		tries := 0
		for ticket := false; !ticket; _, ticket = cache.Get("a") {
			if tries++; tries > 10 {
				t.Error("no end of waking")
				return
			}
			var b [1]byte
			if n, err := c.TryRead(b[:]); err != ErrAgain {
				t.Errorf("read %d, %v; want nothing", n, err)
				return
			}
			if _, ticket := cache.Get("a"); !ticket {
				if err := c.wait(k, In, k.After(patience)); err != nil {
					t.Error(err)
					return
				}
			}
		}
		if c.Readable() || c.Hup() {
			t.Error("readable when the ticket was read")
		}
	})
}
