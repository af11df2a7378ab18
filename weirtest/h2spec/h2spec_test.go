// Package h2spec runs h2spec, which knows the rules of HTTP/2 and HPACK by heart, against weir. It is a module of its own, so that weir
// does not depend on it.
//
//	go -C weirtest/h2spec test ./...
package h2spec

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

// A stream is held open until its request is complete, since a back end is asked only then: what h2spec sends on it must find it there.
const conf = `
daemon off;
error_log error.log info;
pid weir.pid;
events {}
http {
	access_log off;
	server { listen FRONT TLS; http2 on; location / { proxy_pass http://BACK; } }
	server { listen BACK; location / { return 200 "a page of some bytes"; } }
}
`

// server builds weir, or takes WEIR_BINARY, and starts it.
func server(t *testing.T, secure bool) (port int) {
	t.Helper()
	dir := t.TempDir()
	binary := os.Getenv("WEIR_BINARY")
	if binary == "" {
		binary = filepath.Join(dir, "weir")
		build := exec.Command("go", "build", "-o", binary, "./cmd/weir")
		build.Dir = filepath.Join("..", "..")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	front, back := address(t), address(t)
	tls := ""
	if secure {
		tls = "ssl; ssl_certificate cert.pem; ssl_certificate_key cert.pem"
		certificate(t, filepath.Join(dir, "cert.pem"))
	}
	text := strings.NewReplacer("FRONT", front.String(), "BACK", back.String(), "TLS", tls).Replace(conf)
	if err := os.WriteFile(filepath.Join(dir, "weir.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-p", dir+"/", "-c", "weir.conf", "-e", "error.log")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
		if s := string(log); t.Failed() || strings.Contains(s, "panic") || strings.Contains(s, "[alert]") {
			t.Errorf("error log:\n%.4000s", s)
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", front.String())
		if err == nil {
			_ = c.Close()
			return front.Port
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// address is one that is free, as long as nobody else takes it.
func address(t *testing.T) *net.TCPAddr {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr)
}

// excepted are tests that a server without TLS cannot pass, since it answers what is not HTTP/2 as HTTP/1: with 400.
var excepted = map[string]string{"http2/3.5/2": "an invalid preface is a request of HTTP/1"}

func TestCleartext(t *testing.T) { run(t, false, excepted) }

func TestTLS(t *testing.T) { run(t, true, nil) }

func run(t *testing.T, secure bool, excepted map[string]string) {
	c := &config.Config{
		Host: "127.0.0.1", Port: server(t, secure), Path: "/", Timeout: 4 * time.Second, MaxHeaderLen: 4000, Strict: true,
		TLS: secure, Insecure: true,
	}
	passed := 0
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		group.Test(c)
		passed += check(t, group, excepted)
	}
	if passed < 140 {
		t.Errorf("%d tests passed", passed)
	}
}

// check reports what has failed in a group, and returns how many tests passed.
func check(t *testing.T, group *spec.TestGroup, excepted map[string]string) (passed int) {
	for i, test := range group.Tests {
		name := fmt.Sprintf("%s/%d", group.ID(), i+1)
		switch {
		case test.Result == nil || test.Result.Skipped:
			t.Errorf("%s: not run", name)
		case !test.Result.Failed:
			passed++
		case excepted[name] == "":
			t.Errorf("%s: %s: %v", name, test.Desc, test.Result.Error)
		}
	}
	for _, inside := range group.Groups {
		passed += check(t, inside, excepted)
	}
	return passed
}

// certificate writes a key and a certificate of its own.
func certificate(t *testing.T, path string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	b = append(b, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
