package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// A Trust says which certificates of peers are believed. It never changes once it is loaded. Any goroutine.
type Trust struct {
	Told *x509.CertPool // authorities that clients are told of; nil: none

	depth   int // certificates between that of the peer and the authority
	usage   x509.ExtKeyUsage
	trusted []*x509.Certificate
	roots   *x509.CertPool
	between *x509.CertPool // trusted, but not the end of a chain
	lists   map[string]*revoked
	sum     [sha256.Size]byte // of those that are trusted
}

// revoked is what a CRL says, by its issuer.
type revoked struct {
	list       *pkix.CertificateList
	thisUpdate time.Time
	nextUpdate time.Time // may be zero
	serials    map[string]bool
}

// parseCRL reads a list, of version 1 too, which x509.ParseRevocationList does not know.
func parseCRL(der []byte) (issuer string, r *revoked, err error) {
	//lint:ignore SA1019 see above
	list, err := x509.ParseDERCRL(der)
	if err != nil {
		return "", nil, err
	}
	t := &list.TBSCertList
	r = &revoked{list, t.ThisUpdate, t.NextUpdate, make(map[string]bool, len(t.RevokedCertificates))}
	for i := range t.RevokedCertificates {
		r.serials[serialKey(t.RevokedCertificates[i].SerialNumber)] = true
	}
	var head struct { // the issuer as it is written
		Version   int `asn1:"optional,default:0"`
		Algorithm asn1.RawValue
		Issuer    asn1.RawValue
		Rest      asn1.RawValue
	}
	_, err = asn1.Unmarshal(t.Raw, &head)
	return string(head.Issuer.FullBytes), r, err
}

// NewTrust trusts nobody yet. depth is how many certificates may stand between that of a peer and the authority; usage is what peers
// are: clients or servers.
func NewTrust(depth int, usage x509.ExtKeyUsage) *Trust {
	return &Trust{depth: depth, usage: usage, roots: x509.NewCertPool(), between: x509.NewCertPool()}
}

// Load trusts the certificates of a file. told says that clients are told of them. The error is nginx's sentence.
func (t *Trust) Load(read Read, name string, told bool) error {
	chain, err := LoadChain(read, name)
	if err != nil {
		return err
	}
	for _, c := range chain {
		t.trusted = append(t.trusted, c)
		t.sum = sha256.Sum256(append(t.sum[:], c.Raw...))
		if told {
			if t.Told == nil {
				t.Told = x509.NewCertPool()
			}
			t.Told.AddCert(c)
		}
		if selfIssued(c) {
			t.roots.AddCert(c)
		} else {
			t.between.AddCert(c)
		}
	}
	return nil
}

// LoadCRL has certificates refused that the lists of a file name. Every certificate of a chain must have a list of its issuer then.
// The error is nginx's sentence.
func (t *Trust) LoadCRL(read Read, name string) error {
	b, err := text(read, name)
	if err != nil {
		return fmt.Errorf("cannot load CRL \"%s\": %w", name, err)
	}
	lists := map[string]*revoked{}
	var bad error
	cut := blocks(b, func(p *pem.Block) bool {
		var issuer string
		var r *revoked
		if issuer, r, bad = parseCRL(p.Bytes); bad != nil {
			return false
		}
		if old := lists[issuer]; old == nil || old.thisUpdate.Before(r.thisUpdate) {
			lists[issuer] = r
		}
		return true
	}, "X509 CRL")
	switch {
	case bad != nil:
		bad = fmt.Errorf("PEM_read_bio_X509_CRL() failed (%w)", bad)
	case cut:
		bad = fmt.Errorf("PEM_read_bio_X509_CRL() failed %s", errCut)
	case len(lists) == 0:
		bad = noStart("PEM_read_bio_X509_CRL()", "X509 CRL")
	}
	if bad != nil {
		return fmt.Errorf("cannot load CRL \"%s\": %w", name, bad)
	}
	t.lists = lists
	return nil
}

func serialKey(n *big.Int) string { return string(n.Bytes()) }

func selfIssued(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && (len(c.AuthorityKeyId) == 0 || len(c.SubjectKeyId) == 0 || bytes.Equal(c.AuthorityKeyId, c.SubjectKeyId))
}

// A VerifyError is why a certificate is not believed, with OpenSSL's number and text.
type VerifyError struct{ Code int }

func (e *VerifyError) Error() string { return verifyTexts[e.Code] }

// NoCA reports whether nothing is wrong with the certificate but that its authority is not known (ssl_verify_client optional_no_ca).
func (e *VerifyError) NoCA() bool {
	switch e.Code {
	case noIssuer, selfSigned, selfSignedInChain, noLocalIssuer, noFirst, untrusted:
		return true
	}
	return false
}

const (
	unspecified       = 1
	noIssuer          = 2
	noCRL             = 3
	badSignature      = 7
	badCRLSignature   = 8
	notYetValid       = 9
	expired           = 10
	crlNotYetValid    = 11
	crlExpired        = 12
	selfSigned        = 18
	selfSignedInChain = 19
	noLocalIssuer     = 20
	noFirst           = 21
	chainTooLong      = 22
	isRevoked         = 23
	invalidCA         = 24
	invalidPurpose    = 26
	untrusted         = 27
	notPermitted      = 47
	weakDigest        = 68
)

var verifyTexts = map[int]string{
	unspecified: "unspecified certificate verification error", noIssuer: "unable to get issuer certificate", noCRL: "unable to get certificate CRL",
	badSignature: "certificate signature failure", badCRLSignature: "CRL signature failure", notYetValid: "certificate is not yet valid",
	expired: "certificate has expired", crlNotYetValid: "CRL is not yet valid", crlExpired: "CRL has expired",
	selfSigned: "self-signed certificate", selfSignedInChain: "self-signed certificate in certificate chain",
	noLocalIssuer: "unable to get local issuer certificate", noFirst: "unable to verify the first certificate",
	chainTooLong: "certificate chain too long", isRevoked: "certificate revoked", invalidCA: "invalid CA certificate",
	invalidPurpose: "unsuitable certificate purpose", untrusted: "certificate not trusted",
	notPermitted: "permitted subtree violation", weakDigest: "CA signature digest algorithm too weak",
}

// Verify looks whether a peer's certificate, the first of those that it has sent, leads to an authority that is trusted. name is what
// a server must be called; "" if that does not matter. It may take some hundred microseconds.
func (t *Trust) Verify(sent []*x509.Certificate, name string, now time.Time) (chain []*x509.Certificate, bad *VerifyError) {
	chain, code := t.walk(sent)
	if code == 0 || code == chainTooLong {
		if c := t.revoked(chain, now); c != 0 {
			code = c
		}
	}
	for i := len(chain) - 1; i >= 0; i-- {
		switch c := chain[i]; {
		case now.Before(c.NotBefore):
			code = notYetValid
		case now.After(c.NotAfter):
			code = expired
		}
	}
	if code != 0 {
		return chain, &VerifyError{code}
	}
	between := t.between.Clone()
	for _, c := range sent[1:] {
		between.AddCert(c)
	}
	_, err := sent[0].Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: between, DNSName: name, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{t.usage},
	})
	if err != nil {
		return chain, &VerifyError{codeOf(err)}
	}
	return chain, nil
}

// maxTries is how many signatures are looked at on the way from one certificate to its authority, as in crypto/x509: a peer may send hundreds
// of certificates of one name.
const maxTries = 100

// walk goes from a certificate to its issuer, as long as there is one. The code is what OpenSSL says of where it ends.
func (t *Trust) walk(sent []*x509.Certificate) (chain []*x509.Certificate, code int) {
	tries := maxTries
	c := sent[0]
	chain = []*x509.Certificate{c}
	believed := false
	for len(chain) <= t.depth+2 {
		if selfIssued(c) {
			switch {
			case issuerIn(t.trusted, c, &tries) != nil:
				return chain, 0
			case len(chain) == 1:
				return chain, selfSigned
			}
			return chain, selfSignedInChain
		}
		next := issuerIn(t.trusted, c, &tries)
		believed = believed || next != nil
		if next == nil {
			next = issuerIn(sent[1:], c, &tries)
		}
		if next == nil {
			switch {
			case believed:
				return chain, noIssuer
			case len(chain) == 1:
				return chain, noFirst
			}
			return chain, noLocalIssuer
		}
		c = next
		chain = append(chain, c)
	}
	return chain[:t.depth+2], chainTooLong
}

// issuerIn finds who has signed c. It looks at so many signatures at most, and counts them.
func issuerIn(all []*x509.Certificate, c *x509.Certificate, tries *int) *x509.Certificate {
	for _, i := range all {
		if !bytes.Equal(i.RawSubject, c.RawIssuer) || len(c.AuthorityKeyId) > 0 && len(i.SubjectKeyId) > 0 && !bytes.Equal(c.AuthorityKeyId, i.SubjectKeyId) {
			continue
		}
		if i.Equal(c) {
			return i
		}
		if *tries--; *tries < 0 {
			return nil
		}
		if c.CheckSignatureFrom(i) == nil {
			return i
		}
	}
	return nil
}

// signedBy reports whether the issuer has signed the list.
func (r *revoked) signedBy(issuer *x509.Certificate) bool {
	//lint:ignore SA1019 there is no other way for lists of version 1
	return issuer.CheckCRLSignature(r.list) == nil
}

// revoked asks the lists about every certificate of a chain.
func (t *Trust) revoked(chain []*x509.Certificate, now time.Time) (code int) {
	if t.lists == nil {
		return 0
	}
	for i, c := range chain {
		issuer := chain[min(i+1, len(chain)-1)]
		r := t.lists[string(c.RawIssuer)]
		switch {
		case r == nil:
			code = noCRL
		case !r.signedBy(issuer):
			code = badCRLSignature
		case now.Before(r.thisUpdate):
			code = crlNotYetValid
		case !r.nextUpdate.IsZero() && now.After(r.nextUpdate):
			code = crlExpired
		case r.serials[serialKey(c.SerialNumber)]:
			return isRevoked
		}
	}
	return code
}

// codeOf is OpenSSL's number for what crypto/x509 says.
func codeOf(err error) int {
	var invalid x509.CertificateInvalidError
	var weak x509.InsecureAlgorithmError
	switch {
	case errors.As(err, &weak):
		return weakDigest
	case errors.As(err, &x509.UnknownAuthorityError{}):
		return noLocalIssuer
	case !errors.As(err, &invalid):
		return unspecified
	}
	switch invalid.Reason {
	case x509.Expired:
		return expired
	case x509.NotAuthorizedToSign:
		return invalidCA
	case x509.TooManyIntermediates:
		return chainTooLong
	case x509.IncompatibleUsage:
		return invalidPurpose
	case x509.CANotAuthorizedForThisName, x509.NameConstraintsWithoutSANs:
		return notPermitted
	default:
		return unspecified
	}
}

// Identity tells one Trust from another, for sessions that must not go from one to the other.
func (t *Trust) Identity() []byte { return t.sum[:] }
