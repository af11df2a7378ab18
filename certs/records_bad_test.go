package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"testing"
)

// forger is a client that makes its records itself, once crypto/tls has done the handshake.
type forger struct {
	net.Conn
	t       *testing.T
	in, out half
}

func (s *echoServer) forge(version uint16) *forger {
	var log secrets
	raw := s.dial(s.t)
	spy := &spy{Conn: raw, log: &log}
	c := tls.Client(spy, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, KeyLogWriter: &log})
	if err := c.Handshake(); err != nil {
		s.t.Fatal(err)
	}
	state := c.ConnectionState()
	f := &forger{Conn: raw, t: s.t}
	log.suite, log.out = suiteOf(state.CipherSuite), half{}
	var ok bool
	if f.out, f.in, ok = log.halves(&state); !ok {
		s.t.Fatal("no keys")
	}
	return f
}

// spy reads the server's random from what comes, byte by byte as it is read.
type spy struct {
	net.Conn
	log *secrets
	got []byte
}

func (s *spy) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p[:1]) // never further than the handshake needs
	s.got = append(s.got, p[:n]...)
	if len(s.got) >= headerLen && len(s.got) == headerLen+int(binary.BigEndian.Uint16(s.got[3:])) {
		s.log.serverHello(s.got[headerLen:])
	}
	return n, err
}

func (f *forger) send(kind byte, data ...byte) {
	room := make([]byte, 0, len(data)+100)
	f.raw(f.out.seal(room, kind, data))
}

func (f *forger) raw(b []byte) {
	if _, err := f.Write(b); err != nil {
		f.t.Fatal(err)
	}
}

// read reads the next record that is no session ticket.
func (f *forger) read() (kind byte, data []byte) {
	for {
		record := make([]byte, headerLen)
		if _, err := io.ReadFull(f, record); err != nil {
			f.t.Fatal(err)
		}
		record = append(record, make([]byte, int(binary.BigEndian.Uint16(record[3:])))...)
		if _, err := io.ReadFull(f, record[headerLen:]); err != nil {
			f.t.Fatal(err)
		}
		kind, data, err := f.in.open(record)
		if err != nil {
			f.t.Fatalf("a record of the server: %v", err)
		}
		if kind != typeHandshake || data[0] != 4 {
			return kind, data
		}
	}
}

func (f *forger) want(kind byte, data ...byte) {
	f.t.Helper()
	if k, got := f.read(); k != kind || !bytes.Equal(got, data) {
		f.t.Fatalf("got %d %v; want %d %v", k, got, kind, data)
	}
}

func newEcho(t *testing.T) *echoServer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{testPair(t, key)}}
	NewSessions(nil, 1<<40, NewTicketKeys(), nil).Use(config)
	return startEcho(t, config)
}

// TestBadRecords sends what no client should, and wants the alert of the RFC and the end, or the connection to go on.
func TestBadRecords(t *testing.T) {
	const v12, v13, both = tls.VersionTLS12, tls.VersionTLS13, 0
	many := func(n int, kind byte, data ...byte) func(*forger) {
		return func(f *forger) {
			for range n {
				_, _ = f.Write(f.out.seal(make([]byte, 0, len(data)+100), kind, data)) // the other end may have had enough
			}
		}
	}
	updates := func(n int, request byte) func(*forger) {
		return func(f *forger) {
			for range n {
				_, _ = f.Write(f.out.seal(make([]byte, 0, 100), typeHandshake, []byte{24, 0, 0, 1, request}))
				if err := f.out.update(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	tests := []struct {
		name    string
		version uint16
		do      func(*forger)
		alert   byte // 255: the connection goes on
	}{
		{"a wrong tag", both, func(f *forger) {
			b := f.out.seal(make([]byte, 0, 100), typeData, []byte("x"))
			b[len(b)-1] ^= 1
			f.raw(b)
		}, alertBadRecordMAC},
		{"a wrong number", both, func(f *forger) { f.out.seq++; f.send(typeData, 'x') }, alertBadRecordMAC},
		{"a wrong length", both, func(f *forger) {
			b := f.out.seal(make([]byte, 0, 100), typeData, []byte("xy"))
			b[4]--
			f.raw(b[:len(b)-1])
		}, alertBadRecordMAC},
		{"no room for a tag", both, func(f *forger) { f.raw([]byte{23, 3, 3, 0, 3, 1, 2, 3}) }, alertBadRecordMAC},
		{"an empty body", both, func(f *forger) { f.raw([]byte{23, 3, 3, 0, 0}) }, alertBadRecordMAC},
		{"a wrong version", both, func(f *forger) { f.raw([]byte{23, 2, 0, 0, 1, 0}) }, alertProtocolVersion},
		{"too long", v13, func(f *forger) { f.raw([]byte{23, 3, 3, 0x41, 0x01}) }, alertRecordOverflow},
		{"too long", v12, func(f *forger) { f.raw([]byte{23, 3, 3, 0x48, 0x01}) }, alertRecordOverflow},
		{"too much in it", both, func(f *forger) { f.send(typeData, make([]byte, MaxRecord+1)...) }, alertRecordOverflow},
		{"in the clear", v13, func(f *forger) { f.raw([]byte{22, 3, 3, 0, 1, 0}) }, alertUnexpectedMessage},
		{"ChangeCipherSpec", v13, func(f *forger) { f.raw([]byte{20, 3, 3, 0, 1, 1}) }, alertUnexpectedMessage},
		{"ChangeCipherSpec", v12, func(f *forger) { f.send(typeChangeCipherSpec, 1) }, alertUnexpectedMessage},
		{"an unknown kind", both, func(f *forger) { f.send(99, 1) }, alertUnexpectedMessage},
		{"padding alone", v13, func(f *forger) { f.send(0, 0, 0, 0) }, alertUnexpectedMessage},
		{"some empty records", both, many(maxIdle, typeData), 255},
		{"a flood of empty records", both, many(100, typeData), alertUnexpectedMessage},
		{"some updates", v13, updates(maxIdle, 0), 255},
		{"a flood of updates", v13, updates(100, 0), alertUnexpectedMessage},
		{"an update with a wrong wish", v13, func(f *forger) { f.send(typeHandshake, 24, 0, 0, 1, 2) }, alertIllegalParameter},
		{"an update and something behind it", v13, func(f *forger) { f.send(typeHandshake, 24, 0, 0, 1, 0, 24) }, alertUnexpectedMessage},
		{"half an update", v13, func(f *forger) { f.send(typeHandshake, 24, 0) }, alertUnexpectedMessage},
		{"a ClientHello", v13, func(f *forger) { f.send(typeHandshake, 1, 0, 0, 1, 0) }, alertUnexpectedMessage},
		{"an empty message", both, func(f *forger) { f.send(typeHandshake) }, alertUnexpectedMessage},
		{"a Finished", v12, func(f *forger) { f.send(typeHandshake, 20, 0, 0, 1, 0) }, alertUnexpectedMessage},
		{"half an alert", both, func(f *forger) { f.send(typeAlert, 1) }, alertDecodeError},
		{"user_canceled", both, func(f *forger) { f.send(typeAlert, 1, alertUserCanceled) }, 255},
		{"a warning", v12, func(f *forger) { f.send(typeAlert, 1, 41) }, 255},
		{"a flood of warnings", v12, many(100, typeAlert, 1, 41), alertUnexpectedMessage},
	}
	for _, version := range []uint16{v12, v13} {
		s := newEcho(t)
		for _, tt := range tests {
			if tt.version != both && tt.version != version {
				continue
			}
			t.Run(tt.name+" "+tls.VersionName(version), func(t *testing.T) {
				f := s.forge(version)
				f.t = t
				f.send(typeData, []byte("one")...)
				f.want(typeData, []byte("one")...)
				tt.do(f)
				if tt.alert == 255 {
					f.send(typeData, []byte("two")...)
					f.want(typeData, []byte("two")...)
					f.send(typeAlert, 1, alertCloseNotify)
					if err := <-s.ends; err != io.EOF {
						t.Errorf("the end: %v", err)
					}
					return
				}
				f.want(typeAlert, 2, tt.alert)
				var op *net.OpError
				if err := <-s.ends; !asLocal(err, &op) || op.Err != tls.AlertError(tt.alert) {
					t.Errorf("the end: %v; want alert %d", err, tt.alert)
				}
			})
		}
	}
}

func asLocal(err error, op **net.OpError) bool {
	o, ok := err.(*net.OpError)
	*op = o
	return ok && o.Op == "local error"
}

// TestAlertsEnd has clients end connections with alerts.
func TestAlertsEnd(t *testing.T) {
	s := newEcho(t)
	f := s.forge(tls.VersionTLS13)
	f.send(typeAlert, 2, 42)
	if err := <-s.ends; err == nil || err.Error() != "remote error: tls: bad certificate" {
		t.Errorf("%v", err)
	}
}

// TestKeysChange has the client change its keys and ask for others, and the server change its own when they have served long enough.
func TestKeysChange(t *testing.T) {
	s := newEcho(t)
	f := s.forge(tls.VersionTLS13)
	for range 40 {
		f.send(typeHandshake, 24, 0, 0, 1, 1)
		if err := f.out.update(); err != nil {
			t.Fatal(err)
		}
		f.send(typeData, []byte("one")...)
		f.want(typeHandshake, 24, 0, 0, 1, 0)
		if err := f.in.update(); err != nil {
			t.Fatal(err)
		}
		f.want(typeData, []byte("one")...)
	}
	s.on(func() { s.last.records.out.seq = maxSealed - 1 })
	f.in.seq = maxSealed - 1
	f.send(typeData, []byte("two")...)
	f.want(typeData, []byte("two")...)
	f.want(typeHandshake, 24, 0, 0, 1, 0)
	if err := f.in.update(); err != nil {
		t.Fatal(err)
	}
	f.send(typeData, []byte("three")...)
	f.want(typeData, []byte("three")...)
}

// TestRenegotiation is refused with a warning, as nginx does.
func TestRenegotiation(t *testing.T) {
	f := newEcho(t).forge(tls.VersionTLS12)
	f.send(typeHandshake, 1, 0, 0, 2, 3, 3)
	f.want(typeAlert, 1, alertNoRenegotiation)
	f.send(typeData, []byte("one")...)
	f.want(typeData, []byte("one")...)
}

// TestSlowRecord sends a record byte by byte: it holds no more memory than has come.
func TestSlowRecord(t *testing.T) {
	s := newEcho(t)
	f := s.forge(tls.VersionTLS13)
	f.send(typeData, []byte("one")...)
	f.want(typeData, []byte("one")...)
	p := bytes.Repeat([]byte("p"), 2000)
	record := f.out.seal(make([]byte, 0, 3000), typeData, p)
	for i := range record {
		f.raw(record[i : i+1])
		if i == 500 {
			for room, fill := 0, int32(0); fill < 400; {
				s.on(func() {
					y := s.last.records
					room, fill = cap(y.buf), y.fill
				})
				if room > 4096 {
					t.Errorf("%d bytes in a buffer of %d", fill, room)
				}
			}
		}
	}
	f.want(typeData, p...)
}

// FuzzRecords gives bytes to a connection as if they had come.
func FuzzRecords(f *testing.F) {
	f.Add([]byte{23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
	f.Add([]byte{23, 3, 3, 0, 0})
	f.Add([]byte{20, 3, 3, 0, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, id := range []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256} {
			s := suiteOf(id)
			y := &records{ended: true, buf: bytes.Clone(b), fill: int32(len(b))}
			if err := y.in.set(s, make([]byte, s.key), make([]byte, s.fixedIV())); err != nil {
				t.Fatal(err)
			}
			for y.next < y.fill {
				n, err := y.whole()
				if err != nil || n == 0 {
					break
				}
				record := y.buf[y.next : y.next+n]
				y.next += n
				if err := y.take(record); err != nil {
					break
				}
			}
		}
	})
}
