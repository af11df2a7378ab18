package weirtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// oracle is where nginx is looked for; Debian keeps it out of a user's PATH.
func oracle() (string, error) {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/nginx")
}

// TestOracle sends the same requests to nginx and to weir and wants the same answers. The configurations and requests are in
// oracle_cases_test.go; they keep to what nginx has done alike for many versions.
func TestOracle(t *testing.T) {
	nginx, err := oracle()
	if err != nil {
		t.Skip("nginx is not installed")
	}
	weir, err := Binary()
	if errors.Is(err, ErrNoServer) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range oracleCases() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ask := startPair(t, nginx, weir, tt.conf)
			for _, request := range tt.requests {
				a, b := ask(0, request), ask(1, request)
				if d := CompareAll(a, b); d != "" {
					t.Errorf("%q (nginx | weir)\n%s", short(request), d)
				}
			}
		})
	}
}

func short(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}

// oracleConf is around every case: all that nginx would put outside the directory, inside.
const oracleConf = `error_log error.log info;
events {}
http {
    access_log off;
    client_body_temp_path tmp-body; proxy_temp_path tmp-proxy;
    types { text/html html; text/plain txt; image/gif gif; application/json json; }
    upstream app { server $APP; }
`

// nginxOnly keeps what Debian's nginx would make outside the directory even when nobody uses it.
const nginxOnly = `
    fastcgi_temp_path tmp-fastcgi; uwsgi_temp_path tmp-uwsgi; scgi_temp_path tmp-scgi;
`

// startPair starts both servers with the same text on ports of their own and returns how to ask them. Where a port shows in an answer it
// would differ, so both listen on the same port of different loopback addresses and the requests name the host.
func startPair(t *testing.T, nginx, weir, conf string) func(which int, request string) []*Answer {
	t.Helper()
	ports := NewPorts()
	t.Cleanup(ports.Close)
	addr := take(t, ports)
	app := take(t, ports)
	backend, err := StartBackend("APP", app, "echo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Down)
	at := [2]string{addr, strings.Replace(addr, "127.0.0.1:", "127.0.0.2:", 1)}
	for i, binary := range []string{nginx, weir} {
		dir := t.TempDir()
		fillOracle(t, dir)
		extra := [2]string{nginxOnly, ""}[i]
		text := Expand(oracleConf+conf+extra+"}\n", map[string]string{"ADDR": at[i], "APP": app})
		if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Start(Options{Binary: binary, Dir: dir, Ready: []string{at[i]}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if code, err := s.Stop(syscall.SIGTERM); code != 0 {
				t.Errorf("%s: exit status %d, %v\n%s", binary, code, err, s.Output())
			}
			s.Kill()
		})
	}
	return func(which int, request string) []*Answer {
		answers, err := Ask(at[which], request)
		if err != nil {
			t.Errorf("%q at %s: %v", short(request), [2]string{"nginx", "weir"}[which], err)
		}
		return answers
	}
}

func take(t *testing.T, p *Ports) string {
	t.Helper()
	addr, err := p.Take()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// fillOracle makes the files that the cases ask for, all of one old date.
func fillOracle(t *testing.T, dir string) {
	t.Helper()
	files := map[string]string{
		"index.html": "index\n", "a.txt": "0123456789\n", "dir/index.html": "inner\n", "dir/x.json": "{}\n", "empty/.keep": "",
		"with space.txt": "spaced\n", "404.html": "not here\n", "big.txt": string(Pattern("300k")),
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, "www", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		old := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCompare(t *testing.T) {
	read := func(s string) *Answer {
		t.Helper()
		server, client := pipeAnswer(t, s)
		defer server()
		a, err := client.Answer()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	base := read("HTTP/1.1 404 Not Found\r\nServer: nginx/1.22.1\r\nDate: x\r\nContent-Length: 35\r\n\r\n<hr><center>nginx/1.22.1</center>\r\n")
	same := read("HTTP/1.1 404 Not Found\r\nServer: weir\r\nDate: y\r\nContent-Length: 28\r\n\r\n<hr><center>weir</center>\r\n\r\n")
	same.Body = []byte("<hr><center>weir</center>\r\n")
	if d := Compare(base, same); d != "" {
		t.Errorf("differ: %s", d)
	}
	for _, other := range []string{
		"HTTP/1.1 404 Missing\r\nServer: weir\r\nDate: y\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 404 Not Found\r\nDate: y\r\nServer: weir\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 404 Not Found\r\nserver: weir\r\nDate: y\r\nContent-Length: 0\r\n\r\n",
	} {
		if Compare(base, read(other)) == "" {
			t.Errorf("no difference seen in %q", other)
		}
	}
}
