package certs

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"
)

// An OCSPAnswer is what an authority says of a certificate.
type OCSPAnswer struct {
	DER    []byte
	Status OCSPStatus
	Until  time.Time // when it is not valid any more; zero: it does not say
}

// OCSPStatus is good, revoked or unknown.
type OCSPStatus int

const (
	OCSPGood    = OCSPStatus(ocsp.Good)
	OCSPRevoked = OCSPStatus(ocsp.Revoked)
	OCSPUnknown = OCSPStatus(ocsp.Unknown)
)

func (s OCSPStatus) String() string {
	switch s {
	case OCSPGood:
		return "good"
	case OCSPRevoked:
		return "revoked"
	case OCSPUnknown:
	}
	return "unknown"
}

// CheckResponder returns nil for an address that can be asked. The error is nginx's sentence, up to " in …".
func CheckResponder(responder string) error {
	u, err := url.Parse(responder)
	switch {
	case err != nil || u.Scheme != "http":
		return fmt.Errorf("invalid URL prefix in OCSP responder \"%s\"", responder)
	case u.Hostname() == "":
		return fmt.Errorf("no host in OCSP responder \"%s\"", responder)
	}
	return nil
}

// ocspLimit is how long a responder may take, and how much it may say.
const (
	ocspTimeout = 60 * time.Second
	ocspLimit   = 64 << 10
	ocspSkew    = 5 * time.Minute // between clocks
)

// AskOCSP asks a responder, whose host is found by find, about a certificate. It waits: not on a loop. The answer must be
// signed by one of signers, or by whom the issuer has named for it, unless signers is nil. Errors are nginx's sentences.
func AskOCSP(find Find, responder string, cert, issuer *x509.Certificate, signers []*x509.Certificate) (*OCSPAnswer, error) {
	request, err := ocsp.CreateRequest(cert, issuer, nil)
	if err != nil {
		return nil, fmt.Errorf("i2d_OCSP_REQUEST() failed (%w)", err)
	}
	address := strings.TrimSuffix(responder, "/") + "/" + url.PathEscape(base64.StdEncoding.EncodeToString(request))
	ctx, cancel := context.WithTimeout(context.Background(), ocspTimeout)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	q.Close = true
	response, err := client(find).Do(q)
	var unfound *FindError
	switch {
	case errors.As(err, &unfound):
		return nil, unfound
	case errors.Is(err, context.DeadlineExceeded):
		return nil, errors.New("OCSP responder timed out")
	case err != nil:
		return nil, fmt.Errorf("OCSP responder cannot be asked (%w)", err)
	}
	defer response.Body.Close()
	der, err := io.ReadAll(io.LimitReader(response.Body, ocspLimit))
	switch kind := response.Header.Get("Content-Type"); {
	case err != nil:
		return nil, errors.New("OCSP responder prematurely closed connection")
	case response.StatusCode != http.StatusOK:
		return nil, errors.New("OCSP responder sent invalid response")
	case !strings.EqualFold(kind, "application/ocsp-response"):
		return nil, fmt.Errorf("OCSP responder sent invalid \"Content-Type\" header: \"%s\"", kind)
	}
	return ParseOCSP(der, cert, issuer, signers, time.Now())
}

// ParseOCSP reads an answer about a certificate, see AskOCSP.
func ParseOCSP(der []byte, cert, issuer *x509.Certificate, signers []*x509.Certificate, now time.Time) (*OCSPAnswer, error) {
	r, err := ocsp.ParseResponseForCert(der, cert, nil)
	var status ocsp.ResponseError
	switch {
	case errors.As(err, &status):
		return nil, fmt.Errorf("OCSP response not successful (%d: %s)", status.Status, status.Status)
	case err != nil:
		return nil, fmt.Errorf("d2i_OCSP_RESPONSE() failed (%w)", err)
	case signers != nil && !signedByAny(r, issuer, signers, now):
		return nil, errors.New("OCSP_basic_verify() failed (SSL: error:1380006B:OCSP routines::missing ocspsigning usage)")
	case now.Add(ocspSkew).Before(r.ThisUpdate), !r.NextUpdate.IsZero() && now.Add(-ocspSkew).After(r.NextUpdate):
		return nil, errors.New("OCSP_check_validity() failed (SSL: error:2707307D:OCSP routines::status expired)")
	}
	return &OCSPAnswer{DER: der, Status: OCSPStatus(r.Status), Until: r.NextUpdate}, nil
}

// signedByAny reports whether one who may has signed an answer.
func signedByAny(r *ocsp.Response, issuer *x509.Certificate, signers []*x509.Certificate, now time.Time) bool {
	by := r.Certificate // whose signature was verified
	if by == nil {
		return slices.ContainsFunc(signers, func(c *x509.Certificate) bool { return r.CheckSignatureFrom(c) == nil })
	}
	if now.Before(by.NotBefore) || now.After(by.NotAfter) {
		return false
	}
	return slices.ContainsFunc(signers, by.Equal) || slices.Contains(by.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) && by.CheckSignatureFrom(issuer) == nil
}

// An OCSPCache keeps what authorities have said of client certificates, as long as it is valid. Any goroutine.
type OCSPCache struct {
	mu    sync.Mutex
	limit int
	known map[[sha256.Size]byte]cachedOCSP
}

type cachedOCSP struct {
	status OCSPStatus
	until  time.Time
}

// NewOCSPCache makes a cache of a size in bytes.
func NewOCSPCache(size int64) *OCSPCache {
	const each = 128
	return &OCSPCache{limit: int(size / each), known: map[[sha256.Size]byte]cachedOCSP{}}
}

func (c *OCSPCache) get(cert *x509.Certificate, now time.Time) (OCSPStatus, bool) {
	if c == nil {
		return 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.known[sha256.Sum256(cert.Raw)]
	return k.status, ok && now.Before(k.until)
}

func (c *OCSPCache) put(cert *x509.Certificate, a *OCSPAnswer, now time.Time) {
	if c == nil {
		return
	}
	until := a.Until
	if until.IsZero() {
		until = now.Add(time.Hour)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= c.limit { // any of them: the map has no order
		for key := range c.known {
			delete(c.known, key)
			break
		}
	}
	c.known[sha256.Sum256(cert.Raw)] = cachedOCSP{a.Status, until}
}

// CheckOCSP asks about the certificates of a verified chain, the authority at its end left out; only about the first with leaf. The
// status is that of the first that is not good. It waits: not on a loop. Errors are nginx's sentences.
func CheckOCSP(find Find, chain []*x509.Certificate, responder string, leaf bool, cache *OCSPCache, now time.Time) (OCSPStatus, error) {
	for i := 0; i+1 < len(chain) && (i == 0 || !leaf); i++ {
		cert := chain[i]
		status, known := cache.get(cert, now)
		if !known {
			from := responder
			if from == "" {
				if len(cert.OCSPServer) == 0 {
					return OCSPUnknown, errors.New("no OCSP responder URL in certificate")
				}
				from = cert.OCSPServer[0]
			}
			if err := CheckResponder(from); err != nil {
				return OCSPUnknown, fmt.Errorf("%w in certificate", err)
			}
			a, err := AskOCSP(find, from, cert, chain[i+1], chain[i+1:i+2])
			if err != nil {
				return OCSPUnknown, err
			}
			cache.put(cert, a, now)
			status = a.Status
		}
		if status != OCSPGood {
			return status, nil
		}
	}
	return OCSPGood, nil
}
