package examples_test

import (
	"crypto/tls"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"weir/weirtest"
)

// TestShop runs shop.example.dev, with the certificates that its script makes or, without openssl, with others.
func TestShop(t *testing.T) {
	binary, err := weirtest.Binary()
	if errors.Is(err, weirtest.ErrNoServer) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir, plain, secure := installShop(t)
	s, err := weirtest.Start(weirtest.Options{Binary: binary, Dir: dir, Ready: []string{plain, secure}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if code, err := s.Stop(syscall.SIGQUIT); code != 0 || err != nil {
			t.Errorf("exit status %d, %v", code, err)
		}
		s.Kill()
	})
	ada, err := weirtest.LoadCertificate(filepath.Join(dir, "certs"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(name, path string, http2 bool, with *tls.Certificate) (*weirtest.Answer, error) {
		c, err := weirtest.Dial(secure, "")
		if err != nil {
			return nil, err
		}
		defer c.Close()
		protocol := "http/1.1"
		if http2 {
			protocol = "h2"
		}
		if err := c.Secure(name, with, protocol); err != nil {
			return nil, err
		}
		if http2 {
			all, err := c.AskH2("GET", name, path, nil)
			if err != nil || len(all) != 1 {
				return nil, errors.Join(err, errors.New("no answer"))
			}
			return all[0], nil
		}
		if err := c.Send("GET " + path + " HTTP/1.1\r\nHost: " + name + "\r\n\r\n"); err != nil {
			return nil, err
		}
		return c.Answer()
	}
	for _, tt := range []struct {
		name, path string
		with       *tls.Certificate
		status     int
		body       string
	}{
		{"shop.example.dev", "/", nil, 200, "<h1>shop.example.dev</h1>"},
		{"shop.example.dev", "/style.css", nil, 200, "font:"},
		{"shop.example.dev", "/nothing", nil, 404, ""},
		{"office.example.dev", "/", nil, 400, "No required SSL certificate was sent"},
		{"office.example.dev", "/", &ada, 200, "hello, CN=ada"},
	} {
		for _, http2 := range []bool{false, true} {
			a, err := ask(tt.name, tt.path, http2, tt.with)
			if err != nil {
				t.Errorf("%s%s, HTTP/2 %t: %v", tt.name, tt.path, http2, err)
				continue
			}
			if a.Status != tt.status || !strings.Contains(string(a.Body), tt.body) {
				t.Errorf("%s%s, HTTP/2 %t: %s", tt.name, tt.path, http2, a)
			}
		}
	}
	if _, err := ask("other.example.dev", "/", false, nil); err == nil {
		t.Error("a server answers to another name")
	}
	answers, err := weirtest.Ask(plain, "GET /a?b HTTP/1.1\r\nHost: shop.example.dev\r\n\r\n")
	if err != nil || len(answers) != 1 || answers[0].Status != 301 || strings.Join(answers[0].Get("Location"), "") != "https://shop.example.dev:8443/a?b" {
		t.Errorf("%v, %v", answers, err)
	}
}

// installShop copies the example into a folder of its own, with free ports.
func installShop(t *testing.T) (dir, plain, secure string) {
	t.Helper()
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	dir = t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS("shop.example.dev")); err != nil {
		t.Fatal(err)
	}
	makeCertificates(t, dir)
	var err error
	if plain, err = ports.Take(); err != nil {
		t.Fatal(err)
	}
	if secure, err = ports.Take(); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "nginx.conf")
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.NewReplacer("pid       shop.pid;\n", "", "127.0.0.1:8082", plain, "127.0.0.1:8443", secure).Replace(string(text))
	if err := os.WriteFile(conf, []byte(s), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, plain, secure
}

func makeCertificates(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err == nil {
		if out, err := exec.Command(filepath.Join(dir, "certificates.sh")).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	certs := filepath.Join(dir, "certs")
	if err := os.Mkdir(certs, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    weirtest.CertificateOptions
	}{
		{"shop.example.dev", weirtest.CertificateOptions{}},
		{"staff", weirtest.CertificateOptions{CA: true}},
		{"ada", weirtest.CertificateOptions{By: "staff"}},
	} {
		if err := weirtest.WriteCertificate(certs, c.name, c.o); err != nil {
			t.Fatal(err)
		}
	}
}
