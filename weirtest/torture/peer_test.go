package torture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"weir/weirtest"
)

// peers serves on ln what TestMarks asks for.
func (run *marks) peers(ln net.Listener, seed, number uint64) {
	for n := number << 32; ; n++ {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		p := &peer{run: run, conn: c.(*net.TCPConn), rng: rand.New(rand.NewPCG(seed, n))}
		p.w = &watcher{r: p.conn, report: p.report}
		p.r = bufio.NewReaderSize(p.w, 16) // nothing is read ahead: a mark belongs to the request that is being read
		go p.serve()
	}
}

// A peer is one connection that the server has made.
type peer struct {
	run  *marks
	rng  *rand.Rand
	conn *net.TCPConn
	r    *bufio.Reader
	w    *watcher

	line   string
	fields map[string]string
	mark   string
}

func (p *peer) report(m string) {
	if p.w.client != 0 { // the mark of a new request is read before it is known whose it is
		p.run.fail("%s came with %q of %s", m, p.line, p.mark)
	}
}

// serve answers requests until the connection has had its day.
func (p *peer) serve() {
	defer func() { _ = p.conn.Close() }()
	for {
		_ = p.conn.SetDeadline(time.Now().Add(4 * weirtest.Patience()))
		p.w.client, p.w.tail = 0, nil
		var err error
		if p.line, p.fields, err = readFields(p.r); err != nil {
			return
		}
		p.mark = p.fields["x-mark"]
		var number int
		if _, err := fmt.Sscanf(p.mark, "[c%d.r%d]", &p.w.client, &number); err != nil {
			p.run.fail("a request without a mark: %q, %v", p.line, p.fields)
			return
		}
		if !p.answer() {
			return
		}
	}
}

// how is what the client wants to be done.
func (p *peer) how() string {
	_, rest, _ := strings.Cut(p.line, "how=")
	how, _, _ := strings.Cut(rest, "&")
	return how
}

// upload reads the body of the request.
func (p *peer) upload() error {
	if p.fields["content-length"] == "" && p.fields["transfer-encoding"] == "" {
		return nil
	}
	_, err := io.Copy(io.Discard, bodyOf(p.r, p.fields))
	return err
}

func (p *peer) write(text string) bool {
	_, err := io.WriteString(p.conn, text)
	return err == nil
}

func (p *peer) toHead() bool { return strings.HasPrefix(p.line, "HEAD ") }

// whole is a well-formed answer.
func (p *peer) whole(status string, fields ...string) string {
	head := "HTTP/1.1 " + status + "\r\nX-Mark: " + p.mark + "\r\n" + strings.Join(fields, "")
	body := strings.Repeat(p.mark, pick(p.rng, 0, 1, 20, 20, 500, 6000))
	switch {
	case p.toHead():
		return head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body))
	case p.rng.IntN(2) == 0 && len(body) > 0:
		cut := p.rng.IntN(len(body)-1) + 1
		return head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", cut, body[:cut], len(body)-cut, body[cut:])
	}
	return head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

// small is a short answer, which arrives in one piece with what follows it.
func (p *peer) small(status string) string {
	body := p.mark
	if p.toHead() {
		body = ""
	}
	return fmt.Sprintf("HTTP/1.1 %s\r\nX-Mark: %s\r\nContent-Length: %d\r\n\r\n%s", status, p.mark, len(p.mark), body)
}

// answer does with a request what it asks for. It reports whether the connection goes on.
func (p *peer) answer() bool {
	how := p.how()
	if how == "early" {
		return p.early()
	}
	if p.upload() != nil {
		return false
	}
	switch how {
	case "closes": // it promises to stay
		p.write(p.whole("200 OK"))
		pause(p.rng, 2*time.Millisecond)
		return false
	case "reset", "cut":
		text := p.whole("200 OK")
		p.write(text[:p.rng.IntN(len(text))])
		if how == "reset" {
			_ = p.conn.SetLinger(0)
		}
		return false
	case "extra":
		return p.write(p.small("200 OK") + pick(p.rng, p.small("200 OK"), p.mark, "\r\n", "HTTP/1.1 100 Continue\r\n\r\n"))
	case "interim":
		text := ""
		for range 1 + p.rng.IntN(3) {
			status := pick(p.rng, "100 Continue", "102 Processing", "103 Early Hints")
			text += "HTTP/1.1 " + status + "\r\nX-Mark: " + p.mark + "\r\n" + pick(p.rng, "", "Content-Length: 5\r\n") + "\r\n"
			if p.rng.IntN(2) == 0 {
				p.write(text)
				text = ""
			}
		}
		return p.write(text + p.whole("200 OK"))
	case "flood":
		return p.write(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 2000) + p.small("200 OK"))
	case "switch":
		return p.tunnel()
	case "204", "304":
		extra := pick(p.rng, "", "", p.mark, p.small("200 OK"))
		return p.write("HTTP/1.1 " + how + " Status\r\nX-Mark: " + p.mark + "\r\n" + pick(p.rng, "", fmt.Sprintf("Content-Length: %d\r\n", len(p.mark))) + "\r\n" + extra)
	case "old":
		return p.write(strings.Replace(p.small("200 OK"), "HTTP/1.1", "HTTP/1.0", 1)) && p.rng.IntN(2) == 0
	case "500", "404":
		return p.write(p.whole(how + " Status"))
	case "accel":
		return p.write(p.whole("200 OK", "X-Accel-Redirect: /fallback\r\n"))
	case "nohead":
		p.write("SSH-2.0-" + p.mark + "\r\n")
		pause(p.rng, 2*time.Millisecond)
		return false
	case "badchunk":
		p.write("HTTP/1.1 200 OK\r\nX-Mark: " + p.mark + "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + p.mark + p.mark)
		return true
	case "late":
		pause(p.rng, 10*time.Millisecond)
		return p.write(p.whole("200 OK"))
	case "lie": // a HEAD or a 304 with a body
		return p.write(fmt.Sprintf("HTTP/1.1 %s\r\nX-Mark: %s\r\nContent-Length: %d\r\n\r\n%s", pick(p.rng, "200 OK", "304 Not Modified"), p.mark, len(p.mark), p.mark))
	}
	return p.write(p.whole("200 OK"))
}

// early answers before it has read the body.
func (p *peer) early() bool {
	if !p.write(p.whole("200 OK")) {
		return false
	}
	switch p.rng.IntN(3) {
	case 0:
		return p.upload() == nil
	case 1:
		pause(p.rng, 3*time.Millisecond)
	}
	return false
}

// tunnel switches protocols, whether it was asked to or not, and from there on says marks and wants to hear only those of one client.
func (p *peer) tunnel() bool {
	if !p.write("HTTP/1.1 101 Switching Protocols\r\nX-Mark: " + p.mark + "\r\nUpgrade: marks\r\nConnection: upgrade\r\n\r\n" + pick(p.rng, "", p.mark)) {
		return false
	}
	_ = p.conn.SetDeadline(time.Now().Add(weirtest.Patience() / 20)) // a client may have nothing to say
	buf := make([]byte, 2000)
	for range 2 + p.rng.IntN(8) {
		n, err := p.r.Read(buf)
		if strings.Contains(string(buf[:n]), " HTTP/1.") {
			p.run.fail("a request was written into the tunnel of %s: %q", p.mark, buf[:n])
		}
		if err != nil {
			return false
		}
		if _, err := p.conn.Write([]byte(strings.Repeat(p.mark, 1+p.rng.IntN(20)))); errors.Is(err, net.ErrClosed) {
			return false
		}
	}
	return false
}
