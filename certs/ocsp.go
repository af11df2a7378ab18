package certs

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
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

// AskOCSP asks a responder about a certificate. It waits: not on a loop. The answer is signed by who may (issuer, or whom it has named)
// if sure is set. Errors are nginx's sentences.
func AskOCSP(responder string, cert, issuer *x509.Certificate, sure bool) (*OCSPAnswer, error) {
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
	response, err := http.DefaultClient.Do(q)
	switch {
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
	return ParseOCSP(der, cert, issuer, sure, time.Now())
}

// ParseOCSP reads an answer about a certificate.
func ParseOCSP(der []byte, cert, issuer *x509.Certificate, sure bool, now time.Time) (*OCSPAnswer, error) {
	by := issuer
	if !sure {
		by = nil
	}
	r, err := ocsp.ParseResponseForCert(der, cert, by)
	var status ocsp.ResponseError
	switch {
	case errors.As(err, &status):
		return nil, fmt.Errorf("OCSP response not successful (%d: %s)", status.Status, status.Status)
	case err != nil && sure && !bytes.Contains([]byte(err.Error()), []byte("parse")):
		return nil, fmt.Errorf("OCSP_basic_verify() failed (%w)", err)
	case err != nil:
		return nil, fmt.Errorf("d2i_OCSP_RESPONSE() failed (%w)", err)
	case now.Add(ocspSkew).Before(r.ThisUpdate), !r.NextUpdate.IsZero() && now.Add(-ocspSkew).After(r.NextUpdate):
		return nil, errors.New("OCSP_check_validity() failed (SSL: error:2707307D:OCSP routines::status expired)")
	}
	return &OCSPAnswer{DER: der, Status: OCSPStatus(r.Status), Until: r.NextUpdate}, nil
}
