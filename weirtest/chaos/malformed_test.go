package chaos

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// A refused case is bytes that a client sends on a connection of its own. shut closes the client's side
// after them; otherwise the server must close.
type refused struct {
	name, send string
	shut       bool
}

const malformedConf = `error_log error.log info;
worker_processes 1;
events {}
http {
	log_format line '$status "$request" $server_name "$host" $request_completion';
	access_log access.log line;
	client_body_temp_path tmp-body; proxy_temp_path tmp-proxy;
	root www; client_max_body_size 1k; lingering_timeout 300ms; client_header_timeout 300ms; client_body_timeout 300ms;
	upstream app { server $APP; }
	server { listen $ADDR; server_name first; location / { return 404; } location /app { proxy_pass http://app; } location /ok { return 200 "ok\n"; }
		error_page 405 /ok; }
	server { listen $ADDR; server_name second; error_page 400 501 = /second; location = /second { return 200 "second\n"; }
		location /ok { return 200 "ok2\n"; } }
}
`

func refusedCases() []refused {
	const h, end, ok = "Host: first\r\n", "\r\n\r\n", "GET /ok HTTP/1.1\r\nHost: first\r\nConnection: close\r\n\r\n"
	get := func(fields string) string { return "GET /ok HTTP/1.1\r\n" + h + fields + "\r\n" }
	post := func(fields, body string) string { return "POST /app HTTP/1.1\r\n" + h + fields + "\r\n" + body }
	many := strings.Repeat("X: y\r\n", 1001)
	long := strings.Repeat("a", 9000)
	return []refused{
		{name: "nothing", shut: true},
		{name: "empty lines", send: "\r\n\r\n", shut: true},
		{name: "half a line", send: "GET /o", shut: true},
		{name: "half a head", send: "GET /ok HTTP/1.1\r\nHost: fi", shut: true},
		{name: "slow line", send: "GET /o"},
		{name: "slow head", send: "GET /ok HTTP/1.1\r\nHost: first\r\nX"},
		{name: "slow large head", send: "GET /ok HTTP/1.1\r\nHost: first\r\nX: " + long[:5000]},
		{name: "slow body", send: post("Content-Length: 5\r\n", "ab")},
		{name: "cut body", send: post("Content-Length: 5\r\n", "ab"), shut: true},
		{name: "slow chunk", send: post("Transfer-Encoding: chunked\r\n", "5\r\nab")},
		{name: "cut chunk", send: post("Transfer-Encoding: chunked\r\n", "5\r\nab"), shut: true},
		{name: "length and coding", send: post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+ok)},
		{name: "two lengths", send: post("Content-Length: 5\r\nContent-Length: 5\r\n", "abcde"+ok)},
		{name: "length list", send: post("Content-Length: 5, 5\r\n", "abcde")},
		{name: "length signed", send: post("Content-Length: +5\r\n", "abcde")},
		{name: "length empty", send: post("Content-Length: \r\n", "")},
		{name: "length huge", send: post("Content-Length: 99999999999999999999\r\n", "")},
		{name: "length too large", send: post("Content-Length: 5000\r\n", strings.Repeat("x", 5000))},
		{name: "two codings", send: post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
		{name: "coding unknown", send: post("Transfer-Encoding: gzip\r\n", "")},
		{name: "coding list", send: post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")},
		{name: "coding in 1.0", send: "POST /app HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{name: "bad chunk", send: post("Transfer-Encoding: chunked\r\n", "zz\r\n"+ok)},
		{name: "bad chunk later", send: post("Transfer-Encoding: chunked\r\n", "3\r\nabcXX\r\n0\r\n\r\n"+ok)},
		{name: "bad chunk not wanted", send: "POST /ok HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + ok},
		{name: "chunk bare LF", send: post("Transfer-Encoding: chunked\r\n", "3\nabc\n0\n\n"+ok)},
		{name: "chunk size overflow", send: post("Transfer-Encoding: chunked\r\n", "ffffffffffffffff1\r\n")},
		{name: "chunked too large", send: post("Transfer-Encoding: chunked\r\n", "800\r\n"+strings.Repeat("x", 2048)+"\r\n0\r\n\r\n"+ok)},
		{name: "chunked too large not wanted", send: "POST /ok HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\n800\r\n" + strings.Repeat("x", 2048) + "\r\n0\r\n\r\n" + ok},
		{name: "trailers", send: post("Connection: close\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nX: y\r\n\r\n")},
		{name: "obs-fold", send: get("X: a\r\n b\r\n")},
		{name: "fold first", send: "GET /ok HTTP/1.1\r\n X: y\r\n" + h + "\r\n"},
		{name: "space before colon", send: get("X : y\r\n")},
		{name: "no colon", send: get("nocolon\r\nConnection: close\r\n")},
		{name: "empty name", send: get(": y\r\n")},
		{name: "NUL in value", send: get("X: a\x00b\r\n")},
		{name: "NUL in name", send: get("X\x00: b\r\n")},
		{name: "bare CR in value", send: get("X: a\rb\r\n")},
		{name: "bare LF lines", send: "GET /ok HTTP/1.1\nHost: first\nConnection: close\n\n"},
		{name: "bare CR line", send: "GET /ok HTTP/1.1\rHost: first\r\n\r\n"},
		{name: "controls", send: get("X: a\x01\x7fb\r\nConnection: close\r\n")},
		{name: "name with underscore", send: get("A_b: 1\r\nConnection: close\r\n")},
		{name: "name with bytes", send: get("A\xff: 1\r\nConnection: close\r\n")},
		{name: "long field", send: get("X: " + long + "\r\n")},
		{name: "long line", send: "GET /" + long + " HTTP/1.1\r\n" + h + "\r\n"},
		{name: "long line fits", send: "GET /" + long[:8000] + " HTTP/1.1\r\n" + h + "Connection: close\r\n\r\n"},
		{name: "large head then bad", send: get("X: " + long[:5000] + "\r\nY: " + long[:5000] + "\r\n: bad\r\n")},
		{name: "large head", send: get(strings.Repeat("X: "+long[:7000]+"\r\n", 6))},
		{name: "many fields", send: get(many)},
		{name: "no host", send: "GET /ok HTTP/1.1\r\n\r\n"},
		{name: "no host in 1.0", send: "GET /ok HTTP/1.0\r\n\r\n"},
		{name: "two hosts", send: "GET /ok HTTP/1.1\r\n" + h + h + "\r\n"},
		{name: "bad host", send: "GET /ok HTTP/1.1\r\nHost: a/b\r\n\r\n"},
		{name: "bad host port", send: "GET /ok HTTP/1.1\r\nHost: first:1:2\r\nConnection: close\r\n\r\n"},
		{name: "empty host", send: "GET /ok HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n"},
		{name: "absolute", send: "GET http://second/ok HTTP/1.1\r\nHost: first\r\nConnection: close\r\n\r\n"},
		{name: "absolute, bad host", send: "GET http://a b/ok HTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "absolute, no host", send: "GET http:///ok HTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "absolute, odd host", send: "GET http://a..b/ok HTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "authority", send: "CONNECT first:80 HTTP/1.1\r\nHost: first:80\r\n\r\n"},
		{name: "asterisk", send: "OPTIONS * HTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "trace", send: "TRACE /ok HTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "bad method", send: "GE(T /ok HTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "lower method", send: "get /ok HTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "unknown method", send: "BREW /ok HTTP/1.1\r\nHost: first\r\nConnection: close\r\n\r\n"},
		{name: "no version", send: "GET /ok\r\n"},
		{name: "no version, POST", send: "POST /ok\r\n"},
		{name: "version 2", send: "GET /ok HTTP/2.0\r\nHost: first\r\n\r\n"},
		{name: "version 1.9", send: "GET /ok HTTP/1.9\r\nHost: first\r\nConnection: close\r\n\r\n"},
		{name: "version odd", send: "GET /ok HTTP/1.10000\r\nHost: first\r\n\r\n"},
		{name: "version word", send: "GET /ok HTTQ/1.1\r\nHost: first\r\n\r\n"},
		{name: "preface", send: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		{name: "tls", send: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"},
		{name: "two spaces", send: "GET  /ok  HTTP/1.1\r\nHost: first\r\nConnection: close\r\n\r\n"},
		{name: "space in target", send: "GET /ok a HTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "tab", send: "GET\t/ok\tHTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "NUL in target", send: "GET /o\x00k HTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "escaped NUL", send: "GET /o%00k HTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "bad escape", send: "GET /o%zz HTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "above the root", send: "GET /../ok HTTP/1.1\r\nHost: first\r\n\r\n"},
		{name: "quotes in the line", send: "GET /\"o\xffk\\ HTTP/1.1\r\nHost: first\r\nConnection: close\r\n\r\n"},
		{name: "good, then bad", send: get("") + "GARBAGE\r\n\r\n"},
		{name: "good, then cut", send: get("") + "GET /ok HT", shut: true},
		{name: "good, then shut", send: get(""), shut: true},
		{name: "body, then bad", send: "POST /ok HTTP/1.1\r\n" + h + "Content-Length: 3\r\n\r\nabc" + "GET /ok HTTP/1.1\r\n\r\n"},
		{name: "good, then empty lines", send: get("") + "\r\n\r\n", shut: true},
		{name: "close, then more", send: get("Connection: close\r\n") + ok},
		{name: "second: no colon", send: "GET /ok HTTP/1.1\r\nHost: second\r\nnocolon\r\nConnection: close\r\n\r\n"},
		{name: "second: coding", send: "GET /ok HTTP/1.1\r\nHost: second\r\nTransfer-Encoding: x\r\n\r\n"},
		{name: "second: both", send: "GET /ok HTTP/1.1\r\nHost: second\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{name: "second: length", send: "GET /ok HTTP/1.1\r\nHost: second\r\nContent-Length: x\r\n\r\n"},
		{name: "second: two hosts", send: "GET /ok HTTP/1.1\r\nHost: second\r\nHost: first\r\n\r\n"},
		{name: "second: long field", send: "GET /ok HTTP/1.1\r\nHost: second\r\nX: " + long + "\r\n\r\n"},
		{name: "expectation", send: post("Expect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n", "abc")},
		{name: "expectation, too large", send: post("Expect: 100-continue\r\nContent-Length: 3000\r\n", "")},
		{name: "expectation, unknown", send: post("Expect: magic\r\nContent-Length: 3\r\nConnection: close\r\n", "abc")},
		{name: "expectation, not wanted", send: "POST /ok HTTP/1.1\r\n" + h + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n" + "abc" + ok},
		{name: "HEAD, then GET", send: "HEAD /ok HTTP/1.1\r\n" + h + end[2:] + "HEAD /none HTTP/1.1\r\n" + h + end[2:] + ok},
		{name: "kept in 1.0", send: "GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /none HTTP/1.0\r\n\r\n"},
		{name: "error page of a body", send: "TRACE /ok HTTP/1.1\r\n" + h + "Content-Length: 3\r\n\r\nabc"},
	}
}

// nginxBinary is an nginx that is new enough to be compared with: NGINX_BINARY, or the one in the path.
func nginxBinary() (string, error) {
	path := os.Getenv("NGINX_BINARY")
	if path == "" {
		var err error
		if path, err = exec.LookPath("nginx"); err != nil {
			return "", err
		}
	}
	out, err := exec.Command(path, "-v").CombinedOutput()
	var minor int
	if _, scan := fmt.Sscanf(string(out), "nginx version: nginx/1.%d", &minor); scan != nil || minor < 29 {
		return "", fmt.Errorf("%s is older than nginx 1.29: %s", path, bytes.TrimSpace(out))
	}
	return path, err
}

// TestTortureMalformed sends the same bytes to nginx and to weir: the answers, the access log and the error
// log must be the same, and the connection must end.
func TestTortureMalformed(t *testing.T) {
	nginx, err := nginxBinary()
	if err != nil {
		t.Skip(err)
	}
	a, b := startOne(t, nginx), startOne(t, tortureBinary(t))
	for i, tt := range refusedCases() {
		t.Run(tt.name, func(t *testing.T) {
			answer := make(chan string, 1)
			go func() { answer <- a.try(t, i, tt) }()
			got := b.try(t, i, tt)
			want := <-answer
			if want != got {
				t.Errorf("%.200q\n--- nginx\n%s--- weir\n%s", tt.send, want, got)
			}
		})
	}
}

// subject is a server of either kind and where its logs are.
type subject struct {
	*weirtest.Server
	addr string
	seen [2]int // lines of its logs read so far
}

func startOne(t *testing.T, binary string) *subject {
	t.Helper()
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	addr, app := mustTake(t, ports), mustTake(t, ports)
	backend, err := weirtest.StartBackend("APP", app, "name")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Down)
	dir := t.TempDir()
	text := weirtest.Expand(malformedConf, map[string]string{"ADDR": addr, "APP": app})
	s := startTorture(t, weirtest.Options{Binary: binary, Dir: dir, Ready: []string{addr}}, text)
	return &subject{Server: s, addr: addr}
}

// try sends the bytes and returns everything that can be seen afterwards, without what may differ.
func (s *subject) try(t *testing.T, i int, c refused) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(tidyBytes(s.talk(t, c)))
	fence := fmt.Sprintf("/fence-%d", i)
	if _, err := weirtest.Ask(s.addr, "TRACE "+fence+" HTTP/1.1\r\nHost: first\r\nConnection: close\r\n\r\n"); err != nil {
		t.Error(err)
	}
	for k, name := range []string{"access.log", "error.log"} {
		path := filepath.Join(s.Dir, name)
		if _, err := weirtest.WaitLine(path, regexp.MustCompile(fence+`\b`)); err != nil {
			t.Error(err)
		}
		lines := weirtest.Lines(path)
		for _, line := range lines[s.seen[k]:] {
			if !strings.Contains(line, "fence-") && !strings.Contains(line, "closed keepalive connection") && !strings.Contains(line, "[notice]") {
				fmt.Fprintf(&b, "%s: %s\n", name, s.tidyLine(line))
			}
		}
		s.seen[k] = len(lines)
	}
	return b.String()
}

var (
	stamp   = regexp.MustCompile(`^\S+ \S+ (\[\w+\]) \d+#\d+: (\*\d+ )?`)
	cutLong = regexp.MustCompile(`a{100,}(\.{3}$)?`) // where a long line is cut depends on the process number
)

func (s *subject) tidyLine(line string) string {
	line = cutLong.ReplaceAllString(stamp.ReplaceAllString(line, "$1 "), "a+")
	return strings.ReplaceAll(line, s.addr, "ADDR")
}

var (
	builtIn  = regexp.MustCompile(`<center>(nginx|weir)(/[^<]*)?</center>`)
	ownField = regexp.MustCompile(`(?m)^(Server|Date|Content-Length): .*$`)
)

func tidyBytes(got []byte) string {
	text := builtIn.ReplaceAllString(string(got), "<center>SERVER</center>")
	return ownField.ReplaceAllString(text, "$1: *") + "\n"
}

// talk sends the bytes and reads until the server closes.
func (s *subject) talk(t *testing.T, c refused) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(weirtest.Patience()))
	if _, err := io.WriteString(conn, c.send); err != nil {
		t.Logf("write: %v", err) // the server may have closed before it had all
	}
	if c.shut {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	got, err := io.ReadAll(conn)
	if err != nil && !strings.Contains(err.Error(), syscall.ECONNRESET.Error()) {
		t.Errorf("%s: the connection does not end: %v", s.addr, err)
	}
	return slices.Clip(got)
}
