// Package grpc has weir between a real client and a real server of gRPC. It is a module of its own, so that weir does not depend on
// them.
//
//	go -C weirtest/grpc test ./...
package grpc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// raw is a codec for messages that are bytes.
type raw struct{}

func (raw) Name() string                  { return "proto" }
func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(b []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), b...)
	return nil
}

// A backend is a server of gRPC, whose methods are the words that methods answers to.
type backend struct {
	*grpc.Server
	addr     string
	conns    atomic.Int64
	canceled atomic.Int64 // calls of "Hang" that learned that nobody waits
}

// methods does what the last part of a method's name says.
func (b *backend) methods(_ any, s grpc.ServerStream) error {
	full, _ := grpc.MethodFromServerStream(s)
	receive := func() ([]byte, error) {
		var m []byte
		err := s.RecvMsg(&m)
		return m, err
	}
	send := func(m []byte) error { return s.SendMsg(&m) }
	md, _ := metadata.FromIncomingContext(s.Context())
	switch full[strings.LastIndexByte(full, '/')+1:] {
	case "Unary":
		m, err := receive()
		if err != nil {
			return err
		}
		_ = s.SetHeader(metadata.Pairs("x-said", strings.Join(md.Get("x-say"), ",")))
		s.SetTrailer(metadata.Pairs("x-length", fmt.Sprint(len(m))))
		return send(m)
	case "Collect": // streams of the client
		n := 0
		for {
			m, err := receive()
			if err == io.EOF {
				return send(fmt.Append(nil, n))
			}
			if err != nil {
				return err
			}
			n += len(m)
		}
	case "Count": // of the server
		m, err := receive()
		if err != nil {
			return err
		}
		for i := range 200 {
			if err := send(fmt.Appendf(nil, "%s %d", m, i)); err != nil {
				return err
			}
		}
		return nil
	case "Chat":
		for {
			m, err := receive()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := send(m); err != nil {
				return err
			}
		}
	case "Hang":
		<-s.Context().Done()
		b.canceled.Add(1)
		return s.Context().Err()
	}
	return status.Error(codes.Unimplemented, "no such method, says the server")
}

// TagConn, HandleConn, TagRPC and HandleRPC count connections (stats.Handler).
func (b *backend) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (b *backend) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (b *backend) HandleRPC(context.Context, stats.RPCStats)                         {}
func (b *backend) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, ok := s.(*stats.ConnBegin); ok {
		b.conns.Add(1)
	}
}

func newBackend(t *testing.T, secure bool) *backend {
	t.Helper()
	b := &backend{}
	o := []grpc.ServerOption{grpc.UnknownServiceHandler(b.methods), grpc.ForceServerCodec(raw{}), grpc.StatsHandler(b)}
	if secure {
		o = append(o, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{certificate(t)}})))
	}
	b.Server = grpc.NewServer(o...)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.addr = ln.Addr().String()
	go func() { _ = b.Serve(ln) }()
	t.Cleanup(b.Stop)
	return b
}

const conf = `
daemon off;
error_log error.log info;
pid weir.pid;
worker_processes 2;
events {}
http {
	access_log off;
	upstream app { server BACK; }
	server {
		listen FRONT;
		http2 on;
		http2_max_concurrent_streams 2000;
		keepalive_requests 100000;
		client_max_body_size 0;
		location / { grpc_pass SCHEME://app; error_page 502 504 = @unavailable; }
		location /test.Gone/ { grpc_pass 127.0.0.1:1; error_page 502 504 = @unavailable; }
		location @unavailable { internal; default_type application/grpc; add_header grpc-status 14; add_header grpc-message "no server"; return 200; }
	}
}
`

// weir is one that runs, between a client and a backend.
type weir struct {
	*grpc.ClientConn
	cmd *exec.Cmd
}

// start starts weir in front of b.
func start(t *testing.T, b *backend, scheme string) *weir {
	t.Helper()
	front := free(t)
	text := strings.NewReplacer("FRONT", front, "BACK", b.addr, "SCHEME", scheme).Replace(conf)
	return run(t, t.TempDir(), text, front, insecure.NewCredentials())
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// run builds weir, or takes WEIR_BINARY, and starts it in dir with a configuration that listens on front.
func run(t *testing.T, dir, text, front string, by credentials.TransportCredentials) *weir {
	t.Helper()
	binary := os.Getenv("WEIR_BINARY")
	if binary == "" {
		binary = filepath.Join(dir, "weir")
		build := exec.Command("go", "build", "-o", binary, "./cmd/weir")
		build.Dir = filepath.Join("..", "..")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
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
			t.Errorf("error log:\n%.8000s", s)
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", front)
		if err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	cc, err := grpc.NewClient("passthrough:///"+front, grpc.WithTransportCredentials(by), grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return &weir{cc, cmd}
}

// call makes a unary call.
func (w *weir) call(ctx context.Context, method string, m []byte, o ...grpc.CallOption) (reply []byte, err error) {
	err = w.Invoke(ctx, method, &m, &reply, o...)
	return reply, err
}

// open begins a call with streams both ways.
func (w *weir) open(ctx context.Context, method string) (grpc.ClientStream, error) {
	return w.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
}

// say sends a message and waits for the same one.
func say(s grpc.ClientStream, text string) error {
	m := []byte(text)
	if err := s.SendMsg(&m); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	var got []byte
	if err := s.RecvMsg(&got); err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if string(got) != text {
		return fmt.Errorf("got %.50q, want %.50q", got, text)
	}
	return nil
}

// end ends a stream from the client's side, and waits for the server's.
func end(s grpc.ClientStream) error {
	if err := s.CloseSend(); err != nil {
		return err
	}
	var m []byte
	if err := s.RecvMsg(&m); !errors.Is(err, io.EOF) {
		return fmt.Errorf("at the end: %q, %w", m, err)
	}
	return nil
}

// certificate makes one that nobody has to trust.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair(certificateText(t))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// certificateText makes a certificate and its key, in PEM.
func certificateText(t *testing.T) (cert, private []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: text})
}
