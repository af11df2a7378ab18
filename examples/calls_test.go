package examples_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"weir/weirtest"
)

// TestCalls runs calls.example.dev in front of two servers that speak HTTP/2. With real clients and servers of gRPC it is tried in
// weirtest/grpc.
func TestCalls(t *testing.T) {
	binary, err := weirtest.Binary()
	if errors.Is(err, weirtest.ErrNoServer) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	ports := weirtest.NewPorts()
	defer ports.Close()
	var addrs []string
	for range 3 {
		addr, err := ports.Take()
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, addr)
	}
	secure, dir := addrs[2], t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "certs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := weirtest.WriteCertificate(filepath.Join(dir, "certs"), "calls.example.dev", weirtest.CertificateOptions{}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("calls.example.dev/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("pid       calls.pid;\n", "", "127.0.0.1:50051", addrs[0], "127.0.0.1:50052", addrs[1], "127.0.0.1:8443", secure).Replace(string(text))
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	var servers []*weirtest.Backend
	for _, addr := range addrs[:2] {
		b, err := weirtest.StartBackend("calls", addr, "h2-echo")
		if err != nil {
			t.Fatal(err)
		}
		defer b.Down()
		servers = append(servers, b)
	}
	s, err := weirtest.Start(weirtest.Options{Binary: binary, Dir: dir, Ready: []string{secure}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if code, err := s.Stop(syscall.SIGQUIT); code != 0 || err != nil {
			t.Errorf("exit status %d, %v", code, err)
		}
		s.Kill()
	}()
	call := func(path, want string) {
		t.Helper()
		c, err := weirtest.Dial(secure, "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Secure("calls.example.dev", nil, "h2"); err != nil {
			t.Fatal(err)
		}
		message := "\x00\x00\x00\x00\x05hello"
		all, err := c.AskH2("POST", "calls.example.dev", path, &message, weirtest.Header{Name: "content-type", Value: "application/grpc"}, weirtest.Header{Name: "te", Value: "trailers"})
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %v, %v", path, all, err)
		}
		a, status := all[0], ""
		for _, h := range a.Trailers {
			if h.Name == "grpc-status" {
				status = h.Value
			}
		}
		if status == "" { // the head may be the trailers as well
			status = strings.Join(a.Get("grpc-status"), "")
		}
		if a.Status != 200 || status != want || want == "0" && !strings.HasSuffix(string(a.Body), message) {
			t.Errorf("%s: grpc-status %q, want %q: %s", path, status, want, a)
		}
	}
	for range 4 {
		call("/example.Calls/Greet", "0")
	}
	for _, b := range servers {
		if n := len(b.Requests()); n != 2 {
			t.Errorf("%d calls for a server", n)
		}
	}
	call("/example.Others/Greet", "12")
	servers[0].Down()
	call("/example.Calls/Greet", "0")
	servers[1].Down()
	call("/example.Calls/Greet", "14")
}
