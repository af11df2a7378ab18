package certs

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// signed makes a certificate of an authority, or the authority itself when by is nil.
func signed(t *testing.T, number int64, by *x509.Certificate, key crypto.Signer) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: "n"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: by == nil, BasicConstraintsValid: true,
	}
	if by == nil {
		by, key = c, own
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, own.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c, own
}

// TestFind asks a responder whose host only a Find knows, at the second of its addresses.
func TestFind(t *testing.T) {
	authority, key := signed(t, 1, nil, nil)
	cert, _ := signed(t, 2, authority, key)
	host := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host = r.Host
		der, err := ocsp.CreateResponse(authority, authority, ocsp.Response{Status: ocsp.Good, SerialNumber: cert.SerialNumber, ThisUpdate: time.Now()}, key)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/ocsp-response")
		_, _ = w.Write(der)
	}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	responder := "http://ocsp.test:" + port + "/"
	find := func(_ context.Context, host string) ([]netip.Addr, error) {
		if host != "ocsp.test" {
			return nil, errors.New("asked for " + host)
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("127.0.0.1")}, nil
	}
	a, err := AskOCSP(find, responder, cert, authority, []*x509.Certificate{authority})
	if err != nil || a.Status != OCSPGood || host != "ocsp.test:"+port {
		t.Errorf("%+v, %v; the host was %q", a, err, host)
	}
	// An address needs nobody to be asked.
	if _, err := AskOCSP(find, "http://127.0.0.1:"+port, cert, authority, nil); err != nil {
		t.Error(err)
	}
	lost := func(context.Context, string) ([]netip.Addr, error) {
		return nil, &FindError{"ocsp.test could not be resolved (3: Host not found)"}
	}
	if _, err := AskOCSP(lost, responder, cert, authority, nil); err == nil || err.Error() != "ocsp.test could not be resolved (3: Host not found)" {
		t.Errorf("the error was %v", err)
	}
}
