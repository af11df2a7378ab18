package weirtest

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pipeAnswer gives a client at the other end of which a text is sent.
func pipeAnswer(t *testing.T, text string) (stop func(), c *Client) {
	t.Helper()
	a, b := net.Pipe()
	go func() {
		_, _ = a.Write([]byte(text))
		a.Close()
	}()
	return func() { b.Close() }, &Client{Conn: b, r: bufio.NewReader(b)}
}

func TestReadAnswer(t *testing.T) {
	tests := []struct {
		name, method, wire string
		status             int
		body               string
		cut                bool
	}{
		{"length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokNEXT", 200, "ok", false},
		{"until close", "GET", "HTTP/1.1 200 OK\r\n\r\nto the end", 200, "to the end", false},
		{"chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\nA: b\r\n\r\n", 200, "ok", false},
		{"head", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 200, "", false},
		{"not modified", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", 304, "", false},
		{"interim", "GET", "HTTP/1.1 100 Continue\r\n\r\n", 100, "", false},
		{"old", "GET", "plain text", 0, "plain text", false},
		{"short", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", 200, "ok", true},
		{"no last chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", 200, "ok", true},
		{"chunk without end", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokXX0\r\n\r\n", 200, "ok", true},
		{"two lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := ReadAnswer(bufio.NewReader(strings.NewReader(tt.wire)), tt.method)
			if err != nil {
				t.Fatal(err)
			}
			if a.Status != tt.status || string(a.Body) != tt.body || (a.Cut != nil) != tt.cut {
				t.Errorf("status %d, body %q, cut %v", a.Status, a.Body, a.Cut)
			}
		})
	}
	for _, bad := range []string{"HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n"} {
		if _, err := ReadAnswer(bufio.NewReader(strings.NewReader(bad)), "GET"); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

// TestKinds asks every kind of back end once and sees that it does what its word says.
func TestKinds(t *testing.T) {
	ports := NewPorts()
	t.Cleanup(ports.Close)
	file := filepath.Join(t.TempDir(), "answer")
	if err := os.WriteFile(file, []byte("HTTP/1.1 201 Made\nContent-Length: 3\n\nnew"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		kind   string
		args   []string
		status int
		body   string
		cut    bool
	}{
		{"name", nil, 200, "B\n", false},
		{"status", []string{"503"}, 503, "B\n", false},
		{"body", []string{"10"}, 200, "000000000 ", false},
		{"bytes", []string{`HTTP/1.1 200 OK\r\n\r\nraw\x21`}, 200, "raw!", false},
		{"file", []string{file}, 201, "new", false},
		{"chunked", nil, 200, "one two three", false},
		{"slow", []string{"1ms"}, 200, "B\n", false},
		{"drip", []string{"1ms"}, 200, "drips", false},
		{"short", nil, 200, "0123456789", true},
		{"long", nil, 200, "0123456789", false},
		{"cut", nil, 200, "part", true},
		{"once", nil, 200, "B\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			b, err := StartBackend("B", take(t, ports), tt.kind, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Down()
			as, err := Ask(b.Addr, get("/x"))
			if err != nil || len(as) != 1 {
				t.Fatal(as, err)
			}
			if a := as[0]; a.Status != tt.status || string(a.Body) != tt.body || (a.Cut != nil) != tt.cut {
				t.Errorf("%s", a)
			}
			if r := b.Requests(); len(r) != 1 || !bytes.HasPrefix(r[0].Head, []byte("GET /x ")) {
				t.Errorf("received %v", r)
			}
		})
	}
	for _, kind := range []string{"close", "reset"} {
		b, err := StartBackend("B", take(t, ports), kind)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Down()
		if as, err := Ask(b.Addr, get("/x")); err != nil || len(as) != 0 {
			t.Error(kind, as, err)
		}
	}
}

func TestWebSocketFrames(t *testing.T) {
	for _, n := range []int{0, 125, 126, 65535, 65536} {
		data := Pattern(fmt.Sprint(n))
		for _, mask := range []bool{false, true} {
			op, got, err := ReadFrame(bufio.NewReader(bytes.NewReader(Frame(opText, data, mask))))
			if err != nil || op != opText || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, mask %v: %v, kind %d, %d bytes", n, mask, err, op, len(got))
			}
		}
	}
}

func TestExpand(t *testing.T) {
	got := Expand("$ADDR ${ADDR}x $addr $UNKNOWN $ADDR2 $host", map[string]string{"ADDR": "1:2", "ADDR2": "3:4"})
	if want := "1:2 1:2x $addr $UNKNOWN 3:4 $host"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestUnescape(t *testing.T) {
	if got := Unescape(`a\r\n\t\0\x41\\\d\x`); got != "a\r\n\t\x00A\\\\d\\x" {
		t.Errorf("got %q", got)
	}
}

func TestWaitLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("one\ntwo"), 0o644); err != nil {
		t.Fatal(err)
	}
	if l := Lines(path); len(l) != 1 || l[0] != "one" {
		t.Errorf("half a line was taken: %q", l)
	}
	if l, err := WaitLine(path, regexp.MustCompile("^o")); l != "one" || err != nil {
		t.Error(l, err)
	}
}

func TestProcesses(t *testing.T) {
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	p, group, ok := parseStat(b)
	if !ok || p.PID != os.Getpid() || p.Parent != os.Getppid() || p.RSS < 1<<20 || group == 0 {
		t.Errorf("%+v %d %v", p, group, ok)
	}
	if len(Descriptors(p.PID)) < 3 {
		t.Error("no descriptors of our own")
	}
}
