package cycle

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/weirtest"
)

const ssiServers = `
events { worker_connections 1024; }
http {
	access_log off;
	types { text/html html; }
	server {
		listen $1;
		root $DIR;
		ssi on;
		location /p/ { proxy_pass http://$2/; }
		location /unbuffered/ { proxy_pass http://$2/; proxy_buffering off; }
		location /closed { return 444; }
	}
	server { listen $2; root $DIR; }
}
`

// TestSSIGivesBuffersBack asks for pages with pages in them, in all ways that bytes can take, from
// clients that take their time and from some that go away: what comes is right, and no buffer is lost.
func TestSSIGivesBuffersBack(t *testing.T) {
	rt, dir, addrs := newRuntime(t, ssiServers, 2)
	part := strings.Repeat("0123456789abcdef", 20000)
	text := strings.Repeat("text ", 30000)
	files := map[string]string{
		"part.html":  part,
		"small.html": "small",
		"page.html": text + `<!--#include virtual="/part.html" -->` + text + `<!--#include virtual="/p/part.html" -->` +
			`<!--#include virtual="/unbuffered/part.html" --><!--#include virtual="/small.html" -->.`,
		"deep.html": `[<!--#include virtual="/p/page.html" --><!--#include virtual="/nothing" -->]`,
		"set.html":  `<!--#include virtual="/p/small.html" set="v" --><!--#echo var="v" -->` + text,
		"dead.html": text + `<!--#include virtual="/closed" -->` + text,
		"long.html": `<!--#include virtual="/p/part.html" set="v" -->` + text,
	}
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page := text + part + text + part + part + "small."
	for _, road := range []string{"/", "/p/", "/unbuffered/"} {
		if got := slowly(t, addrs[0], road+"page.html", 0); got != page {
			t.Errorf("%spage.html: %d bytes, want %d", road, len(got), len(page))
		}
		if got := slowly(t, addrs[0], road+"page.html", 200); got != page {
			t.Errorf("%spage.html, slowly: %d bytes, want %d", road, len(got), len(page))
		}
		if got := slowly(t, addrs[0], road+"deep.html", 0); !strings.HasPrefix(got, "["+page) || !strings.Contains(got, "404 Not Found") {
			t.Errorf("%sdeep.html: %d bytes", road, len(got))
		}
		if got, want := slowly(t, addrs[0], road+"set.html", 0), "small"+text; got != want {
			t.Errorf("%sset.html: %d bytes, want %d", road, len(got), len(want))
		}
		for _, name := range []string{"page.html", "deep.html", "dead.html", "long.html"} {
			goAway(t, addrs[0], road+name)
		}
	}
	left := 0
	if !weirtest.Eventually(func() bool {
		left = 0
		for _, l := range rt.engine.Loops {
			l.Post(func() {}) // a loop that sleeps shows old numbers
			left += l.Stats().Buffers + l.Stats().Tasks
		}
		return left == 0
	}) {
		t.Errorf("%d buffers and tasks are left", left)
	}
}

// slowly asks for a page and reads it in pieces, some pauses between them.
func slowly(t *testing.T, addr, path string, pauses int) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path)
	answer, err := http.ReadResponse(bufio.NewReaderSize(c, 4096), nil)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var b strings.Builder
	for err == nil {
		if pauses--; pauses >= 0 && pauses%10 == 0 {
			time.Sleep(time.Millisecond)
		}
		_, err = io.CopyN(&b, answer.Body, 4096)
	}
	if err != io.EOF {
		t.Errorf("%s: %v", path, err)
	}
	return b.String()
}

// goAway asks for a page and closes the connection after some of it.
func goAway(t *testing.T, addr, path string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.CopyN(io.Discard, c, 20000)
	_ = c.Close()
}
