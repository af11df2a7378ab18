package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"weir/weirtest"
)

// In each round a fresh server is reloaded so often for time and processor time, and then so often for memory: who looks at memory often
// slows the server down.
const (
	timedReloads = 5
	sizedReloads = 3
)

// reloads is the measurement of reloads with n servers in the configuration, each with a certificate of its own if that is wanted.
func reloads(n int, certificates bool) func(s *site, w work, all []server, o options, rep *report) error {
	return func(s *site, w work, all []server, o options, rep *report) error {
		n := n
		if o.smoke {
			n /= 100
		}
		for range o.rounds {
			for _, sv := range all {
				if sv.bin == "" {
					continue // reads no nginx.conf
				}
				x, err := reloadRound(s, sv, n, certificates)
				if err != nil {
					return fmt.Errorf("%s: %w", sv.name, err)
				}
				rep.add(w, sv.name, x)
			}
		}
		return nil
	}
}

func reloadRound(s *site, sv server, n int, certificates bool) (sample, error) {
	dir := ""
	sv.command = func(s *site, d, addr string) (*exec.Cmd, error) {
		dir = d
		if certificates {
			return manyCertificates(s, sv.bin, d, addr, n)
		}
		return manyServers(s, sv.bin, d, addr, n)
	}
	in, err := s.start(sv)
	if err != nil {
		return sample{}, err
	}
	defer in.kill()
	r := &reloading{in: in, dir: dir, root: in.cmd.Process.Pid}
	r.settle()
	x := sample{Start: ms(in.took), Servers: n}
	before := used(r.root)
	var times []float64
	for range timedReloads {
		took, err := r.reload()
		if err != nil {
			return x, err
		}
		times = append(times, ms(took))
		r.settle()
	}
	x.Reload = median(times)
	x.ReloadCPU = ms(used(r.root)-before) / timedReloads
	for range sizedReloads {
		m, err := r.peak()
		if err != nil {
			return x, err
		}
		x.Peak, x.High = max(x.Peak, float64(m.shared)/(1<<20)), max(x.High, float64(m.high)/(1<<20))
	}
	x.RSS = float64(memoryOf(r.root).shared) / (1 << 20)
	return x, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// reloading is a server that is being reloaded. Its configuration says how often in what it answers to /generation.
type reloading struct {
	in         *instance
	dir        string
	root       int
	generation int
}

// reload changes the configuration, has it read, and returns how long it took until a new connection was served by it.
func (r *reloading) reload() (time.Duration, error) {
	r.generation++
	if err := writeGeneration(r.dir, r.generation); err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := syscall.Kill(r.root, syscall.SIGHUP); err != nil {
		return 0, err
	}
	want := strconv.Itoa(r.generation)
	for {
		got, err := generation(r.in.addr)
		took := time.Since(begin)
		switch {
		case err != nil:
			return took, err
		case got == want:
			return took, nil
		case took > 12*weirtest.Patience():
			return took, fmt.Errorf("still generation %q after %v", got, took)
		}
		<-time.After(max(time.Millisecond, took/50)) // to ask more often would only disturb
	}
}

// generation asks on a connection of its own.
func generation(addr string) (string, error) {
	c, err := net.DialTimeout("tcp", addr, weirtest.Patience())
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(weirtest.Patience()))
	if _, err := io.WriteString(c, "GET /generation HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return "", err
	}
	_, body, ok := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !ok || !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
		return "", fmt.Errorf("an answer of %q", answer)
	}
	return string(body), nil
}

// settle waits until the processes of the configuration before have ended and nothing is cleaned up any more.
func (r *reloading) settle() {
	last := used(r.root)
	for still := 0; still < 4; {
		<-time.After(50 * time.Millisecond)
		now := used(r.root)
		if now == last {
			still++
		} else {
			still, last = 0, now
		}
	}
}

// peak reloads and returns the most memory that all processes had together until everything was settled.
func (r *reloading) peak() (memory, error) {
	forgetHigh(r.root)
	var most memory
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			m := memoryOf(r.root)
			most.shared, most.high = max(most.shared, m.shared), max(most.high, m.high)
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	_, err := r.reload()
	r.settle()
	close(stop)
	wg.Wait()
	return most, err
}

const manyConf = `worker_processes 2;
worker_rlimit_nofile %[5]d;
error_log error.log;
events { worker_connections 20000; }
http {
    access_log %[4]s;
    sendfile on;
    types { text/plain txt; text/html html htm; text/css css; application/javascript js; image/png png; }
    default_type application/octet-stream;
    server_names_hash_max_size 131072;
    server_names_hash_bucket_size 128;
    upstream origin { server %[2]s; keepalive 64; }
%[6]s
    server {
        listen %[1]s default_server;
        root %[3]s;
        location /origin/ { proxy_pass http://origin; }
        include generation.conf;
    }
    include sites/*.conf;
}
`

// manyServers writes the configuration of n servers.
func manyServers(s *site, bin, dir, addr string, n int) (*exec.Cmd, error) {
	limit, err := raiseFileLimit()
	if err != nil {
		return nil, err
	}
	log := "off"
	if s.o.logs {
		log = "access.log"
	}
	conf := fmt.Sprintf(manyConf, addr, s.origin, filepath.Join(s.dir, "www"), log, limit, weirtest.SiteUpstreams())
	return exec.Command(bin, append(weirtest.Flags(dir, ""), "-g", weirtest.Globals())...), errors.Join(
		os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o644),
		writeGeneration(dir, 0),
		weirtest.WriteSites(filepath.Join(dir, "sites"), addr, n),
	)
}

// manyCertificates writes the configuration of n servers over TLS, with a certificate each.
func manyCertificates(s *site, bin, dir, addr string, n int) (*exec.Cmd, error) {
	secure, err := s.ports.Take()
	if err != nil {
		return nil, err
	}
	certs := filepath.Join(s.dir, "certs")
	if err := os.MkdirAll(certs, 0o755); err != nil {
		return nil, err
	}
	sites := filepath.Join(dir, "sites")
	if err := os.Mkdir(sites, 0o755); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	for i := range n {
		name := fmt.Sprintf("s%d.test", i)
		path := filepath.Join(certs, name)
		if _, err := os.Stat(path + ".key"); err != nil {
			if err := weirtest.WriteCertificate(certs, name, weirtest.CertificateOptions{}); err != nil {
				return nil, err
			}
		}
		fmt.Fprintf(&text, "server { listen %s ssl; server_name %s; ssl_certificate %s.crt; ssl_certificate_key %s.key; location / { return 204; } }\n", secure, name, path, path)
	}
	cmd, err := manyServers(s, bin, dir, addr, 0)
	return cmd, errors.Join(err, os.WriteFile(filepath.Join(sites, "tls.conf"), text.Bytes(), 0o644))
}

func writeGeneration(dir string, n int) error {
	text := fmt.Sprintf("location = /generation { return 200 %d; }\n", n)
	return os.WriteFile(filepath.Join(dir, "generation.conf"), []byte(text), 0o644)
}
