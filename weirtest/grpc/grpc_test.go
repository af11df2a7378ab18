package grpc

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

func TestGRPC(t *testing.T) {
	for _, scheme := range []string{"grpc", "grpcs"} {
		t.Run(scheme, func(t *testing.T) {
			b := newBackend(t, scheme == "grpcs")
			w := start(t, b, scheme)
			ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
			defer cancel()
			for _, test := range []struct {
				name string
				run  func(*testing.T, context.Context, *weir, *backend)
			}{
				{"unary", unary},
				{"streams", streams},
				{"status", statuses},
				{"deadline", deadline},
				{"many", many},
				{"reload", reload},
			} {
				t.Run(test.name, func(t *testing.T) { test.run(t, ctx, w, b) })
			}
		})
	}
}

// TestExample runs examples/calls.example.dev: TLS in front, two servers behind.
func TestExample(t *testing.T) {
	text, err := os.ReadFile("../../examples/calls.example.dev/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir, front := t.TempDir(), free(t)
	if err := os.Mkdir(filepath.Join(dir, "certs"), 0o755); err != nil {
		t.Fatal(err)
	}
	cert, key := certificateText(t)
	for name, text := range map[string][]byte{"certs/calls.example.dev.crt": cert, "certs/calls.example.dev.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one, two := newBackend(t, false), newBackend(t, false)
	conf := "daemon off;\n" + strings.NewReplacer("127.0.0.1:50051", one.addr, "127.0.0.1:50052", two.addr, "127.0.0.1:8443", front).Replace(string(text))
	w := run(t, dir, conf, front, credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}))
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	for range 10 {
		if got, err := w.call(ctx, "/example.Calls/Unary", []byte("hello")); err != nil || string(got) != "hello" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if one.conns.Load() == 0 || two.conns.Load() == 0 {
		t.Error("a server has got nothing to do")
	}
	s, err := w.open(ctx, "/example.Calls/Chat")
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := say(s, "hello"); err != nil {
			t.Fatal(err)
		}
	}
	if err := end(s); err != nil {
		t.Error(err)
	}
	if _, err := w.call(ctx, "/example.Others/Unary", nil); status.Code(err) != codes.Unimplemented {
		t.Errorf("another service: %v", err)
	}
	one.Stop()
	if _, err := w.call(ctx, "/example.Calls/Unary", []byte("hello")); err != nil {
		t.Errorf("one server is down: %v", err)
	}
	two.Stop()
	if _, err := w.call(ctx, "/example.Calls/Unary", []byte("hello")); status.Code(err) != codes.Unavailable {
		t.Errorf("both are down: %v", err)
	}
}

// unary calls carry metadata and trailers, and messages of any size.
func unary(t *testing.T, ctx context.Context, w *weir, _ *backend) {
	for _, n := range []int{0, 1, 1000, 100_000, 3_000_000} {
		m := bytes.Repeat([]byte("0123456789"), n/10+1)[:n]
		var header, trailer metadata.MD
		got, err := w.call(metadata.AppendToOutgoingContext(ctx, "x-say", "hello"), "/test.Echo/Unary", m, grpc.Header(&header), grpc.Trailer(&trailer))
		if err != nil || !bytes.Equal(got, m) {
			t.Fatalf("%d bytes: got %d, %v", n, len(got), err)
		}
		if fmt.Sprint(header.Get("x-said")) != "[hello]" || fmt.Sprint(trailer.Get("x-length")) != fmt.Sprintf("[%d]", n) {
			t.Errorf("header %v, trailer %v", header, trailer)
		}
	}
}

// streams of the client, of the server, and both.
func streams(t *testing.T, ctx context.Context, w *weir, _ *backend) {
	s, err := w.open(ctx, "/test.Echo/Collect")
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 10_000)
	for range 200 {
		if err := s.SendMsg(&part); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.CloseSend()
	var got []byte
	if err := s.RecvMsg(&got); err != nil || string(got) != "2000000" {
		t.Fatalf("%q, %v", got, err)
	}

	if s, err = w.open(ctx, "/test.Echo/Count"); err != nil {
		t.Fatal(err)
	}
	m := []byte("number")
	_ = s.SendMsg(&m)
	_ = s.CloseSend()
	for i := range 201 {
		err := s.RecvMsg(&got)
		if i == 200 && err == io.EOF {
			break
		}
		if want := fmt.Sprintf("number %d", i); err != nil || string(got) != want {
			t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}

	if s, err = w.open(ctx, "/test.Echo/Chat"); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := say(s, fmt.Sprint("message ", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := end(s); err != nil {
		t.Fatal(err)
	}
}

// statuses: those of a server that has nothing else to say, and those of an error page where there is no server.
func statuses(t *testing.T, ctx context.Context, w *weir, _ *backend) {
	for method, want := range map[string]*status.Status{
		"/test.Echo/None": status.New(codes.Unimplemented, "no such method, says the server"),
		"/test.Gone/Any":  status.New(codes.Unavailable, "no server"),
	} {
		_, err := w.call(ctx, method, []byte("x"))
		if got := status.Convert(err); got.Code() != want.Code() || got.Message() != want.Message() {
			t.Errorf("%s: %v, want %v", method, got, want)
		}
	}
}

// deadline: a call that takes too long is given up, and the server learns of it.
func deadline(t *testing.T, ctx context.Context, w *weir, b *backend) {
	before := b.canceled.Load()
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if _, err := w.call(short, "/test.Echo/Hang", nil); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("%v", err)
	}
	// One that the client gives up without having told of a time.
	given, giveUp := context.WithCancel(ctx)
	if _, err := w.open(given, "/test.Echo/Hang"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.call(ctx, "/test.Echo/Unary", nil); err != nil { // by now the other call is there
		t.Fatal(err)
	}
	giveUp()
	for end := time.Now().Add(patience); b.canceled.Load() != before+2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of 2 calls have ended at the server", b.canceled.Load()-before)
		}
	}
}

// many streams are open at the same time, on few connections.
func many(t *testing.T, ctx context.Context, w *weir, b *backend) {
	const n = 1000
	before := b.conns.Load()
	all := make([]grpc.ClientStream, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			s, err := w.open(ctx, "/test.Echo/Chat")
			if err == nil {
				err = say(s, fmt.Sprint("stream ", i))
			}
			if err != nil {
				t.Errorf("stream %d: %v", i, err)
				return
			}
			all[i] = s
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for i, s := range all { // all of them are there
		wg.Go(func() {
			if err := say(s, fmt.Sprint("again ", i)); err != nil {
				t.Errorf("stream %d: %v", i, err)
			}
			if err := end(s); err != nil {
				t.Errorf("stream %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if conns := b.conns.Load() - before; conns > 40 {
		t.Errorf("%d connections for %d streams", conns, n)
	}
}

// reload: streams go on while weir reads its configuration anew, and calls are made all the time.
func reload(t *testing.T, ctx context.Context, w *weir, _ *backend) {
	s, err := w.open(ctx, "/test.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := say(s, fmt.Sprint("before ", i)); err != nil {
			t.Fatal(err)
		}
		if err := w.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for j := range 50 {
			if _, err := w.call(ctx, "/test.Echo/Unary", []byte("x")); err != nil {
				t.Fatal(err)
			}
			if err := say(s, fmt.Sprint("after ", i, j)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := end(s); err != nil {
		t.Fatal(err)
	}
}
