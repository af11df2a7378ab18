package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"weir/certs"
	"weir/http"
	"weir/http/h2"
	"weir/http/ssl"
	"weir/loop"
	"weir/upstream"
	"weir/weirtest"
)

// deafWire takes everything at once and sends it nowhere.
type deafWire struct {
	socket *loop.Conn
	status int
	bytes  int64
}

func (w *deafWire) SendHead(r *http.Request) error                  { w.status = r.Out.Status; return nil }
func (w *deafWire) SendEarly(*http.Request, int, http.Fields) error { return nil }
func (w *deafWire) Queued() int64                                   { return 0 }
func (w *deafWire) Push(*http.Request) (loop.Time, error)           { return 0, nil }
func (w *deafWire) Drain(*http.Request) error                       { return nil }
func (w *deafWire) ReadBody(*http.Request, []byte) (int, error)     { return 0, io.EOF }
func (w *deafWire) TryReadBody(*http.Request, []byte) (int, error)  { return 0, io.EOF }
func (w *deafWire) Source() *loop.Source                            { return &w.socket.Source }
func (w *deafWire) Tunnel(*http.Request) (loop.End, []byte)         { return w.socket, nil }
func (w *deafWire) Preread() int                                    { return 0 }
func (w *deafWire) Count(int64)                                     {}
func (w *deafWire) Fail(error)                                      {}
func (w *deafWire) NoContinue()                                     {}
func (w *deafWire) Gone() bool                                      { return false }
func (w *deafWire) Send(r *http.Request, p []http.Piece, _ http.Flags) error {
	for i := range p {
		w.bytes += p[i].Size()
		if p[i].Own != nil {
			r.Loop().Give(p[i].Own)
		}
	}
	return nil
}

// answerer is a back end that answers every read with the same bytes.
func answerer(t *testing.T, answer []byte) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return answerOn(t, ln, answer)
}

// secureAnswerer is one over TLS.
func secureAnswerer(t *testing.T, answer []byte) netip.AddrPort {
	t.Helper()
	dir := t.TempDir()
	if err := weirtest.WriteCertificate(dir, "a.test", weirtest.CertificateOptions{}); err != nil {
		t.Fatal(err)
	}
	pair, err := weirtest.LoadCertificate(dir, "a.test")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	return answerOn(t, ln, answer)
}

func answerOn(t *testing.T, ln net.Listener, answer []byte) netip.AddrPort {
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				for {
					if _, err := c.Read(buf); err != nil {
						return
					}
					if _, err := c.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

// http2Answerer is one over HTTP/2: every read is a request, on the next stream.
func http2Answerer(t *testing.T, body string) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf, out := make([]byte, 4096), make([]byte, 0, 4096)
		fields := "\x88" + h2Block("content-type", "application/grpc", "server", "x")
		for id := uint32(1); ; id += 2 {
			if _, err := c.Read(buf); err != nil {
				return
			}
			out = append(h2.AppendFrameHead(out[:0], len(fields), h2.FrameHeaders, h2.FlagEndHeaders, id), fields...)
			out = append(h2.AppendFrameHead(out, len(body), h2.FrameData, h2.FlagEndStream, id), body...)
			if _, err := c.Write(out); err != nil {
				return
			}
		}
	}()
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

// group is a declared group of one server that keeps its connections.
func group(t *testing.T, at netip.AddrPort) *upstream.Group {
	t.Helper()
	g, err := upstream.Build(&upstream.Spec{
		Name:      "u",
		Servers:   []upstream.ServerSpec{{Text: at.String(), Addrs: []loop.Addr{{Net: at}}, Weight: 1, MaxFails: 1, FailTimeout: 10 * time.Second}},
		Keepalive: upstream.Keepalive{Max: 4, Requests: 1 << 30, Life: time.Hour, Idle: time.Minute},
	}, upstream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// handlerTo is a location with proxy_pass to a group and the usual settings.
func handlerTo(g *upstream.Group) *handler {
	c := &proxyConf{version: http.HTTP11, pass: &target{url: "http://u"}}
	c.upstreamConf = usualConf()
	return newTestHandler(&c.upstreamConf, passSpec{
		prefix: "proxy_", schema: httpPrefix, protocol: newHTTP1Loc(c).protocol, hidden: httpHidden(), sendsBody: true,
		dest: destination{host: []byte("u"), group: g},
	})
}

// usualConf are the settings that hold where nothing is said.
func usualConf() upstreamConf {
	return upstreamConf{
		Buffering: true, RequestBuffering: true, PassHeaders: true, PassBody: true, Next: faultError | faultTimeout,
		ConnectTimeout: time.Minute, SendTimeout: time.Minute, ReadTimeout: time.Minute, BufferSize: 4096, Buffers: buffers{8, 4096},
	}
}

// newTestHandler makes a handler outside of any configuration.
func newTestHandler(c *upstreamConf, s passSpec) *handler {
	z, _, _ := c.sizes(s.prefix)
	return &handler{conf: c, pass: s, sizes: z, shared: &shared{}, fixed: s.dest, hidden: hiddenNames(s.hidden, nil, nil)}
}

// TestAllocations: a proxied request on kept connections costs no memory from the heap.
func TestAllocations(t *testing.T) {
	head := "Server: x\r\nContent-Length: 1000\r\nContent-Type: text/plain\r\nETag: \"e\"\r\nLast-Modified: Mon, 28 Sep 1970 06:00:00 GMT\r\n\r\n"
	body := string(make([]byte, 1000))
	t.Run("HTTP/1", func(t *testing.T) {
		testAllocations(t, handlerTo(group(t, answerer(t, []byte("HTTP/1.1 200 OK\r\n"+head+body)))))
	})
	t.Run("HTTP/1 over TLS", func(t *testing.T) {
		h := handlerTo(group(t, secureAnswerer(t, []byte("HTTP/1.1 200 OK\r\n"+head+body))))
		h.tls = &ssl.Upstream{Client: certs.NewClient(certs.ClientConf{Config: &tls.Config{}})}
		h.fixed.secured(true, "a.test", httpsPrefix)
		n, _ := h.tls.Fixed("a.test")
		h.fixedTLS = newTLSUse(h.tls, n)
		const both = 4 // by crypto/tls, of which both sides are here: for each record that is read, and more
		testAllocationsOf(t, h, both)
	})
	t.Run("FastCGI", func(t *testing.T) {
		answer := testRecord(fcgiStdout, head+body, 3) + testRecord(fcgiStdout, "", 0) + testRecord(fcgiEnd, "12345678", 0)
		c := &fastcgiConf{upstreamConf: usualConf(), keep: true}
		l := &fastcgiLoc{fastcgiConf: c, list: testParams(t, []string{"HOST"}, "HTTP_HOST?", "$uri", "SCRIPT_FILENAME", "/x$uri", "QUERY_STRING", "$empty")}
		testAllocations(t, newTestHandler(&c.upstreamConf, passSpec{
			prefix: "fastcgi_", schema: "fastcgi://", protocol: l.protocol, hidden: cgiHidden(), sendsBody: true,
			dest: destination{group: group(t, answerer(t, []byte(answer)))},
		}))
	})
	t.Run("HTTP/2", func(t *testing.T) {
		c := usualConf()
		l := newGRPCLoc(&c, nil)
		testAllocations(t, newTestHandler(&c, passSpec{
			prefix: "grpc_", schema: grpcPrefix, protocol: l.protocol, alpn: alpnHTTP2, sendsBody: true, duplex: true,
			dest: destination{host: []byte("u"), group: group(t, http2Answerer(t, body))},
		}))
	})
	t.Run("memcached", func(t *testing.T) {
		l := memcachedLocation(t, "value", 0)
		l.upstreamConf = usualConf()
		testAllocations(t, newTestHandler(&l.upstreamConf, passSpec{
			prefix: "memcached_", schema: "memcached://", protocol: l.protocol,
			dest: destination{group: group(t, answerer(t, []byte("VALUE value 0 1000\r\n"+body+"\r\nEND\r\n")))},
		}))
	})
}

// testAllocations asks a peer that answers with a body of 1000 bytes.
func testAllocations(t *testing.T, h *handler) { testAllocationsOf(t, h, 0) }

// testAllocationsOf is testAllocations where so many may be others'.
func testAllocationsOf(t *testing.T, h *handler, others float64) {
	method, path := []byte("GET"), []byte("/some/path?x")
	head := []http.Field{newField("Host", "a"), newField("User-Agent", "test"), newField("Accept", "*/*")}
	onTask(t, func(r *http.Request) {
		fd, peer := socketPair(t)
		defer closeSocket(peer)
		client, err := r.Loop().Register(fd, netip.AddrPort{})
		if err != nil {
			t.Error(err)
			return
		}
		defer client.Close()
		w := &deafWire{socket: client}
		r.Wire, r.Client = w, &http.Client{Conn: client}
		one := func() {
			r.Out.Clear()
			r.Method, r.MethodName, r.Target, r.Plain, r.In = http.GET, method, path, true, head
			v := h.serve(r)
			r.End()
			if v != http.Done || w.status != 200 || w.bytes != 1000 {
				t.Errorf("verdict %d, status %d, %d bytes", v, w.status, w.bytes)
			}
			w.bytes = 0
		}
		for range 50 {
			one()
		}
		if weirtest.Race || loop.Portable { // both allocate
			return
		}
		const rounds = 500
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			one()
		}
		runtime.ReadMemStats(&after)
		if n := float64(after.Mallocs-before.Mallocs) / rounds; n > others+0.1 {
			t.Errorf("%.2f allocations a request", n)
		}
	})
}
