package torture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// chance is that of one answer.
func (run *caches) chance() *rand.Rand {
	run.fetched.Add(1)
	return rand.New(rand.NewPCG(run.seed, uint64(run.rng.IntN(1<<40))))
}

// queried is the object that a query is of.
func (run *caches) queried(query string) (*object, error) {
	v, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	id, err := strconv.Atoi(v.Get("id"))
	if err != nil {
		return nil, err
	}
	return run.object(v.Get("place"), id), nil
}

// serve answers one request by HTTP.
func (run *caches) serve(conn net.Conn, r *bufio.Reader) (keep bool, err error) {
	line, fields, err := readFields(r)
	if err != nil {
		return false, nil
	}
	_, rest, _ := strings.Cut(line, "?")
	query, _, _ := strings.Cut(rest, " ")
	o, err := run.queried(query)
	if err != nil {
		return false, err
	}
	rng := run.chance()
	pause(rng, pick(rng, 0, 0, 3*time.Millisecond, 30*time.Millisecond))
	w := bufio.NewWriterSize(conn, pick(rng, 16, 4096, 200_000))
	defer func() { _ = w.Flush() }()
	switch {
	case sliced(o.place):
	case rng.IntN(30) == 0:
		_, _ = io.WriteString(w, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
		return true, nil
	case rng.IntN(60) == 0:
		return false, nil // nothing at all
	case o.isLast(fields["if-none-match"]) && rng.IntN(2) == 0:
		_, _ = io.WriteString(w, "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=1\r\nETag: "+fields["if-none-match"]+"\r\n\r\n")
		return true, nil
	}
	from, n, status := 0, o.size, "200 OK" // ranges of others are taken for nothing, as is allowed: what is not cached is asked for so
	var first, last int
	if k, _ := fmt.Sscanf(fields["range"], "bytes=%d-%d", &first, &last); k == 2 && sliced(o.place) {
		from = first
		if from >= o.size {
			_, _ = fmt.Fprintf(w, "HTTP/1.1 416 No\r\nContent-Range: bytes */%d\r\nContent-Length: 0\r\n\r\n", o.size)
			return true, nil
		}
		n, status = min(last+1, o.size)-from, "206 Partial Content"
	}
	variant := ""
	if strings.HasPrefix(o.place, "vary") {
		variant = fields["x-variant"]
	}
	version := o.next()
	head := "HTTP/1.1 " + status + "\r\n" + run.cacheFields(o, version, rng)
	if status[:3] == "206" {
		head += fmt.Sprintf("Content-Range: bytes %d-%d/%d\r\n", from, from+n-1, o.size)
	}
	framing := rng.IntN(3)
	if sliced(o.place) {
		framing = 0
	}
	switch framing {
	case 0:
		head += fmt.Sprintf("Content-Length: %d\r\n", n)
	case 1:
		head += "Transfer-Encoding: chunked\r\n"
	case 2:
		head += "Connection: close\r\n"
	}
	body := make([]byte, n)
	fill(body, o.key(version, variant), from)
	_, _ = io.WriteString(w, head+"\r\n")
	if strings.HasPrefix(line, "HEAD ") { // what is not cached is asked for so
		if o.place != "twice" {
			return false, fmt.Errorf("%s: the cache asks for the whole", line)
		}
		return false, nil
	}
	var out io.Writer = w
	if framing < 2 && !sliced(o.place) && n > 0 && rng.IntN(15) == 0 {
		o.die(version)
		out = &mortal{w: w, left: rng.IntN(n)}
	}
	err = sendFramed(out, body, rng, framing == 1) // its client may have gone
	return framing < 2 && err == nil, nil
}

// errDeath says that a mortal has died.
var errDeath = errors.New("death")

// A mortal takes so many bytes and no more.
type mortal struct {
	w    io.Writer
	left int
}

func (m *mortal) Write(p []byte) (int, error) {
	if len(p) <= m.left {
		m.left -= len(p)
		return m.w.Write(p)
	}
	n, _ := m.w.Write(p[:m.left])
	m.left = 0
	return n, errDeath
}

// cacheFields say of what version an answer is, and for how long it may be kept.
func (run *caches) cacheFields(o *object, version uint64, rng *rand.Rand) string {
	text := fmt.Sprintf("Content-Type: text/html\r\nX-Version: %d\r\nX-Pad: %s\r\n", version, strings.Repeat("x", rng.IntN(300)))
	if sliced(o.place) {
		return text + "ETag: \"always\"\r\nAccept-Ranges: bytes\r\n"
	}
	text += "ETag: " + o.tag(version) + "\r\nAccept-Ranges: bytes\r\n"
	if strings.HasPrefix(o.place, "vary") {
		text += "Vary: X-Variant\r\n"
	}
	return text + pick(rng, "", "", "Cache-Control: max-age=1\r\n", "X-Accel-Expires: 1\r\n", "Cache-Control: max-age=100\r\n", "Cache-Control: no-store\r\n",
		"Cache-Control: max-age=1, stale-while-revalidate=2, stale-if-error=3\r\n")
}

// serveFastCGI answers one request by FastCGI.
func (run *caches) serveFastCGI(conn net.Conn, r *bufio.Reader) (keep bool, err error) {
	a, err := readFastCGI(r)
	if err != nil {
		return false, nil
	}
	o, err := run.queried(a.query)
	if err != nil {
		return false, err
	}
	rng, version := run.chance(), o.next()
	body := make([]byte, o.size)
	fill(body, o.key(version, ""), 0)
	head := run.cacheFields(o, version, rng)
	if rng.IntN(2) == 0 {
		head += fmt.Sprintf("Content-Length: %d\r\n", o.size)
	}
	text := append([]byte(head+"\r\n"), body...)
	w := bufio.NewWriterSize(conn, pick(rng, 16, 4096, 100_000))
	defer func() { _ = w.Flush() }()
	dies := o.size > 0 && rng.IntN(15) == 0
	if dies {
		o.die(version)
		text = text[:len(text)-1-rng.IntN(o.size)]
	}
	for most := pick(rng, 900, 8192, 65535); len(text) > 0; {
		n := min(len(text), 1+rng.IntN(most))
		writeRecord(w, 6, text[:n], rng)
		if text = text[n:]; rng.IntN(20) == 0 {
			pause(rng, 2*time.Millisecond)
		}
	}
	if dies {
		return false, nil
	}
	writeRecord(w, 3, make([]byte, 8), rng)
	return a.keep, nil
}
