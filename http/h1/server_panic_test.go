package h1_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"weir/http"
)

// dial opens a connection that the test must not hang on.
func (s *server) dial() (net.Conn, *bufio.Reader) {
	s.T.Helper()
	c, err := net.Dial("tcp", s.Addr)
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c, bufio.NewReader(c)
}

// ask sends bytes on a connection of their own and returns what comes until the server closes.
func (s *server) ask(text string) string {
	s.T.Helper()
	c, r := s.dial()
	if _, err := io.WriteString(c, text); err != nil {
		s.T.Log(err)
	}
	all, _ := io.ReadAll(r)
	_ = c.Close()
	return string(all)
}

const closing = " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"

// panics are handlers that break in different places, with something in their hands.
var panics = map[string]http.Step{
	"at once": func(*http.Request) http.Verdict { panic("at once") },
	"with a head": func(r *http.Request) http.Verdict {
		r.Out.Status, r.Out.ContentLength = 200, 10
		r.SendHead()
		panic("with a head")
	},
	"half way": func(r *http.Request) http.Verdict {
		r.Out.Status, r.Out.ContentLength = 200, 10
		r.SendHead()
		buf := r.Loop().Take(1000)
		_ = r.Send([]http.Piece{{B: buf[:5], Own: buf}}, http.Flush)
		buf = r.Loop().Take(1000)
		_ = r.Send([]http.Piece{{B: buf[:4], Own: buf}}, 0)
		panic("half way")
	},
	"with a body": func(r *http.Request) http.Verdict {
		r.Alloc(10000)
		r.ReadBody()
		panic("with a body")
	},
	"off the loop": func(r *http.Request) http.Verdict {
		r.Task.Await(func() { panic("off the loop") })
		return http.Done
	},
	"at the end": func(r *http.Request) http.Verdict {
		r.OnEnd(&brokenCloser{})
		return r.Respond(200, []byte("fine"))
	},
}

type brokenCloser struct{}

func (*brokenCloser) CloseWith(*http.Request) { panic("at the end") }

// TestPanicEndsOneConnection breaks handlers: their connection ends and is logged, buffers come back, nobody
// else notices, and the server can still be stopped gracefully.
func TestPanicEndsOneConnection(t *testing.T) {
	var text strings.Builder
	text.WriteString("location / { do fine; } client_body_buffer_size 1k; ")
	steps := map[string]http.Step{"fine": func(r *http.Request) http.Verdict { return r.Respond(200, []byte("fine")) }}
	for name, step := range panics {
		steps[name] = step
		text.WriteString(`location "/` + name + `" { do "` + name + `"; } `)
	}
	s := newServer(t, options{Loops: 2, Steps: steps}, text.String())
	other, r := s.dial()
	body := strings.Repeat("x", 5000)
	n := 0
	for range 3 {
		for name := range panics {
			n++
			path := strings.ReplaceAll(name, " ", "%20")
			got := s.ask("POST /" + path + " HTTP/1.1\r\nHost: test\r\nContent-Length: 5000\r\n\r\n" + body + "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
			if strings.Count(got, "fine") > 0 && name != "at the end" {
				t.Errorf("%s: the connection lives on: %q", name, got)
			}
			s.WantLine("panics.log", "^panic: "+name, (n+len(panics)-1)/len(panics))
			if _, err := io.WriteString(other, "GET / HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			readAnswer(t, r, "fine")
		}
	}
	s.WantLine("access.log", `^500 "POST /at%20once HTTP/1.1" $`, 3)
	if n := s.Lines("panics.log", `server_panic_test\.go`); n < 3*len(panics) {
		t.Errorf("%d stacks show where it happened; want %d", n, 3*len(panics))
	}
}

// readAnswer reads one answer with a Content-Length.
func readAnswer(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	length := -1
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("reading an answer: %v after %q", err, line)
		}
		if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length = 0
			for _, c := range strings.TrimSpace(v) {
				length = length*10 + int(c-'0')
			}
		}
		if line == "\r\n" {
			break
		}
	}
	body := make([]byte, max(length, 0))
	if _, err := io.ReadFull(r, body); err != nil || string(body) != want {
		t.Fatalf("answer %q, %v; want %q", body, err, want)
	}
}
