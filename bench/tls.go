package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"weir/weirtest"
)

// writeCertificates makes one of ECDSA and one of RSA, for servers that speak TLS.
func (s *site) writeCertificates() error {
	if err := weirtest.WriteCertificate(s.dir, "ecdsa", weirtest.CertificateOptions{}); err != nil {
		return err
	}
	return weirtest.WriteCertificate(s.dir, "rsa", weirtest.CertificateOptions{RSA: true})
}

// overTLS makes a server of nginx.conf take TLS on its address, with a certificate of that kind. more stands in the http block besides.
func overTLS(kind, more string) func(server) server {
	return func(sv server) server {
		if more == "http2 on;" && beforeHTTP2.MatchString(sv.version) {
			return server{}
		}
		bin := sv.bin
		sv.secure = true
		sv.command = func(s *site, dir, addr string) (*exec.Cmd, error) {
			cert := filepath.Join(s.dir, kind)
			return nginxCommand(s, bin, dir, addr+" ssl", more, fmt.Sprintf("ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate %s.crt; ssl_certificate_key %s.key;", cert, cert))
		}
		return sv
	}
}

// clientConfig is that of a client that believes everybody. The group is one that all servers have, whatever library is below them.
func clientConfig(version uint16, protocols ...string) *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, NextProtos: protocols, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256},
	}
}

// handshakes does full handshakes one after the other, from 8 goroutines; a handshake counts as a request.
func handshakes(in *instance, o options) (load, error) {
	const clients = 8
	config := clientConfig(tls.VersionTLS13)
	begin := time.Now()
	end := begin.Add(time.Duration(o.seconds * float64(time.Second)))
	times := make([][]time.Duration, clients)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for n := i; time.Now().Before(end) && errs[i] == nil; n += clients {
				t := time.Now()
				errs[i] = greet(in.addr, from(n), config)
				times[i] = append(times[i], time.Since(t))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return load{}, err
	}
	all := slices.Sorted(slices.Values(slices.Concat(times...)))
	return load{requests: len(all), took: time.Since(begin), p99: all[len(all)*99/100]}, nil
}

// greet does one handshake and ends the connection.
func greet(addr string, local *net.TCPAddr, config *tls.Config) error {
	d := net.Dialer{LocalAddr: local, Timeout: weirtest.Patience(), Control: weirtest.LazyPort}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	secure := tls.Client(c, config)
	if err := secure.Handshake(); err != nil {
		return err
	}
	if err := secure.CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, secure) // until the server has closed it too
	return err
}

// idle is a kind of connection whose memory is measured.
type idle struct {
	version uint16 // of TLS; 0: without
	http2   bool
}

// open opens a connection and asks once on it.
func (k idle) open(addr, path string) (c *weirtest.Client, err error) {
	if c, err = weirtest.Dial(addr, ""); err != nil {
		return nil, err
	}
	if k.version != 0 {
		protocol := "http/1.1"
		if k.http2 {
			protocol = "h2"
		}
		if err := c.SecureWith(clientConfig(k.version, protocol)); err != nil {
			return c, err
		}
	}
	var all []*weirtest.Answer
	if k.http2 {
		all, err = c.AskH2("GET", "localhost", path, nil)
	} else if err = c.Send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"); err == nil {
		all, err = c.Answers()
	}
	if err == nil && (len(all) != 1 || all[0].Status != 200) {
		err = fmt.Errorf("no good answer")
	}
	return c, err
}
