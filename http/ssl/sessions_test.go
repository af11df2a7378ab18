package ssl

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// TestSessions has clients of TLS 1.3 come again to servers that keep sessions in different ways. nginx does the same (WEIR_BINARY).
func TestSessions(t *testing.T) {
	tests := []struct {
		text    string
		resumed bool
	}{
		{"", true},
		{"ssl_session_cache none;", true},
		{"ssl_session_tickets off;", false},
		{"ssl_session_tickets off; ssl_session_cache off;", false},
		{"ssl_session_tickets off; ssl_session_cache shared:a:1m;", true},
		{"ssl_session_tickets off; ssl_session_cache builtin;", true},
		{"ssl_session_tickets off; ssl_session_cache builtin shared:b:1m;", true},
		{"ssl_session_tickets off; ssl_session_cache builtin; ssl_session_cache shared:c:1m;", true},
		{"ssl_session_tickets off; ssl_session_cache shared:d:1m; ssl_session_cache builtin;", true},
		{"ssl_session_tickets off; ssl_session_cache none shared:e:1m;", false},
		{"ssl_session_tickets off; ssl_session_cache shared:f:1m none;", false},
		{"ssl_session_tickets off; ssl_session_cache shared:g:1m; ssl_session_cache off;", false},
		{"ssl_session_tickets off; ssl_session_cache off; ssl_session_cache shared:h:1m;", false},
		{"ssl_session_tickets off; ssl_session_cache off; ssl_session_cache builtin;", true},
	}
	binary, err := weirtest.Binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := weirtest.WriteCertificate(dir, "a", weirtest.CertificateOptions{}); err != nil {
		t.Fatal(err)
	}
	ports := weirtest.NewPorts()
	defer ports.Close()
	var addrs []string
	var text strings.Builder
	text.WriteString("error_log error.log; events {} http { access_log off; ssl_certificate a.crt; ssl_certificate_key a.key;\n")
	for _, tt := range tests {
		addr, err := ports.Take()
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, addr)
		fmt.Fprintf(&text, "server { listen %s ssl; %s return 200 ok; }\n", addr, tt.text)
	}
	text.WriteString("}\n")
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := weirtest.Start(weirtest.Options{Binary: binary, Dir: dir, Ready: addrs[:1]})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := s.Stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}()
	for i, tt := range tests {
		cache := tls.NewLRUClientSessionCache(1)
		for again := range 2 {
			resumed, err := comeBy(addrs[i], cache)
			if err != nil {
				t.Fatalf("%s: %v", tt.text, err)
			}
			if want := tt.resumed && again > 0; resumed != want {
				t.Errorf("%q, visit %d: resumed: %t", tt.text, again, resumed)
			}
		}
	}
}

// comeBy makes a request, and says whether its session was one that was there before.
func comeBy(addr string, cache tls.ClientSessionCache) (bool, error) {
	c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "a", InsecureSkipVerify: true, ClientSessionCache: cache, MinVersion: tls.VersionTLS13})
	if err != nil {
		return false, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(weirtest.Patience())); err != nil {
		return false, err
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return false, err
	}
	_, err = io.ReadAll(c)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // there may be no close_notify
	}
	return c.ConnectionState().DidResume, err
}
