package weirtest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Backend is a server behind the server under test: a real listener that answers every request after its Kind and remembers what it was asked.
type Backend struct {
	Name, Addr string

	kind Kind
	args []string

	secure *tls.Config // guarded by mu

	mu       sync.Mutex
	ln       net.Listener
	accepts  chan struct{} // closed when nobody waits for connections of ln any more
	open     map[net.Conn]bool
	requests []Received
	accepted int
}

// Received is a request as a back end saw it.
type Received struct {
	TLS  string // what was agreed upon in the handshake; "" without TLS
	Head []byte // request line and fields as sent, with the blank line
	Body []byte // without chunk framing
	Conn int    // the number of the connection it came by, from 1
}

// StartBackend starts a back end of the named kind on addr (host:port or unix:path). args are the kind's own.
func StartBackend(name, addr, kind string, args ...string) (*Backend, error) {
	i := slices.IndexFunc(Kinds(), func(k Kind) bool { return k.Name == kind })
	if i < 0 {
		return nil, fmt.Errorf("no back end of kind %q", kind)
	}
	k := Kinds()[i]
	if want := strings.Fields(k.Args); len(args) != len(want) {
		return nil, fmt.Errorf("back end %s: want %d arguments (%s), have %q", kind, len(want), k.Args, args)
	}
	b := &Backend{Name: name, Addr: addr, kind: k, args: args, open: map[net.Conn]bool{}}
	return b, b.Up()
}

// Up listens; after Down it does so again on the same address.
func (b *Backend) Up() error {
	network, addr := "tcp", b.Addr
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
		_ = os.Remove(path) // of an earlier life
	}
	var ln net.Listener
	var err error
	// A listener that was closed lives a moment longer in a process that was being forked then and has not come to its exec.
	Eventually(func() bool {
		ln, err = net.Listen(network, addr)
		return !errors.Is(err, syscall.EADDRINUSE)
	})
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.ln, b.accepts = ln, make(chan struct{})
	b.mu.Unlock()
	go b.accept(ln, b.accepts)
	return nil
}

// Down stops listening and closes every connection, so that the next one is refused.
func (b *Backend) Down() {
	b.mu.Lock()
	ln, accepts := b.ln, b.accepts
	b.ln = nil
	b.mu.Unlock()
	if ln != nil {
		ln.Close()
		<-accepts // the kernel's socket lives until then, and would take connections
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.open {
		c.Close()
	}
}

// Requests returns what has been received so far.
func (b *Backend) Requests() []Received {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}

// Open is the number of connections that are open now, Accepted that of all there ever were.
func (b *Backend) Open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open)
}

// Accepted is the number of connections there ever were.
func (b *Backend) Accepted() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.accepted
}

func (b *Backend) accept(ln net.Listener, ended chan<- struct{}) {
	defer close(ended)
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		c = Unscramble(c)
		b.mu.Lock()
		b.accepted++
		n := b.accepted
		secure := b.secure
		if secure != nil {
			c = tls.Server(c, secure)
		}
		b.open[c] = true
		b.mu.Unlock()
		go b.serve(&Exchange{Backend: b, Conn: c, number: n, r: bufio.NewReader(c)})
	}
}

// serve answers request after request until the kind has had enough or the other side closes.
func (b *Backend) serve(x *Exchange) {
	defer func() {
		b.mu.Lock()
		delete(b.open, x.Conn)
		b.mu.Unlock()
		x.Conn.Close()
	}()
	if c, ok := x.Conn.(*tls.Conn); ok {
		var err error
		if x.tls, err = x.shake(c); err != nil {
			return
		}
	}
	for {
		if err := x.read(); err != nil {
			return
		}
		b.mu.Lock()
		b.requests = append(b.requests, x.Request)
		b.mu.Unlock()
		if !b.kind.serve(x) {
			return
		}
	}
}

// Exchange is one request and its answer as a kind of back end sees them.
type Exchange struct {
	*Backend
	Conn    net.Conn
	Request Received
	number  int
	tls     string
	keep    bool // FastCGI: the connection goes on
	r       *bufio.Reader

	h2     *H2    // of a kind that speaks HTTP/2
	stream uint32 // of the request
	ended  bool   // its body has come
}

// read takes one request off the connection.
func (x *Exchange) read() error {
	x.Request = Received{TLS: x.tls, Conn: x.number}
	if read := reader(x.kind.Name); read != nil {
		return read(x)
	}
	for {
		line, err := x.r.ReadBytes('\n')
		x.Request.Head = append(x.Request.Head, line...)
		if err != nil {
			return err
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
	}
	if strings.EqualFold(x.Field("Expect"), "100-continue") {
		x.Write("HTTP/1.1 100 Continue\r\n\r\n")
	}
	return x.readBody()
}

func (x *Exchange) readBody() error {
	if strings.EqualFold(x.Field("Transfer-Encoding"), "chunked") {
		var a Answer // the framing is the same in both directions
		err := a.readChunks(x.r)
		x.Request.Body = a.Body
		return err
	}
	n, _ := strconv.ParseInt(x.Field("Content-Length"), 10, 64)
	body, err := io.ReadAll(io.LimitReader(x.r, n))
	x.Request.Body = body
	if err == nil && int64(len(body)) < n {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Field is the value of a request header, "" when it is not there.
func (x *Exchange) Field(name string) string {
	for line := range bytes.Lines(x.Request.Head) {
		n, v, ok := strings.Cut(string(line), ":")
		if ok && strings.EqualFold(n, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Line is the request line.
func (x *Exchange) Line() string {
	line, _, _ := strings.Cut(string(x.Request.Head), "\r\n")
	return line
}

// Write sends bytes; a peer that is gone is noticed by the next read.
func (x *Exchange) Write(text string) { _, _ = io.WriteString(x.Conn, text) }

// Answer sends a whole, well-formed answer and reports whether the connection lives on.
func (x *Exchange) Answer(status, body string, fields ...string) bool {
	keep := !strings.HasSuffix(x.Line(), "HTTP/1.0") && !strings.EqualFold(x.Field("Connection"), "close")
	if !keep {
		fields = append(fields, "Connection: close")
	}
	fields = append(fields, fmt.Sprintf("Content-Length: %d", len(body)))
	if strings.HasPrefix(x.Line(), "HEAD ") {
		body = ""
	}
	x.Write("HTTP/1.1 " + status + "\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n" + body)
	return keep
}
