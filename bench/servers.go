package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"weir/weirtest"
)

// server is one contestant. command writes its configuration into dir and returns what to run.
type server struct {
	name    string
	version string
	static  bool   // serves files
	bin     string // of those that read nginx.conf
	secure  bool   // takes TLS on its address
	command func(s *site, dir, addr string) (*exec.Cmd, error)
}

// servers finds those that were asked for; missing has a sentence for each that is not installed. A weir that does not build is an error.
func (s *site) servers(names []string) (found []server, missing []string, err error) {
	for _, name := range names {
		sv, err := s.find(strings.TrimSpace(name))
		switch {
		case err == nil:
			found = append(found, sv)
		case errors.Is(err, exec.ErrNotFound) || errors.Is(err, weirtest.ErrNoServer):
			missing = append(missing, fmt.Sprintf("without %s: %v", name, err))
		default:
			return nil, nil, err
		}
	}
	return found, missing, nil
}

func (s *site) find(name string) (server, error) {
	switch name {
	case "weir":
		bin, err := weirtest.Binary()
		if err != nil {
			return server{}, err
		}
		return nginxLike(name, bin, ""), nil
	case "nginx":
		bin, err := exec.LookPath(s.o.nginx)
		if err != nil {
			return server{}, err
		}
		return nginxLike(name, bin, ""), nil
	case "haproxy":
		bin, err := exec.LookPath(name)
		return server{name: name, version: version(bin, "-v"), command: haproxy(bin)}, err
	case "caddy":
		bin, err := exec.LookPath(name)
		return server{name: name, version: version(bin, "version"), static: true, command: caddy(bin)}, err
	}
	return server{}, fmt.Errorf("bench knows no server %q", name)
}

// version is the first line that the binary says of itself.
func version(bin, flag string) string {
	out, err := exec.Command(bin, flag).CombinedOutput()
	if err != nil {
		return "?"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// Two event loops each, no limits in the way, logs off unless asked for. Everything else is as it comes.
const nginxConf = `worker_processes 2;
worker_rlimit_nofile %[5]d;
error_log error.log;
events { worker_connections 20000; }
http {
    access_log %[4]s;
    sendfile on;
    types { text/plain txt; text/html html; }
    default_type application/octet-stream;
    keepalive_timeout 600s;
    keepalive_requests 1000000000;
    %[7]s
    upstream fastcgi { server %[6]s; keepalive 64; keepalive_requests 1000000000; }
    upstream origin { server %[2]s; keepalive 64; keepalive_requests 1000000000; }
    server {
        listen %[1]s backlog=4096;
        %[8]s
        root %[3]s;
        location /origin/ { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }
        location /fastcgi/ {
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name; fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param REQUEST_METHOD $request_method; fastcgi_param REQUEST_URI $request_uri; fastcgi_param QUERY_STRING $query_string;
            fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param REMOTE_ADDR $remote_addr;
            fastcgi_param SERVER_NAME $server_name; fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_pass fastcgi; fastcgi_keep_conn on;
        }
        location /unbuffered/ {
            proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_buffering off;
        }
        location /tunnel/ {
            proxy_pass http://origin; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
        }
    }
}
`

// nginxLike reads nginx.conf. more stands in the http block besides.
func nginxLike(name, bin, more string) server {
	return server{name: name, version: version(bin, "-v"), static: true, bin: bin, command: func(s *site, dir, addr string) (*exec.Cmd, error) {
		return nginxCommand(s, bin, dir, addr, more, "")
	}}
}

// nginxCommand writes an nginx.conf. more stands in the http block besides, moreServer in the server.
func nginxCommand(s *site, bin, dir, addr, more, moreServer string) (*exec.Cmd, error) {
	limit, err := raiseFileLimit()
	if err != nil {
		return nil, err
	}
	log := "off"
	if s.o.logs {
		log = "access.log"
	}
	conf := fmt.Sprintf(nginxConf, addr, s.origin, filepath.Join(s.dir, "www"), log, limit, s.cgi, more, moreServer)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o644); err != nil {
		return nil, err
	}
	return exec.Command(bin, append(weirtest.Flags(dir, ""), "-g", weirtest.Globals())...), nil
}

const haproxyConf = `global
    nbthread 2
    maxconn 20000
    no strict-limits
defaults
    mode http
    http-reuse always
    timeout connect 5s
    timeout client 600s
    timeout server 60s
%s
frontend in
    bind %s
    default_backend origin
backend origin
    server origin %s
`

func haproxy(bin string) func(s *site, dir, addr string) (*exec.Cmd, error) {
	return func(s *site, dir, addr string) (*exec.Cmd, error) {
		log := ""
		if s.o.logs {
			log = "    log stdout format raw local0\n    option httplog"
		}
		conf := fmt.Sprintf(haproxyConf, log, addr, s.origin)
		if err := os.WriteFile(filepath.Join(dir, "haproxy.cfg"), []byte(conf), 0o644); err != nil {
			return nil, err
		}
		return exec.Command(bin, "-db", "-f", "haproxy.cfg"), nil
	}
}

const caddyfile = `{
	admin off
	auto_https off
	persist_config off
}
http://%[1]s {
	bind 127.0.0.1
	%[4]s
	reverse_proxy /origin/* %[2]s
	reverse_proxy /tunnel/* %[2]s
	reverse_proxy /fastcgi/* %[5]s {
		transport fastcgi
	}
	reverse_proxy /unbuffered/* %[2]s {
		flush_interval -1
	}
	root * %[3]s
	file_server
}
`

func caddy(bin string) func(s *site, dir, addr string) (*exec.Cmd, error) {
	return func(s *site, dir, addr string) (*exec.Cmd, error) {
		log := ""
		if s.o.logs {
			log = "log"
		}
		port := addr[strings.LastIndexByte(addr, ':'):]
		conf := fmt.Sprintf(caddyfile, port, s.origin, filepath.Join(s.dir, "www"), log, s.cgi)
		if err := os.WriteFile(filepath.Join(dir, "Caddyfile"), []byte(conf), 0o644); err != nil {
			return nil, err
		}
		cmd := exec.Command(bin, "run", "--config", "Caddyfile", "--adapter", "caddyfile")
		cmd.Env = append(os.Environ(), "GOMAXPROCS=2", "HOME="+dir)
		return cmd, nil
	}
}
