package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ocsp"

	"weir/logs"
)

// A Staple is a certificate along with which clients get the word of its authority. Any goroutine.
type Staple struct {
	Name      string // of the certificate
	Responder string // "" if the word does not change
	Log       *logs.Logger
	Find      Find // of the responder's host; set before the first answer is fetched

	pair    *Pair
	issuer  *x509.Certificate
	sure    bool
	signers []*x509.Certificate // ssl_trusted_certificate
	with    atomic.Pointer[stapled]
}

type stapled struct {
	cert  tls.Certificate
	until time.Time
}

// ReadStaple reads an answer from a file, in DER. The error is nginx's sentence.
func ReadStaple(read Read, name string) ([]byte, error) {
	b, err := read(name)
	if err != nil {
		return nil, FileError(name, "rb", err)
	}
	if _, err := ocsp.ParseResponse(b, nil); err != nil {
		if _, refused := err.(ocsp.ResponseError); !refused {
			return nil, fmt.Errorf("d2i_OCSP_RESPONSE_bio(\"%s\") failed (%w)", name, err)
		}
	}
	return b, nil
}

// IsAbout reports whether an answer is about the certificate of a pair.
func IsAbout(answer []byte, p *Pair) bool {
	_, err := ocsp.ParseResponseForCert(answer, p.Leaf, nil)
	return err == nil
}

// FixedStaple has a certificate shown with an answer for good.
func FixedStaple(p *Pair, answer []byte) *Staple {
	s := &Staple{pair: p}
	s.set(answer, time.Time{})
	return s
}

// NewStaple has a certificate, of that name, shown with answers that Refresh fetches. others are certificates that its issuer may be among, besides the
// chain; responder is who is asked, "" for the one that the certificate names. The warning is nginx's sentence: there will be no answers.
func NewStaple(name string, p *Pair, others []*x509.Certificate, responder string, sure bool) (s *Staple, warning string) {
	known := slices.Clone(others)
	for _, der := range p.Certificate.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			known = append(known, c)
		}
	}
	tries := maxTries
	s = &Staple{Name: name, pair: p, sure: sure, issuer: issuerIn(known, p.Leaf, &tries), signers: others, Responder: responder}
	if s.issuer == nil {
		return nil, fmt.Sprintf("\"ssl_stapling\" ignored, issuer certificate not found for certificate \"%s\"", name)
	}
	if responder == "" {
		if len(p.Leaf.OCSPServer) == 0 {
			return nil, fmt.Sprintf("\"ssl_stapling\" ignored, no OCSP responder URL in the certificate \"%s\"", name)
		}
		s.Responder = p.Leaf.OCSPServer[0]
	}
	if err := CheckResponder(s.Responder); err != nil {
		return nil, fmt.Sprintf("\"ssl_stapling\" ignored, %v in the certificate \"%s\"", err, name)
	}
	return s, ""
}

func (s *Staple) set(der []byte, until time.Time) {
	c := s.pair.Certificate
	c.OCSPStaple = der
	s.with.Store(&stapled{c, until})
}

// Certificate is the pair with the answer that it is to be shown with, if there is one that is valid.
func (s *Staple) Certificate(now time.Time) *tls.Certificate {
	if w := s.with.Load(); w != nil && (w.until.IsZero() || now.Before(w.until)) {
		return &w.cert
	}
	return &s.pair.Certificate
}

// Of reports whether it is that of a pair.
func (s *Staple) Of(p *Pair) bool { return s.pair == p }

// A Stapler has the answers for staples fetched, again and again. Any goroutine.
type Stapler struct {
	mu  sync.Mutex
	due map[*Staple]time.Time
}

// Replace adds a staple in place of another one; either may be nil.
func (k *Stapler) Replace(old, s *Staple) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.due == nil {
		k.due = map[*Staple]time.Time{}
	}
	delete(k.due, old)
	if s != nil {
		k.due[s] = time.Time{}
	}
}

// next are the staples whose answers are due, and when the next one is.
func (k *Stapler) next(now time.Time) (due []*Staple, next time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for s, at := range k.due {
		switch {
		case !at.After(now):
			due = append(due, s)
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	return due, next
}

// Refresh fetches the answers that are due, several at a time, and says when the next one is. told hears of errors. It waits: not on a
// loop.
func (k *Stapler) Refresh(told func(*Staple, error)) (next time.Time) {
	const atOnce = 8
	var all sync.WaitGroup
	places := make(chan struct{}, atOnce)
	due, _ := k.next(time.Now())
	for _, s := range due {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			after, err := s.Refresh()
			if err != nil {
				told(s, err)
			}
			k.mu.Lock()
			defer k.mu.Unlock()
			if _, ok := k.due[s]; ok {
				k.due[s] = time.Now().Add(after)
			}
		})
	}
	all.Wait()
	_, next = k.next(time.Now())
	return next
}

// anchored reports whether a certificate leads to one of these that has signed itself.
func anchored(c *x509.Certificate, all []*x509.Certificate) bool {
	tries := maxTries
	for range len(all) + 1 {
		if c == nil || selfIssued(c) {
			return c != nil
		}
		c = issuerIn(all, c, &tries)
	}
	return false
}

// Refresh fetches an answer and says when to do so again. It waits: not on a loop.
func (s *Staple) Refresh() (after time.Duration, err error) {
	const least, most = 5 * time.Minute, time.Hour
	var signers []*x509.Certificate
	if s.sure {
		if !anchored(s.issuer, s.signers) {
			return least, errors.New("OCSP_basic_verify() failed (SSL: error:13800065:OCSP routines::certificate verify error)")
		}
		signers = []*x509.Certificate{s.issuer}
	}
	a, err := AskOCSP(s.Find, s.Responder, s.pair.Leaf, s.issuer, signers)
	if err != nil {
		return least, err
	}
	if a.Status != OCSPGood {
		return least, fmt.Errorf("certificate status \"%s\" in the OCSP response", a.Status)
	}
	until := a.Until
	now := time.Now()
	if until.IsZero() {
		until = now.Add(most)
	}
	s.set(a.DER, until)
	return max(min(until.Sub(now)-least, most), least), nil
}
