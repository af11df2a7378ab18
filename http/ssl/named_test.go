package ssl

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/weirtest"
)

// TestNamedPath asks for server names that are no names: a path that is made of one leads nowhere else.
func TestNamedPath(t *testing.T) {
	if os.Getenv("WEIR_BINARY") != "" {
		t.Skip("nginx takes any name")
	}
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := weirtest.WriteCertificate(filepath.Join(dir, name), "x", weirtest.CertificateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	addr, _ := startServers(t, dir, `error_log error.log; events {} http { access_log off; server { listen $A ssl; return 200 ok;
		ssl_certificate a/$ssl_server_name.crt; ssl_certificate_key a/$ssl_server_name.key; } }
	`)
	for name, good := range map[string]bool{"x": true, "../b/x": false, "../a/x": false, "x\nx": false, "x x": false} {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: weirtest.Patience()}, "tcp", addr, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
		if err == nil {
			_ = c.Close()
		}
	}
	if !weirtest.Eventually(func() bool {
		log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
		return strings.Contains(string(log), `invalid server name "x\nx", for which there is no certificate while SSL handshaking`)
	}) {
		t.Error("the log does not say so")
	}
}
