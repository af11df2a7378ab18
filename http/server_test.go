package http_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/cycle"
	"weir/disk"
	"weir/http"
	"weir/logs"
	"weir/loop"
	"weir/weirtest"
)

// serve starts a server in this process; what stands in text goes into http { }, with $A and $B for two
// addresses of the same port.
func serve(t *testing.T, text string) (dir, a, b string) {
	t.Helper()
	dir = t.TempDir()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a = ln.Addr().String()
	_ = ln.Close()
	b = strings.Replace(a, "127.0.0.1", "127.0.0.2", 1)
	_, port, _ := net.SplitHostPort(a)
	text = strings.NewReplacer("$A", a, "$B", b, "$PORT", port, "$DIR", dir).Replace(text)
	text = "error_log " + dir + "/error.log info; events {} http { access_log off; client_body_temp_path " + dir + "/tmp; proxy_temp_path " + dir + "/ptmp;\n" + text + "\n}\n"
	if err := os.WriteFile(dir+"/nginx.conf", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p := &cycle.Process{Files: logs.NewFiles(), Temp: disk.NewTempNumbers()}
	c, d := cycle.Build(cycle.Options{
		Prefix: dir + "/", Conf: dir + "/nginx.conf", ErrorLog: dir + "/error.log", AccessLog: dir + "/access.log", TempPrefix: dir + "/", Version: "test",
	}, p)
	if d.Failed() {
		var out bytes.Buffer
		d.Print(&out, "weir")
		t.Fatal(out.String())
	}
	if err := c.Prepare(); err != nil {
		t.Fatal(err)
	}
	rt, err := cycle.Start(c, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rt.Stop)
	return dir, a, b
}

// ask sends a request and returns all that comes until the server closes.
func ask(t *testing.T, addr, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return string(all)
}

func get(path string, fields ...string) string {
	head := "GET " + path + " HTTP/1.1\r\nConnection: close\r\n"
	if !strings.Contains(strings.Join(fields, "\r\n"), "Host:") {
		head += "Host: a\r\n"
	}
	for _, f := range fields {
		head += f + "\r\n"
	}
	return head + "\r\n"
}

// wants are parts that an answer has, in this order; those that begin with "!" are not in it.
func check(t *testing.T, name, got string, wants []string) {
	t.Helper()
	rest := got
	for _, w := range wants {
		if not, ok := strings.CutPrefix(w, "!"); ok {
			if strings.Contains(got, not) {
				t.Errorf("%s: %q in\n%s", name, not, got)
			}
			continue
		}
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Errorf("%s: no %q (any more) in\n%s", name, w, got)
			return
		}
		rest = after
	}
}

func TestErrorPages(t *testing.T) {
	_, a, _ := serve(t, `server { listen $A;
		location / { return 404; }
		location /page { error_page 404 /own.html; return 404; } location = /own.html { return 200 "own $status $uri $request_uri"; }
		location /set { error_page 404 =202 /own.html; return 404; }
		location /equal { error_page 404 = /own.html; return 404; }
		location /named { error_page 404 = @named; return 404; } location @named { return 203 "named $uri"; }
		location /out { error_page 404 http://other.test/x; return 404; } location /out301 { error_page 404 =301 http://other.test/x; return 404; }
		location /args { error_page 403 404 /own.html?x=$arg_y; return 403; }
		location /again { error_page 404 /again2; return 404; } location /again2 { error_page 403 /own.html; return 403; }
		location /rec { recursive_error_pages on; error_page 404 /rec2; return 404; } location /rec2 { recursive_error_pages on; error_page 403 /own.html; return 403; }
		location /loop { recursive_error_pages on; error_page 404 /loop; return 404; }
		location /code { return 418; } location /444 { return 444; } location /302 { return 302 /there; } location /empty { return 302 ""; }
		location /msie { msie_refresh on; return 302 http://o/; } location /text { return 400 "my words"; } location /tokens { server_tokens off; return 404; }
	}`)
	msie := "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)"
	for _, tt := range []struct {
		name, send string
		want       []string
	}{
		{"built in", get("/x"), []string{"HTTP/1.1 404 Not Found\r\n", "Content-Type: text/html\r\n", "<center><h1>404 Not Found</h1></center>", "weir/test", "!padding"}},
		{"padded", get("/x", msie), []string{"404 Not Found", "<!-- a padding to disable MSIE"}},
		{"tokens", get("/tokens"), []string{"404", "Server: weir\r\n", "<center>weir</center>"}},
		{"page", get("/page"), []string{"404 Not Found", "own 404 /own.html /page"}},
		{"page, by POST", "POST /page HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", []string{"404 Not Found", "own 404"}},
		{"page, by HEAD", "HEAD /page HTTP/1.0\r\n\r\n", []string{"404 Not Found", "!own"}},
		{"set", get("/set"), []string{"HTTP/1.1 202 Accepted", "own "}},
		{"equal", get("/equal"), []string{"HTTP/1.1 200 OK", "own "}},
		{"named", get("/named"), []string{"HTTP/1.1 203", "named /named"}},
		{"out", get("/out"), []string{"HTTP/1.1 302 Moved Temporarily", "Location: http://other.test/x\r\n", "<title>302 Found"}},
		{"out301", get("/out301"), []string{"HTTP/1.1 301 ", "Location: http://other.test/x\r\n"}},
		{"args", get("/args?y=5"), []string{"HTTP/1.1 403 Forbidden", "own 403"}},
		{"not again", get("/again"), []string{"HTTP/1.1 403 Forbidden", "!own"}},
		{"recursive", get("/rec"), []string{"HTTP/1.1 403 Forbidden", "own"}},
		{"loop", get("/loop"), []string{"HTTP/1.1 500 Internal Server Error"}},
		{"no words", get("/code"), []string{"HTTP/1.1 418 \r\n", "Content-Length: 0\r\n"}},
		{"444", "GET /444 HTTP/1.0\r\n\r\n", []string{"!H"}},
		{"own location", get("/302"), []string{"HTTP/1.1 302 ", "Location: http://a:", "/there\r\n"}},
		{"empty location", get("/empty"), []string{"HTTP/1.1 302 "}},
		{"refresh", get("/msie", msie), []string{"HTTP/1.1 200", `URL=http://o/"`, "!Location:"}},
		{"text", get("/text"), []string{"HTTP/1.1 400 Bad Request", "my words"}},
	} {
		check(t, tt.name, ask(t, a, tt.send), tt.want)
	}
}

func TestLimitExcept(t *testing.T) {
	_, a, _ := serve(t, `server { listen $A;
		location /deny { limit_except GET PUT { deny all; } proxy_pass http://$A/inner; } location /inner { return 200 "inner $request_method"; } }`)
	for _, tt := range []struct{ method, path, want string }{
		{"GET", "/deny", "inner GET"},
		{"HEAD", "/deny", "200 OK"},
		{"PUT", "/deny", "inner PUT"},
		{"POST", "/deny", "403 Forbidden"},
		{"DELETE", "/deny", "403 Forbidden"},
		{"BREW", "/deny", "403 Forbidden"},
	} {
		check(t, tt.method+" "+tt.path, ask(t, a, tt.method+" "+tt.path+" HTTP/1.0\r\n\r\n"), []string{tt.want})
	}
}

func TestServerNames(t *testing.T) {
	_, a, b := serve(t, `
		server { listen $A; server_name first; location / { return 200 "first $server_name"; } }
		server { listen $A default_server; server_name default; location / { return 200 "default"; } }
		server { listen $A; server_name exact.test *.wild.test tail.*; location / { return 200 "named $host"; } }
		server { listen $A; server_name ~^r(?<num>\d+)\.test$ .dot.test; location / { return 200 "regexp $num"; } }
		server { listen $A; server_name ""; location / { return 200 "nameless"; } }
		server { listen $B; listen 127.0.0.3:$PORT; server_name exact.test; location / { return 200 "elsewhere"; } }`)
	for _, tt := range []struct{ addr, host, want string }{
		{a, "first", "first first"},
		{a, "FIRST:80", "first first"},
		{a, "first.", "first first"},
		{a, "unknown", "default"},
		{a, "exact.test", "named exact.test"},
		{a, "a.b.wild.test", "named a.b.wild.test"},
		{a, "wild.test", "default"},
		{a, "tail.anything.at.all", "named tail.anything.at.all"},
		{a, "r42.test", "regexp 42"},
		{a, "r4x.test", "default"},
		{a, "dot.test", "regexp "},
		{a, "x.dot.test", "regexp "},
		{b, "exact.test", "elsewhere"},
		{b, "first", "elsewhere"},
	} {
		got := ask(t, tt.addr, get("/", "Host: "+tt.host))
		check(t, tt.host, got, []string{"\r\n\r\n" + tt.want})
	}
	check(t, "no Host", ask(t, a, "GET / HTTP/1.0\r\n\r\n"), []string{"nameless"})
}

func TestLocations(t *testing.T) {
	_, a, _ := serve(t, `server { listen $A; server_name main.test;
		location /abs { return 301 /x?y; } location /off { absolute_redirect off; return 301 /x; }
		location /name { server_name_in_redirect on; return 301 /x; } location /port { port_in_redirect off; return 301 /x; }
		location /inject { return 301 /$arg_x; } location /slash/ { proxy_pass http://$A; } }`)
	for _, tt := range []struct {
		path string
		want string
	}{
		{"/abs", "Location: http://h.test:" + a[10:] + "/x?y\r\n"},
		{"/off", "Location: /x\r\n"},
		{"/name", "Location: http://main.test:" + a[10:] + "/x\r\n"},
		{"/port", "Location: http://h.test/x\r\n"},
		{"/slash?q", "Location: http://h.test:" + a[10:] + "/slash/?q\r\n"},
	} {
		check(t, tt.path, ask(t, a, get(tt.path, "Host: h.test")), []string{"301 Moved", tt.want})
	}
	check(t, "inject", ask(t, a, get("/inject?x=%0d%0aSet-Cookie:1", "Host: h.test")), []string{"301", "%0d%0aSet-Cookie:1\r\n", "!\nSet-Cookie"})
}

func TestBodies(t *testing.T) {
	dir, a, _ := serve(t, `server { listen $A; client_body_buffer_size 1k; client_max_body_size 100k;
		location / { proxy_pass http://$A/back; } location /back { client_body_in_file_only clean; proxy_pass http://$A/end; }
		location /end { proxy_pass http://$A/last; proxy_request_buffering off; } location /last { return 200 "$content_length"; }
		location /keep { client_body_in_file_only on; proxy_set_header X-File $request_body_file; proxy_set_body x; proxy_pass http://$A/file; }
		location /file { return 200 "$http_x_file"; } }`)
	for _, size := range []int{0, 1, 1023, 1024, 1025, 50_000, 102_400, 102_401} {
		body := strings.Repeat("x", size)
		want := fmt.Sprintf("\r\n\r\n%d", size)
		if size > 102_400 {
			want = "413 Request Entity Too Large"
		}
		check(t, fmt.Sprint(size), ask(t, a, fmt.Sprintf("POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s", size, body)), []string{want})
		chunks := "0\r\n\r\n"
		if size > 0 {
			chunks = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", size, body)
		}
		got := ask(t, a, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks)
		check(t, fmt.Sprint(size, " chunked"), got, []string{want})
	}
	got := ask(t, a, "POST /keep HTTP/1.0\r\nContent-Length: 4\r\n\r\nkept")
	_, path, _ := strings.Cut(got, "\r\n\r\n")
	if text, err := os.ReadFile(path); err != nil || string(text) != "kept" {
		t.Errorf("the kept body in %q: %q, %v", path, text, err)
	}
	if left, _ := filepath.Glob(dir + "/tmp/*"); len(left) != 1 {
		t.Errorf("temporary files: %q; want the kept one", left)
	}
}

func TestAccessLogFormats(t *testing.T) {
	dir, a, _ := serve(t, `
		log_format plain '$status "$request" "$http_x" [$http_none]'; log_format js escape=json '{"x":"$http_x","n":"$http_none"}'; log_format raw escape=none '$http_x|$http_none|';
		map $uri $quiet { /quiet 0; default 1; }
		server { listen $A; location / { return 200; access_log $DIR/plain.log plain if=$quiet; access_log $DIR/js.log js; access_log $DIR/raw.log raw; access_log $DIR/by$uri.log plain; }
			location /off { access_log off; return 200; } location /buffered { return 200; access_log $DIR/buffered.log plain buffer=4k flush=10ms; } }`)
	x := "X: a\"b\\c\xff\td"
	for _, path := range []string{"/a", "/quiet", "/off", "/buffered"} {
		ask(t, a, get(path, x))
	}
	for name, want := range map[string]string{
		"plain.log":    "200 \"GET /a HTTP/1.1\" \"a\\x22b\\x5Cc\\xFF\\x09d\" [-]\n",
		"js.log":       strings.Repeat("{\"x\":\"a\\\"b\\\\c\xff\\td\",\"n\":\"\"}\n", 2),
		"raw.log":      strings.Repeat("a\"b\\c\xff\td||\n", 2),
		"buffered.log": "200 \"GET /buffered HTTP/1.1\" \"a\\x22b\\x5Cc\\xFF\\x09d\" [-]\n",
		"by/a.log":     "",
	} {
		var got []byte
		if !weirtest.Eventually(func() bool { got, _ = os.ReadFile(filepath.Join(dir, name)); return string(got) == want }) {
			t.Errorf("%s: %q; want %q", name, got, want)
		}
	}
}

// TestAllowance holds limit_rate's arithmetic against nginx's: a second's worth at once, then by the second.
func TestAllowance(t *testing.T) {
	var r http.Request
	r.SetLimitRate(1000)
	if !r.Limited() || r.LimitRate() != 1000 {
		t.Fatalf("limited %v, rate %d", r.Limited(), r.LimitRate())
	}
	r.SetLimitRate(0)
	if n, at := r.Allowance(5000); n < 1<<40 || at != loop.Time(0) {
		t.Errorf("without a limit: %d at %d", n, at)
	}
}
