package certs

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// responder answers about certificates over HTTP, as it is told.
type responder struct {
	*httptest.Server
	der   atomic.Pointer[[]byte]
	kind  string
	code  int
	asked atomic.Int32
}

func startResponder(t *testing.T) *responder {
	r := &responder{kind: "application/ocsp-response", code: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.asked.Add(1)
		w.Header().Set("Content-Type", r.kind)
		w.WriteHeader(r.code)
		if der := r.der.Load(); der != nil {
			_, _ = w.Write(*der)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// says is an answer about a certificate; with is shown along with it, if by is not the issuer.
func says(t *testing.T, issuer, by *authority, with bool, template ocsp.Response) []byte {
	t.Helper()
	if template.ThisUpdate.IsZero() {
		template.ThisUpdate, template.NextUpdate = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	}
	if with {
		template.Certificate = by.cert
	}
	der, err := ocsp.CreateResponse(issuer.cert, by.cert, template, by.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestCheckOCSP asks about a client's certificate: whose word counts, and for how long.
func TestCheckOCSP(t *testing.T) {
	root := make1(t, nil, "root", nil)
	ca := make1(t, root, "ca", nil)
	leaf := make1(t, ca, "leaf", nil)
	delegate := func(by *authority, change func(*x509.Certificate)) *authority {
		return make1(t, by, "delegate", func(c *x509.Certificate) {
			c.ExtKeyUsage, c.IsCA = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}, false
			if change != nil {
				change(c)
			}
		})
	}
	good := ocsp.Response{Status: ocsp.Good, SerialNumber: leaf.cert.SerialNumber}
	with := func(change func(*ocsp.Response)) ocsp.Response {
		r := good
		change(&r)
		return r
	}
	old := with(func(r *ocsp.Response) {
		r.ThisUpdate, r.NextUpdate = time.Now().Add(-3*time.Hour), time.Now().Add(-2*time.Hour)
	})
	tests := []struct {
		name string
		der  []byte
		want string // a status, or what the error has in it
	}{
		{"good", says(t, ca, ca, false, good), "good"},
		{"revoked", says(t, ca, ca, false, with(func(r *ocsp.Response) { r.Status, r.RevokedAt = ocsp.Revoked, time.Now() })), "revoked"},
		{"unknown", says(t, ca, ca, false, with(func(r *ocsp.Response) { r.Status = ocsp.Unknown })), "unknown"},
		{"the issuer, which is shown", says(t, ca, ca, true, good), "good"},
		{"whom the issuer has named", says(t, ca, delegate(ca, nil), true, good), "good"},
		{"whom it has named, too late", says(t, ca, delegate(ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), true, good), "missing ocspsigning usage"},
		{"whom it has not named for that", says(t, ca, leaf, true, good), "missing ocspsigning usage"},
		{"the authority above", says(t, ca, root, true, good), "missing ocspsigning usage"},
		{"whom the authority above has named", says(t, ca, delegate(root, nil), true, good), "missing ocspsigning usage"},
		{"a stranger", says(t, ca, make1(t, nil, "ca", nil), false, good), "missing ocspsigning usage"},
		{"too old", says(t, ca, ca, false, old), "status expired"},
		{"of tomorrow", says(t, ca, ca, false, with(func(r *ocsp.Response) {
			r.ThisUpdate, r.NextUpdate = time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
		})), "status expired"},
		{"of another certificate", says(t, ca, ca, false, with(func(r *ocsp.Response) { r.SerialNumber = ca.cert.SerialNumber })), "d2i_OCSP_RESPONSE() failed"},
		{"a refusal", ocsp.TryLaterErrorResponse, "OCSP response not successful (3"},
		{"rubbish", []byte("rubbish"), "d2i_OCSP_RESPONSE() failed"},
		{"nothing", nil, "d2i_OCSP_RESPONSE() failed"},
		{"half of it", says(t, ca, ca, false, good)[:100], "d2i_OCSP_RESPONSE() failed"},
	}
	s := startResponder(t)
	chain := []*x509.Certificate{leaf.cert, ca.cert, root.cert}
	check := func(cache *OCSPCache) string {
		status, err := CheckOCSP(nil, chain, s.URL, true, cache, time.Now())
		if err != nil {
			return err.Error()
		}
		return status.String()
	}
	for _, tt := range tests {
		s.der.Store(&tt.der)
		if got := check(nil); got != tt.want && (len(tt.want) < 8 || !strings.Contains(got, tt.want)) {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
	}

	// an answer is kept as long as it is valid, and what is no answer is not
	cache := NewOCSPCache(1 << 20)
	s.der.Store(&tests[0].der)
	before := s.asked.Load()
	for range 3 {
		if got := check(cache); got != "good" {
			t.Error(got)
		}
	}
	if n := s.asked.Load() - before; n != 1 {
		t.Errorf("asked %d times; want once", n)
	}
	if _, err := CheckOCSP(nil, chain, s.URL, true, cache, time.Now().Add(2*time.Hour)); err != nil || s.asked.Load()-before != 2 {
		t.Errorf("an answer that has run out: asked %d times, %v", s.asked.Load()-before, err)
	}
	s.kind = "text/html"
	if got := check(nil); !strings.Contains(got, "invalid \"Content-Type\" header: \"text/html\"") {
		t.Error(got)
	}
	s.code = http.StatusInternalServerError
	if got := check(nil); got != "OCSP responder sent invalid response" {
		t.Error(got)
	}
	if _, err := CheckOCSP(nil, chain, "", true, nil, time.Now()); err == nil || err.Error() != "no OCSP responder URL in certificate" {
		t.Error(err)
	}
}

// TestRedirectedResponder has a responder lead elsewhere: nobody else is asked.
func TestRedirectedResponder(t *testing.T) {
	root := make1(t, nil, "root", nil)
	leaf := make1(t, root, "leaf", nil)
	elsewhere := startResponder(t)
	s := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer s.Close()
	_, err := AskOCSP(nil, s.URL, leaf.cert, root.cert, nil)
	if err == nil || err.Error() != "OCSP responder sent invalid response" {
		t.Error(err)
	}
	if n := elsewhere.asked.Load(); n != 0 {
		t.Errorf("another one was asked %d times", n)
	}
}

// TestStaple has a certificate shown with the word of its authority, as long as it is valid.
func TestStaple(t *testing.T) {
	root := make1(t, nil, "root", nil)
	ca := make1(t, root, "ca", nil)
	s := startResponder(t)
	leaf := make1(t, ca, "leaf", func(c *x509.Certificate) { c.OCSPServer = []string{s.URL} })
	pair, err := newPair("leaf.key", []*x509.Certificate{leaf.cert, ca.cert}, leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(by *authority, status int) {
		der := says(t, ca, by, by != ca, ocsp.Response{Status: status, SerialNumber: leaf.cert.SerialNumber, RevokedAt: time.Now()})
		s.der.Store(&der)
	}
	for _, tt := range []struct {
		name   string
		sure   bool
		others []*x509.Certificate
		by     *authority
		status int
		want   string // part of the error; "": it is shown
	}{
		{"unverified", false, nil, ca, ocsp.Good, ""},
		{"unverified, by whomever", false, nil, root, ocsp.Good, ""},
		{"verified", true, []*x509.Certificate{root.cert}, ca, ocsp.Good, ""},
		{"verified, by the authority above", true, []*x509.Certificate{root.cert}, root, ocsp.Good, "missing ocspsigning usage"},
		{"verified, with no authority to believe", true, nil, ca, ocsp.Good, "certificate verify error"},
		{"revoked", false, nil, ca, ocsp.Revoked, "certificate status \"revoked\" in the OCSP response"},
	} {
		staple, warning := NewStaple("leaf.crt", pair, tt.others, "", tt.sure)
		if warning != "" {
			t.Fatalf("%s: %s", tt.name, warning)
		}
		answer(tt.by, tt.status)
		after, err := staple.Refresh()
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
		case after < time.Minute || after > 2*time.Hour:
			t.Errorf("%s: again after %v", tt.name, after)
		}
		if shown := staple.Certificate(time.Now()).OCSPStaple != nil; shown != (tt.want == "") {
			t.Errorf("%s: shown: %t", tt.name, shown)
		}
		if staple.Certificate(time.Now().Add(3*time.Hour)).OCSPStaple != nil {
			t.Errorf("%s: it is shown when it is not valid any more", tt.name)
		}
	}

	// some at once, of which one fails, and one is replaced
	var all Stapler
	var staples []*Staple
	for range 20 {
		staple, _ := NewStaple("leaf.crt", pair, nil, "", false)
		staples = append(staples, staple)
		all.Replace(nil, staple)
	}
	staples[0].Responder = "http://127.0.0.1:1/"
	answer(ca, ocsp.Good)
	var failed atomic.Int32
	next := all.Refresh(func(s *Staple, err error) {
		if failed.Add(1); s != staples[0] || err == nil {
			t.Errorf("%v", err)
		}
	})
	if in := time.Until(next); failed.Load() != 1 || in < time.Minute || in > 10*time.Minute {
		t.Errorf("%d have failed, again after %v", failed.Load(), in)
	}
	fresh, _ := NewStaple("leaf.crt", pair, nil, "", false)
	all.Replace(staples[0], fresh)
	before := s.asked.Load()
	next = all.Refresh(func(_ *Staple, err error) { t.Error(err) })
	if n := s.asked.Load() - before; n != 1 || time.Until(next) < 30*time.Minute {
		t.Errorf("asked %d times, again after %v", n, time.Until(next))
	}
	if fresh.Certificate(time.Now()).OCSPStaple == nil || !fresh.Of(pair) {
		t.Error("the new one is not shown")
	}

	alone, err := newPair("alone.key", []*x509.Certificate{leaf.cert}, leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	if _, warning := NewStaple("alone.crt", alone, nil, "", false); !strings.Contains(warning, "issuer certificate not found for certificate \"alone.crt\"") {
		t.Error(warning)
	}
	mute, err := newPair("mute.key", []*x509.Certificate{ca.cert, root.cert}, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if _, warning := NewStaple("mute.crt", mute, nil, "", false); !strings.Contains(warning, "no OCSP responder URL in the certificate \"mute.crt\"") {
		t.Error(warning)
	}
}
