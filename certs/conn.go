package certs

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"net"

	"weir/loop"
)

// A Conn is a connection over TLS on a loop: crypto/tls, which stands between a loop.Conn and whoever uses it. Its methods are for the
// loop of the connection only.
//
// During the handshake, which is done in a task, crypto/tls reads and writes as if it could wait. Afterwards a server's connection has
// records of its own (see records), and crypto/tls is let go of: its buffers would stay as large as they ever were. For suites that records
// do not know, and for clients, Conn is the layer of the connection: an empty socket then is a net.Error for crypto/tls that will pass,
// and it keeps what it has of a record.
type Conn struct {
	tls     *tls.Conn // nil if there are records
	records *records
	raw     *loop.Raw // nil during the handshake
	owner   Owner
	begin   *handshake // nil afterwards
	rest    []byte     // what was read during the handshake and is crypto/tls's to read now
	record  int32      // the most that goes into one record
	pending bool
	named   bool // State.ID is wanted
	state   State
}

// State is what a handshake has agreed upon.
type State struct {
	Version  uint16
	Cipher   uint16
	Group    tls.CurveID // 0: none
	Resumed  bool        // the client has come back to a session
	Protocol string      // by ALPN; "": none
	Peer     []*x509.Certificate
	ID       string // in hexadecimal digits, if it was asked for (Conn.Identify)
}

// An Owner is who has a Conn made.
type Owner interface {
	// Hello chooses by what a client says first how it is served: an error ends the handshake.
	Hello(c *Conn, hello *tls.ClientHelloInfo) (*tls.Config, error)
}

// handshake is what a connection needs to begin with.
type handshake struct {
	task  *loop.Task
	conn  *loop.Conn
	first []byte // what was read before
	until loop.Time

	// A server's: crypto/tls gets records one by one, so that it has none too many in the end.
	secrets *secrets
	ahead   []byte          // a buffer of the loop; first is in it, or in that of the caller
	head    [headerLen]byte // of the record at hand
	headN   int             // how much of head has come
	left    int             // how much of the record behind head is to come

	lost error // why the socket is of no use
	mute bool  // nothing more is to be said

	watched *loop.Source // who may hang up meanwhile; nil: nobody
}

// MaxRecord is how much one record holds.
const MaxRecord = 16 << 10

// server is the configuration that all connections of servers begin with; the Owner has the one that counts.
var server = &tls.Config{
	SessionTicketsDisabled: true,
	GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		c := (*Conn)(hello.Conn.(*socket))
		config, err := c.owner.Hello(c, hello)
		if err != nil {
			return nil, err
		}
		own := config.Clone()
		own.KeyLogWriter = c.begin.secrets
		if unwrap := config.UnwrapSession; unwrap != nil {
			own.UnwrapSession = func(identity []byte, state tls.ConnectionState) (*tls.SessionState, error) {
				session, err := unwrap(identity, state)
				if session != nil && state.Version == tls.VersionTLS12 {
					c.begin.secrets.resumed(session)
				}
				return session, err
			}
		}
		return own, nil
	},
}

// Serve does the handshake of a server on a connection, from which first was read already. Until it is over, c is of no use to others;
// without an error it is the user's again, with TLS under it.
func (k *Conn) Serve(t *loop.Task, c *loop.Conn, first []byte, until loop.Time, owner Owner) error {
	k.owner = owner
	k.tls = tls.Server((*socket)(k), server)
	return k.shake(handshake{task: t, conn: c, first: first, until: until, secrets: &secrets{}})
}

func (k *Conn) shake(h handshake) error {
	k.begin = &h
	if k.record == 0 {
		k.record = MaxRecord
	}
	err := k.tls.Handshake()
	k.begin = nil
	defer func() { h.conn.Loop().Give(h.ahead) }()
	if h.lost != nil && h.lost != io.EOF {
		return h.lost
	}
	if err != nil {
		return err
	}
	state := k.tls.ConnectionState()
	k.keep(&state)
	if h.secrets != nil && k.ownRecords(&h, &state) {
		return nil
	}
	k.rest = bytes.Clone(h.first)
	k.pending = true
	k.raw = h.conn.AddLayer((*layer)(k))
	return nil
}

// handshakeGarbage is about how much memory a handshake takes and leaves.
const handshakeGarbage = 32 << 10

// ownRecords has a connection go on without crypto/tls.
func (k *Conn) ownRecords(h *handshake, state *tls.ConnectionState) bool {
	in, out, ok := h.secrets.halves(state)
	if !ok {
		return false
	}
	y := &records{in: in, out: out, max: k.record}
	if len(h.first) > 0 {
		y.buf = h.conn.Loop().Take(len(h.first))
		y.fill = int32(copy(y.buf, h.first))
	}
	k.tls, k.owner = nil, nil
	h.conn.Loop().Garbage(handshakeGarbage)
	k.raw = h.conn.AddLayer(y)
	y.raw, k.records = k.raw, y
	return true
}

// OwnerOf is who has the connection made that a client greets.
func OwnerOf(hello *tls.ClientHelloInfo) Owner { return (*Conn)(hello.Conn.(*socket)).owner }

// Reject tells a client that there is no server of the name that it wants; for an Owner, which then returns ErrRejected.
func (k *Conn) Reject() error {
	const unrecognizedName = 112
	_, _ = (*socket)(k).Write([]byte{21, 3, 3, 0, 2, 2, unrecognizedName})
	k.begin.mute = true // crypto/tls would say that it has failed
	return ErrRejected
}

// SetRecord says how much goes into one record at most.
func (k *Conn) SetRecord(n int) { k.record = int32(min(max(n, 1), MaxRecord)) }

// State is what was agreed upon, once the handshake is over.
func (k *Conn) State() *State { return &k.state }

// Identify has State get an ID, during the handshake: it costs some microseconds.
func (k *Conn) Identify() { k.named = true }

// keep keeps what was agreed upon. A tls.ConnectionState leads to all that the handshake has used.
func (k *Conn) keep(s *tls.ConnectionState) {
	k.state = State{s.Version, s.CipherSuite, s.CurveID, s.DidResume, s.NegotiatedProtocol, s.PeerCertificates, ""}
	if k.named { // the library has its sessions to itself
		if id, err := s.ExportKeyingMaterial("EXPORTER-weir-session-id", nil, 32); err == nil {
			k.state.ID = hex.EncodeToString(id)
		}
	}
}

// Await has f run without holding up the loop, if the handshake is not over.
func (k *Conn) Await(f func()) {
	if k.begin == nil {
		f()
		return
	}
	k.begin.task.Await(f)
}

// Task is the task that the handshake is done in; nil afterwards.
func (k *Conn) Task() *loop.Task {
	if k.begin == nil {
		return nil
	}
	return k.begin.task
}

// Slow is a certificate for this connection whose key is not used on the loop.
func (k *Conn) Slow(c *tls.Certificate) *tls.Certificate {
	own := *c
	slow := slowKey{c.PrivateKey.(crypto.Signer), k}
	own.PrivateKey = &slow
	if d, ok := c.PrivateKey.(crypto.Decrypter); ok { // crypto/tls takes whoever can decrypt for RSA
		own.PrivateKey = &slowDecrypter{slow, d}
	}
	return &own
}

// slowKey is a key that is not used on a loop.
type slowKey struct {
	crypto.Signer
	conn *Conn
}

// Sign signs (crypto.Signer).
func (s *slowKey) Sign(rand io.Reader, digest []byte, o crypto.SignerOpts) (sig []byte, err error) {
	s.conn.Await(func() { sig, err = s.Signer.Sign(rand, digest, o) })
	return sig, err
}

// slowDecrypter is such a key that can decrypt as well.
type slowDecrypter struct {
	slowKey
	decrypter crypto.Decrypter
}

// Decrypt decrypts, for old ways to agree on a key (crypto.Decrypter).
func (s *slowDecrypter) Decrypt(rand io.Reader, msg []byte, o crypto.DecrypterOpts) (plain []byte, err error) {
	s.conn.Await(func() { plain, err = s.decrypter.Decrypt(rand, msg, o) })
	return plain, err
}

// layer is what a loop.Conn reads and writes by (loop.Layer).
type layer Conn

func (y *layer) TryRead(p []byte) (int, error) {
	n, err := y.tls.Read(p)
	switch err {
	case nil:
		y.pending = true
	case again{}:
		y.pending = false
		err = loop.ErrAgain
	case io.ErrUnexpectedEOF: // a connection that ends without "close notify" is nothing unusual
		err = io.EOF
	}
	return n, err
}

// atOnce is how many bytes are written with one call at most.
const atOnce = 2 * MaxRecord

// TryWrite makes records of p, until the socket takes no more.
func (y *layer) TryWrite(p []byte) (n int, err error) {
	p = p[:min(len(p), atOnce)]
	for len(p) > 0 {
		k, err := y.tls.Write(p[:min(len(p), int(y.record))])
		n += k
		if err != nil {
			return n, err
		}
		if p = p[k:]; y.raw.Conn().Unsent() > 0 {
			break
		}
	}
	return n, nil
}

func (y *layer) Pending() bool     { return y.pending }
func (y *layer) CloseWrite() error { return y.tls.CloseWrite() }
func (y *layer) Close()            { _ = y.tls.CloseWrite() }

var (
	_ loop.Layer = (*layer)(nil)
	_ net.Conn   = (*socket)(nil)
)
