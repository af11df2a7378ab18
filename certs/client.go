package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"time"

	"weir/loop"
)

// A Client is how servers are spoken to over TLS by a client: made at load, for all of its connections. It never changes. Any goroutine.
type Client struct {
	config   *tls.Config
	trust    *Trust
	pair     *Pair
	sessions tls.ClientSessionCache
	id       [sha256.Size]byte
}

// ClientConf is what a Client is made of.
type ClientConf struct {
	Config   *tls.Config // protocols, ciphers, groups
	Trust    *Trust      // nil: whoever answers is believed
	Pair     *Pair       // shown to servers that ask; nil: none
	Sessions bool        // sessions are resumed
	More     string      // what makes it another one, besides
}

// maxSessions is how many sessions a client has to come back to.
const maxSessions = 1024

// NewClient makes a Client.
func NewClient(s ClientConf) *Client {
	k := &Client{config: s.Config, trust: s.Trust, pair: s.Pair}
	k.config.InsecureSkipVerify = true // it is verified after the handshake, in our own words
	k.config.DynamicRecordSizingDisabled = true
	if s.Sessions {
		k.sessions = tls.NewLRUClientSessionCache(maxSessions)
	}
	h := sha256.New()
	word := func(b []byte) {
		_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(b))))
		_, _ = h.Write(b)
	}
	word([]byte(s.More))
	if s.Pair != nil {
		word(s.Pair.Leaf.Raw)
	}
	if s.Trust != nil {
		word(s.Trust.Identity())
	}
	h.Sum(k.id[:0])
	return k
}

// Verifies reports whether servers have to show who they are.
func (k *Client) Verifies() bool { return k.trust != nil }

// ID tells a client from those of other settings, after a reload too.
func (k *Client) ID() [sha256.Size]byte { return k.id }

// A Server is whom a client speaks to.
type Server struct {
	Name      string       // that is asked for; "": none
	Key       string       // of sessions that can be resumed here: what they must have in common
	Pair      *Pair        // in place of that of the Client
	Protocols []string     // that are offered (ALPN)
	Watched   *loop.Source // for whose sake it is done: when it hangs up, the handshake ends with loop.ErrWatched. May be nil.
}

// Dial does the handshake of a client; otherwise it is as Serve. The certificate is verified by Client.Verify.
func (k *Conn) Dial(t *loop.Task, c *loop.Conn, until loop.Time, client *Client, server Server) error {
	config := client.config.Clone()
	config.ServerName, config.NextProtos = server.Name, server.Protocols
	if client.sessions != nil {
		config.ClientSessionCache = keyed{client.sessions, server.Key}
	}
	pair := client.pair
	if server.Pair != nil {
		pair = server.Pair
	}
	if pair != nil {
		// Whatever authorities the server has told of.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if pair.Slow {
				return k.Slow(&pair.Certificate), nil
			}
			return &pair.Certificate, nil
		}
	}
	k.tls = tls.Client((*socket)(k), config)
	return k.shake(handshake{task: t, conn: c, until: until, watched: server.Watched})
}

// Verify says what is wrong with the certificate that a server has shown, if it has to show a good one. It waits.
func (k *Client) Verify(t *loop.Task, sent []*x509.Certificate) (bad *VerifyError) {
	if k.trust == nil || len(sent) == 0 {
		return nil
	}
	t.Await(func() { _, bad = k.trust.Verify(sent, "", time.Now()) })
	return bad
}

// keyed are the sessions under a key of ours: crypto/tls goes by the name that is asked for alone.
type keyed struct {
	tls.ClientSessionCache
	key string
}

// Get implements tls.ClientSessionCache.
func (k keyed) Get(string) (*tls.ClientSessionState, bool) { return k.ClientSessionCache.Get(k.key) }

// Put implements tls.ClientSessionCache.
func (k keyed) Put(_ string, s *tls.ClientSessionState) { k.ClientSessionCache.Put(k.key, s) }
