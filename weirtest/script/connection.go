package script

import (
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"weir/weirtest"
)

func (r *run) client(name string) *weirtest.Client {
	c := r.clients[name]
	if c == nil {
		r.fail("no connection is called %q", name)
	}
	return c
}

func runOpen(r *run, args []string) {
	addr, from, secure := r.names["ADDR"], "", false
	for rest := args[1:]; len(rest) > 0; rest = rest[1:] {
		if rest[0] == "-tls" {
			secure = true
			continue
		}
		if rest[0] == "-from" && len(rest) > 1 {
			rest = rest[1:]
			from = rest[0]
			continue
		}
		addr = rest[0]
	}
	c := r.dial(ask{addr: addr, from: from, tls: secure})
	if c == nil {
		r.fail("the server refuses the handshake")
	}
	if old := r.clients[args[0]]; old != nil {
		old.Close()
	}
	r.clients[args[0]] = c
}

func runSend(r *run, args []string) {
	c := r.client(args[0])
	if args[1] == "-frame" {
		r.must(c.Send(string(weirtest.Frame(1, []byte(strings.Join(args[2:], " ")), true))))
		return
	}
	r.must(c.Send(weirtest.Unescape(strings.Join(args[1:], ""))))
}

func runAnswer(r *run, args []string) {
	n := 1
	if len(args) > 1 {
		var err error
		n, err = strconv.Atoi(args[1])
		r.must(err)
	}
	c := r.client(args[0])
	r.answers = nil
	begin := time.Now()
	for range n {
		a, err := c.Answer()
		if errors.Is(err, io.EOF) {
			r.fail("the server closed after %d answers", len(r.answers))
		}
		r.must(err)
		r.ts.Logf("%s", a)
		r.answers = append(r.answers, a)
	}
	r.took = time.Since(begin)
}

func runRead(r *run, args []string) {
	re, err := regexp.Compile(args[1])
	r.must(err)
	got, err := r.client(args[0]).Until(re)
	r.must(err)
	r.ts.Logf("%q", got)
}

func runClosed(r *run, args []string) {
	c := r.client(args[0])
	if r.neg {
		// Silence has no signal; a short wait is all there is.
		r.must(c.Conn.SetReadDeadline(time.Now().Add(150 * time.Millisecond)))
		var b [1]byte
		n, err := c.Conn.Read(b[:])
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			r.fail("wanted an open, silent connection; read %d bytes, %v", n, err)
		}
		return
	}
	rest, err := c.Closed()
	r.must(err)
	if rest != "" {
		r.fail("before it closed the server sent %q", rest)
	}
}

func runShut(r *run, args []string) {
	c := r.client(args[len(args)-1])
	if tcp, ok := c.Conn.(*net.TCPConn); ok && args[0] == "-reset" {
		r.must(tcp.SetLinger(0))
	}
	r.must(c.Close())
}
