package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// A Pair is a certificate with its chain, and its key. It never changes. Any goroutine.
type Pair struct {
	tls.Certificate
	Slow      bool // to sign with the key takes long: not on a loop
	Encrypted bool // the file of the key is
}

// LoadPair reads a certificate and its key, and sees that they belong together. Names are paths or "data:…". Errors are nginx's
// sentences.
func LoadPair(read Read, cert, key string, passwords []string) (*Pair, error) {
	return ReadPair(read, cert, key, passwords).Pair()
}

// LoadChain reads the certificates of a file. The error is nginx's sentence.
func LoadChain(read Read, name string) ([]*x509.Certificate, error) {
	b, err := text(read, name)
	var chain []*x509.Certificate
	if err == nil {
		chain, err = ParseChain(b)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot load certificate \"%s\": %w", name, err)
	}
	return chain, nil
}

func newPair(key string, chain []*x509.Certificate, k crypto.Signer) (*Pair, error) {
	public, ok := k.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(chain[0].PublicKey) {
		return nil, fmt.Errorf("SSL_CTX_use_PrivateKey(\"%s\") failed (SSL: error:05800074:x509 certificate routines::key values mismatch)", key)
	}
	p := &Pair{}
	for _, c := range chain {
		p.Certificate.Certificate = append(p.Certificate.Certificate, c.Raw)
	}
	p.Leaf, p.PrivateKey = chain[0], k
	switch k := k.(type) {
	case *rsa.PrivateKey:
		p.Slow = true
	case *ecdsa.PrivateKey:
		p.Slow = k.Curve.Params().BitSize != 256 // only that curve is fast in Go
	}
	return p, nil
}

// Warnings tell what is odd about the certificate, for -t and the log at start: it is not valid now, or not for long; the chain is out
// of order. It is called by its name.
func (p *Pair) Warnings(name string, now time.Time) (all []string) {
	c := p.Leaf
	const soon = 14 * 24 * time.Hour
	switch left := c.NotAfter.Sub(now); {
	case now.Before(c.NotBefore):
		all = append(all, fmt.Sprintf("certificate \"%s\" is not valid before %s", name, TimeText(c.NotBefore)))
	case left < 0:
		all = append(all, fmt.Sprintf("certificate \"%s\" expired on %s", name, TimeText(c.NotAfter)))
	case left < soon && c.NotAfter.Sub(c.NotBefore) > 2*soon:
		all = append(all, fmt.Sprintf("certificate \"%s\" expires on %s", name, TimeText(c.NotAfter)))
	}
	for i := 1; i < len(p.Certificate.Certificate); i++ {
		next, err := x509.ParseCertificate(p.Certificate.Certificate[i])
		if err != nil || !bytes.Equal(c.RawIssuer, next.RawSubject) {
			all = append(all, fmt.Sprintf("the chain of certificate \"%s\" is out of order: certificate %d is not that of the issuer of the one before", name, i+1))
			break
		}
		c = next
	}
	return all
}

// TimeText is a time as OpenSSL prints those of certificates: "Feb  3 00:55:52 2015 GMT".
func TimeText(t time.Time) string { return t.UTC().Format("Jan _2 15:04:05 2006 GMT") }

// SameKind reports whether the keys of both are of one kind.
func (p *Pair) SameKind(q *Pair) bool {
	return reflect.TypeOf(p.PrivateKey) == reflect.TypeOf(q.PrivateKey)
}

// Equal reports whether both are the same certificates, and so the same key.
func (p *Pair) Equal(q *Pair) bool {
	return slices.EqualFunc(p.Certificate.Certificate, q.Certificate.Certificate, bytes.Equal)
}

// AddPair adds a pair to those of a server. Of each kind of key the last one counts, as for OpenSSL.
func AddPair(pairs []*Pair, p *Pair) []*Pair {
	for i, old := range pairs {
		if old.SameKind(p) {
			pairs[i] = p
			return pairs
		}
	}
	return append(pairs, p)
}

// Choose picks the pair to show to a client: of those that it can verify the one with the cheapest key.
// Its place is returned.
func Choose(pairs []*Pair, hello *tls.ClientHelloInfo) int {
	if len(pairs) == 1 {
		return 0
	}
	h := *hello
	h.ServerName = "" // which of the servers answers was decided before
	for _, slow := range []bool{false, true} {
		for i, p := range pairs {
			if p.Slow == slow && h.SupportsCertificate(&p.Certificate) == nil {
				return i
			}
		}
	}
	return 0
}
