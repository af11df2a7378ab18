package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os/exec"
	"regexp"

	"weir/weirtest"
)

// startTLSOrigin is the origin over TLS 1.3, with a certificate of the site's.
func startTLSOrigin(addr, dir string) (stop func(), err error) {
	cert, err := weirtest.LoadCertificate(dir, "ecdsa")
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	serveOrigin(tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}))
	return func() { ln.Close() }, nil
}

// beforeProxyHTTP2 are the versions of nginx that do not proxy over HTTP/2.
var beforeProxyHTTP2 = regexp.MustCompile(`\b1\.(\d|1\d|2[0-8])\.\d|\b1\.29\.[0-3]\b`)

// toPeers is a server that proxies to the other origins; with http2 it speaks HTTP/2 to its clients.
func toPeers(http2 bool) func(server) server {
	return func(sv server) server {
		if sv.bin == "" || beforeProxyHTTP2.MatchString(sv.version) {
			return server{}
		}
		more := "upstream h2origin { server %[1]s; keepalive 64; keepalive_requests 1000000000; }\n" +
			"    upstream tlsorigin { server %[2]s; keepalive 64; keepalive_requests 1000000000; }"
		if http2 {
			more = "http2 on; " + more
		}
		bin := sv.bin
		sv.command = func(s *site, dir, addr string) (*exec.Cmd, error) {
			return nginxCommand(s, bin, dir, addr, fmt.Sprintf(more, s.h2, s.tls),
				"location /grpc/ { grpc_pass grpc://h2origin; }\n"+
					"        location /h2/ { proxy_pass http://h2origin; proxy_http_version 2; }\n"+
					"        location /tls/ { proxy_pass https://tlsorigin; proxy_http_version 1.1; proxy_set_header Connection \"\"; }")
		}
		return sv
	}
}
