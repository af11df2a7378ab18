package http_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// makePair writes a certificate and its key, for tests, to dir/name.crt and dir/name.key. Without a parent it signs itself.
func makePair(t *testing.T, dir, name, kind string, parent *tls.Certificate, change func(*x509.Certificate)) *tls.Certificate {
	t.Helper()
	var private, public any
	switch kind {
	case "rsa":
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		private, public = k, &k.PublicKey
	default:
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		private, public = k, &k.PublicKey
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name, "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100 * 24 * time.Hour), BasicConstraintsValid: true,
	}
	if change != nil {
		change(c)
	}
	by, signer := c, private
	if parent != nil {
		by, signer = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pkcs, _ := x509.MarshalPKCS8PrivateKey(private)
	for path, b := range map[string]*pem.Block{name + ".crt": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: pkcs}} {
		if err := os.WriteFile(dir+"/"+path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private, Leaf: leaf}
}

// askTLS sends a request over TLS, HTTP/1.0, and returns all that comes.
func askTLS(t *testing.T, addr string, c *tls.Config, text string) (string, tls.ConnectionState, error) {
	t.Helper()
	raw, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(20 * time.Second))
	c.InsecureSkipVerify = true
	conn := tls.Client(raw, c)
	if err := conn.Handshake(); err != nil {
		return "", tls.ConnectionState{}, err
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return "", conn.ConnectionState(), err
	}
	b, err := io.ReadAll(bufio.NewReader(conn))
	return string(b), conn.ConnectionState(), err
}

// TestTLS serves requests over TLS, with each kind of key and protocol.
func TestTLS(t *testing.T) {
	pairs := t.TempDir()
	makePair(t, pairs, "ec.test", "ec", nil, nil)
	makePair(t, pairs, "rsa.test", "rsa", nil, nil)
	_, addr, other := serve(t, strings.NewReplacer("$PAIRS", pairs).Replace(`
		server {
			listen $A ssl;
			server_name ec.test;
			ssl_certificate $PAIRS/ec.test.crt;
			ssl_certificate_key $PAIRS/ec.test.key;
			location / { return 200 "$scheme $ssl_protocol $ssl_server_name $server_name"; }
		}
		server {
			listen $A ssl;
			server_name rsa.test;
			ssl_certificate $PAIRS/rsa.test.crt;
			ssl_certificate_key $PAIRS/rsa.test.key;
			location / { return 200 "$scheme $ssl_protocol $ssl_server_name $server_name"; }
		}
		server { listen $B; return 200 "$scheme"; }
	`))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, name := range []string{"ec.test", "rsa.test", "none.test"} {
			got, state, err := askTLS(t, addr, &tls.Config{ServerName: name, MinVersion: version, MaxVersion: version}, "GET / HTTP/1.0\r\n\r\n")
			server := name
			if name == "none.test" {
				server = "ec.test"
			}
			protocol := map[uint16]string{tls.VersionTLS12: "TLSv1.2", tls.VersionTLS13: "TLSv1.3"}[version]
			want := fmt.Sprintf("https %s %s %s", protocol, name, server)
			if err != nil || !strings.HasSuffix(got, want) {
				t.Errorf("%s: %q, %v; want %q", name, got, err, want)
			}
			if cn := state.PeerCertificates[0].Subject.CommonName; cn != server {
				t.Errorf("%s gets the certificate of %s", name, cn)
			}
		}
	}
	if got := ask(t, addr, "GET / HTTP/1.0\r\n\r\n"); !strings.Contains(got, "400 Bad Request") || !strings.Contains(got, "plain HTTP request was sent to HTTPS port") {
		t.Errorf("plain HTTP: %q", got)
	}
	if got := ask(t, other, "GET / HTTP/1.0\r\n\r\n"); !strings.HasSuffix(got, "\r\n\r\nhttp") {
		t.Errorf("without TLS: %q", got)
	}
}
