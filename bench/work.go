package main

import (
	"crypto/tls"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"time"
)

// beforeHTTP2 are the versions of nginx without the http2 directive.
var beforeHTTP2 = regexp.MustCompile(`\b1\.(\d|1\d|2[0-4])\.\d`)

// work is one thing to measure. load puts it on an instance and says what came of it.
type work struct {
	name, what string
	static     bool // not for haproxy: files, FastCGI
	load       loader
	as         func(server) server // the server that it wants of nginx.conf; nil: as it comes. One without a bin cannot do the work
	// measure is for works that are not a load on servers that run all the time.
	measure func(s *site, w work, all []server, o options, rep *report) error
}

// A loader puts a load on a server.
type loader = func(in *instance, o options) (load, error)

// load is what the client saw.
type load struct {
	requests int
	took     time.Duration
	client   time.Duration // processor time of the client, where it is a process of its own
	p99      time.Duration
}

func works() []work {
	all := []work{
		{name: "static1k", what: "a file of 1 KB, keep-alive", static: true, load: wrk("/1k", 32)},
		{name: "static100k", what: "a file of 100 KB, keep-alive", static: true, load: wrk("/100k", 32)},
		{name: "static10m", what: "a file of 10 MB, keep-alive", static: true, load: wrk("/10m", 4)},
		{name: "proxy1k", what: "an answer of 1 KB from the origin, keep-alive on both sides", load: wrk("/origin/1k", 32)},
		{name: "proxy1m", what: "an answer of 1 MB from the origin, buffered as by default", load: wrk("/origin/1m", 8)},
		{name: "unbuffered1m", what: "the same with proxy_buffering off", load: wrk("/unbuffered/1m", 8)},
		{name: "tunnel", what: "a MB from the origin through a WebSocket, of many in a row", load: tunnels},
		{name: "fastcgi1k", what: "an answer of 1 KB by FastCGI, connections kept where the server can", static: true, load: wrk("/fastcgi/1k", 32)},
		{name: "h2static1k", what: "a file of 1 KB over HTTP/2 without TLS, 32 streams on each of 4 connections", static: true, load: streams("/1k"), as: http2},
		{name: "h2proxy1k", what: "an answer of 1 KB from the origin, asked for over HTTP/2", static: true, load: streams("/origin/1k"), as: http2},
		{name: "tls1k", what: "a file of 1 KB, keep-alive, over TLS 1.3", static: true, load: wrk("/1k", 32), as: overTLS("ecdsa", "")},
		{name: "tls100k", what: "a file of 100 KB, keep-alive, over TLS 1.3", static: true, load: wrk("/100k", 32), as: overTLS("ecdsa", "")},
		{name: "tlsproxy1k", what: "an answer of 1 KB from the origin, over TLS 1.3", static: true, load: wrk("/origin/1k", 32), as: overTLS("ecdsa", "")},
		{name: "h2tls1k", what: "a file of 1 KB over HTTP/2 and TLS 1.3, 32 streams on each of 4 connections", static: true, load: streams("/1k"), as: overTLS("ecdsa", "http2 on;")},
		{name: "h2tlsproxy1k", what: "an answer of 1 KB from the origin, over HTTP/2 and TLS 1.3", static: true, load: streams("/origin/1k"), as: overTLS("ecdsa", "http2 on;")},
		{name: "proxyh2", what: "an answer of 1 KB from the origin, which is asked over HTTP/2", static: true, load: wrk("/h2/1k", 32), as: toPeers(false)},
		{name: "h2proxyh2", what: "the same, asked for over HTTP/2, 32 streams on each of 4 connections", static: true, load: streams("/h2/1k"), as: toPeers(true)},
		{name: "grpc", what: "unary calls of gRPC with 100 bytes, 32 at once on each of 4 connections", static: true, load: calls("/grpc/echo"), as: toPeers(true)},
		{name: "tlsupstream1k", what: "an answer of 1 KB from the origin, which is asked over TLS 1.3", static: true, load: wrk("/tls/1k", 32), as: toPeers(false)},
		{name: "handshake", what: "full handshakes of TLS 1.3, ECDSA P-256", static: true, load: handshakes, as: overTLS("ecdsa", "")},
		{name: "handshakersa", what: "full handshakes of TLS 1.3, RSA of 2048 bits", static: true, load: handshakes, as: overTLS("rsa", "")},
		{name: "hit1k", what: "an answer of 1 KB from the cache (weir: from its memory)", static: true, load: wrk("/cached/1k", 32), as: cached(" memory=16m")},
		{name: "hit100k", what: "an answer of 100 KB from the cache (weir: with its memory)", static: true, load: wrk("/cached/100k", 32), as: cached(" memory=16m")},
		{name: "hitdisk1k", what: "an answer of 1 KB from the cache, without the parameter memory=", static: true, load: wrk("/cached/1k", 32), as: cached("")},
		{name: "hitdisk100k", what: "an answer of 100 KB from the cache, without the parameter memory=", static: true, load: wrk("/cached/100k", 32), as: cached("")},
		{name: "hitfile1k", what: "an answer of 1 KB from the cache, whose file is opened each time (weir: memory=0)", static: true, load: wrk("/cached/1k", 32), as: cached(" memory=0")},
		{name: "hitfile100k", what: "an answer of 100 KB from the cache, whose file is opened each time (weir: memory=0)", static: true, load: wrk("/cached/100k", 32), as: cached(" memory=0")},
	}
	all = append(all, compressing()...)
	return append(all, []work{
		{name: "newconn", what: "a file (haproxy: an answer) of 1 KB, a new connection for each request", load: newConnections},
		{name: "idle", what: "memory of idle keep-alive connections", measure: measureIdle(idle{})},
		{name: "idletls", what: "memory of idle connections over TLS 1.3", static: true, as: overTLS("ecdsa", ""), measure: measureIdle(idle{version: tls.VersionTLS13})},
		{name: "idletls12", what: "memory of idle connections over TLS 1.2", static: true, as: overTLS("ecdsa", ""), measure: measureIdle(idle{version: tls.VersionTLS12})},
		{name: "idleh2", what: "memory of idle connections of HTTP/2 over TLS 1.3", static: true, as: overTLS("ecdsa", "http2 on;"), measure: measureIdle(idle{tls.VersionTLS13, true})},
		{name: "reload1k", what: "a reload with 1,000 servers", measure: reloads(1000, false)},
		{name: "reload10k", what: "a reload with 10,000 servers", measure: reloads(10000, false)},
		{name: "reloadcerts", what: "a reload with 10,000 servers, each with a certificate", measure: reloads(10000, true)},
	}...)
}

// http2 is a server that speaks HTTP/2.
func http2(sv server) server {
	if beforeHTTP2.MatchString(sv.version) {
		return server{}
	}
	return nginxLike(sv.name, sv.bin, "http2 on;")
}

// cached is a server with a cache; weir's has the parameter besides.
func cached(weir string) func(server) server {
	return func(sv server) server {
		if sv.bin == "" {
			return server{}
		}
		more := ""
		if sv.name == "weir" {
			more = weir
		}
		c := nginxLike(sv.name, sv.bin, "")
		c.command = func(s *site, dir, addr string) (*exec.Cmd, error) {
			return nginxCommand(s, sv.bin, dir, addr, "proxy_cache_path cache keys_zone=hits:1m"+more+";",
				"location /cached/ { proxy_pass http://origin/origin/; proxy_cache hits; proxy_cache_valid 1h; }")
		}
		return c
	}
}

// sample is one measurement of one server.
type sample struct {
	CPU      float64 `json:"cpu_us"`      // processor microseconds per request, user and system
	User     float64 `json:"user_us"`     // user alone
	Both     float64 `json:"both_us"`     // with the client's; 0 where the client is bench itself
	Rate     float64 `json:"per_second"`  // requests
	P99      float64 `json:"p99_ms"`      // latency
	RSS      float64 `json:"rss_mb"`      // of all processes, after the work
	PerConn  float64 `json:"bytes_conn"`  // growth of RSS per idle connection
	Requests int     `json:"requests"`    // counted by the client
	Conns    int     `json:"connections"` // idle ones held

	Servers   int     `json:"servers,omitempty"`       // in the configuration that is reloaded
	Start     float64 `json:"start_ms,omitempty"`      // until the first answer
	Reload    float64 `json:"reload_ms,omitempty"`     // from the signal to the first answer by the new configuration
	ReloadCPU float64 `json:"reload_cpu_ms,omitempty"` // processor time of all processes until all is settled
	Peak      float64 `json:"peak_mb,omitempty"`       // PSS of all processes at its highest during a reload
	High      float64 `json:"hwm_mb,omitempty"`        // their VmHWM, added up
}

// measure runs one work over all servers, in turn, round after round, so that a slow minute of the machine falls on all alike.
func measure(s *site, w work, all []server, o options, rep *report) error {
	servers := slices.DeleteFunc(slices.Clone(all), func(sv server) bool { return w.static && !sv.static })
	if w.as != nil {
		servers = slices.DeleteFunc(servers, func(sv server) bool { return sv.bin == "" })
		for i := range servers {
			servers[i] = w.as(servers[i])
		}
		servers = slices.DeleteFunc(servers, func(sv server) bool { return sv.bin == "" })
	}
	if w.measure != nil {
		return w.measure(s, w, servers, o, rep)
	}
	running := make([]*instance, 0, len(servers))
	defer func() {
		for _, in := range running {
			in.kill()
		}
	}()
	for _, sv := range servers {
		in, err := s.start(sv)
		if err != nil {
			return err
		}
		running = append(running, in)
		warm := o
		warm.seconds = min(0.3, o.seconds)
		if _, err := w.load(in, warm); err != nil {
			return fmt.Errorf("%s: %w", sv.name, err)
		}
	}
	for range o.rounds {
		for _, in := range running {
			before := in.cost()
			l, err := w.load(in, o)
			if err != nil {
				return fmt.Errorf("%s: %w", in.name, err)
			}
			rep.add(w, in.name, newSample(before, in.cost(), l))
		}
	}
	return nil
}

func newSample(before, after cost, l load) sample {
	n := float64(max(l.requests, 1))
	user := float64((after.user - before.user).Microseconds())
	system := float64((after.system - before.system).Microseconds())
	both := 0.0
	if l.client > 0 {
		both = (user + system + float64(l.client.Microseconds())) / n
	}
	return sample{
		CPU: (user + system) / n, User: user / n, Both: both,
		Rate: n / l.took.Seconds(), P99: float64(l.p99.Microseconds()) / 1000,
		RSS: float64(after.rss) / (1 << 20), Requests: l.requests,
	}
}

// measureIdle uses a fresh server for each round, since memory once taken is seldom given back.
func measureIdle(k idle) func(s *site, w work, servers []server, o options, rep *report) error {
	return func(s *site, w work, servers []server, o options, rep *report) error {
		if k.version != 0 {
			o.idle = min(o.idle, 5000)
		}
		rest := 3 * time.Second
		if o.smoke {
			rest = 0
		}
		for range o.rounds {
			for _, sv := range servers {
				in, err := s.start(sv)
				if err != nil {
					return err
				}
				before, after, n, err := idleConnections(in, k, o.idle, rest)
				in.kill()
				if err != nil {
					return fmt.Errorf("%s: %w", sv.name, err)
				}
				rep.add(w, sv.name, sample{
					RSS: float64(after.rss) / (1 << 20), Conns: n,
					PerConn: float64(after.rss-before.rss) / float64(n),
				})
			}
		}
		return nil
	}
}
