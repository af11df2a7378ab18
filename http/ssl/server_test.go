package ssl

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// startServers starts a server in a folder: $A and $B in the text are addresses.
func startServers(t *testing.T, dir, text string) (a, b string) {
	t.Helper()
	binary, err := weirtest.Binary()
	if err != nil {
		t.Fatal(err)
	}
	ports := weirtest.NewPorts()
	defer ports.Close()
	if a, err = ports.Take(); err == nil {
		b, err = ports.Take()
	}
	if err != nil {
		t.Fatal(err)
	}
	text = strings.NewReplacer("$A", a, "$B", b).Replace(text)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := weirtest.Start(weirtest.Options{Binary: binary, Dir: dir, Ready: []string{a}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.Stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	})
	return a, b
}

// ask makes a request of HTTP/1.0, over TLS where there is a config for it.
func ask(addr string, c *tls.Config) (answer string, state tls.ConnectionState, err error) {
	dial := net.Dialer{Timeout: weirtest.Patience()}
	var conn net.Conn
	if c != nil {
		conn, err = tls.DialWithDialer(&dial, "tcp", addr, c)
	} else {
		conn, err = dial.Dial("tcp", addr)
	}
	if err != nil {
		return "", state, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(weirtest.Patience()))
	if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return "", state, err
	}
	b, err := io.ReadAll(bufio.NewReader(conn))
	if secure, ok := conn.(*tls.Conn); ok {
		state = secure.ConnectionState()
	}
	return string(b), state, err
}

// TestKinds serves requests over TLS, with each kind of key and protocol.
func TestKinds(t *testing.T) {
	dir := t.TempDir()
	for name, o := range map[string]weirtest.CertificateOptions{"ec.test": {}, "rsa.test": {RSA: true}} {
		if err := weirtest.WriteCertificate(dir, name, o); err != nil {
			t.Fatal(err)
		}
	}
	secure, plain := startServers(t, dir, `
		error_log error.log; events {}
		http {
			access_log off;
			server { listen $A ssl; server_name ec.test; ssl_certificate ec.test.crt; ssl_certificate_key ec.test.key; return 200 "$scheme $ssl_protocol $ssl_server_name $server_name"; }
			server { listen $A ssl; server_name rsa.test; ssl_certificate rsa.test.crt; ssl_certificate_key rsa.test.key; return 200 "$scheme $ssl_protocol $ssl_server_name $server_name"; }
			server { listen $B; return 200 "$scheme"; }
		}
	`)
	protocols := map[uint16]string{tls.VersionTLS12: "TLSv1.2", tls.VersionTLS13: "TLSv1.3"}
	for version, protocol := range protocols {
		for name, server := range map[string]string{"ec.test": "ec.test", "rsa.test": "rsa.test", "none.test": "ec.test"} {
			got, state, err := ask(secure, &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
			want := fmt.Sprintf("https %s %s %s", protocol, name, server)
			if err != nil || !strings.HasSuffix(got, want) {
				t.Errorf("%s: %q, %v; want %q", name, got, err, want)
				continue
			}
			if cn := state.PeerCertificates[0].Subject.CommonName; cn != server {
				t.Errorf("%s gets the certificate of %s", name, cn)
			}
		}
	}
	for addr, want := range map[string]string{secure: "plain HTTP request was sent to HTTPS port", plain: "\r\n\r\nhttp"} {
		if got, _, err := ask(addr, nil); err != nil || !strings.Contains(got, want) {
			t.Errorf("without TLS: %q, %v; want %q", got, err, want)
		}
	}
}
