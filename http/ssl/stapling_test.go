package ssl

import (
	"crypto"
	"crypto/tls"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"weir/weirtest"
)

// writeAnswer makes an OCSP answer in a file, about a certificate that has signed itself or, with another number, about another one.
func writeAnswer(t *testing.T, dir, name string, serial *big.Int) []byte {
	t.Helper()
	c, err := weirtest.LoadCertificate(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	if serial == nil {
		serial = c.Leaf.SerialNumber
	}
	now := time.Now()
	der, err := ocsp.CreateResponse(c.Leaf, c.Leaf, ocsp.Response{
		Status: ocsp.Good, SerialNumber: serial, ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour),
	}, c.PrivateKey.(crypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	replace(t, filepath.Join(dir, "answer.der"), der)
	return der
}

// replace writes a file at once.
func replace(t *testing.T, path string, text []byte) {
	t.Helper()
	err := os.WriteFile(path+".new", text, 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestStaplingFile changes an answer and its certificate under a server: each client gets what belongs together, without a reload.
func TestStaplingFile(t *testing.T) {
	if os.Getenv("WEIR_BINARY") != "" {
		t.Skip("nginx reads it at a reload")
	}
	dir := t.TempDir()
	if err := weirtest.WriteCertificate(dir, "a", weirtest.CertificateOptions{}); err != nil {
		t.Fatal(err)
	}
	answer := writeAnswer(t, dir, "a", big.NewInt(1)) // about another one: sent all the same, as nginx does
	addr, _ := startServers(t, dir, `error_log error.log warn; events {} http { access_log off; ssl_certificate a.crt; ssl_certificate_key a.key;
		ssl_stapling on; ssl_stapling_file answer.der; server { listen $A ssl; return 200 ok; } }
	`)
	shown := func() (staple string, serial *big.Int) {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: weirtest.Patience()}, "tcp", addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		state := c.ConnectionState()
		return string(state.OCSPResponse), state.PeerCertificates[0].SerialNumber
	}
	sent := func(what string, want []byte) {
		t.Helper()
		got := ""
		if !weirtest.Eventually(func() bool { got, _ = shown(); return got == string(want) }) {
			t.Errorf("%s: an answer of %d bytes; want %d", what, len(got), len(want))
		}
	}
	logged := func(part string) {
		t.Helper()
		if !weirtest.Eventually(func() bool {
			b, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			return strings.Contains(string(b), part)
		}) {
			t.Errorf("the log does not say %q", part)
		}
	}
	sent("as loaded", answer)
	answer = writeAnswer(t, dir, "a", nil)
	sent("a new answer", answer)
	replace(t, filepath.Join(dir, "answer.der"), []byte("rubbish"))
	logged("the OCSP response that was there before stays in use")
	sent("rubbish", answer)

	_, before := shown()
	if err := weirtest.WriteCertificate(dir, "a", weirtest.CertificateOptions{}); err != nil {
		t.Fatal(err)
	}
	if !weirtest.Eventually(func() bool { _, now := shown(); return now.Cmp(before) != 0 }) {
		t.Error("the new certificate is not served")
	}
	sent("the answer is about the old certificate", nil)
	logged("is not about certificate")
	sent("an answer about the new one", writeAnswer(t, dir, "a", nil))
}
