package torture

import (
	"bufio"
	"bytes"
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

// serve answers one request. Errors are what the server has done wrong: a connection that ends is none, since clients may leave.
func (run *bodies) serve(conn net.Conn, r *bufio.Reader) (keep bool, err error) {
	line, fields, err := readFields(r)
	if err != nil {
		return false, nil
	}
	return run.respond(conn, r, line, fields, "")
}

// respond does so when the head was read. more are fields of the answer.
func (run *bodies) respond(conn net.Conn, r *bufio.Reader, line string, fields map[string]string, more string) (keep bool, err error) {
	_, rest, _ := strings.Cut(line, "?")
	query, version, _ := strings.Cut(rest, " HTTP/")
	v, err := url.ParseQuery(query)
	if err != nil {
		return false, err
	}
	id, _ := strconv.ParseUint(v.Get("id"), 10, 64)
	seed, _ := strconv.ParseUint(v.Get("seed"), 10, 64)
	size, _ := strconv.Atoi(v.Get("size"))
	upload, _ := strconv.Atoi(v.Get("upload"))
	rng := rand.New(rand.NewPCG(seed, 4))
	if upload >= 0 {
		pause(rng, pick(rng, 0, 0, 3*time.Millisecond))
		got, err := io.ReadAll(bodyOf(r, fields))
		if err != nil {
			return false, nil
		}
		want := make([]byte, upload)
		if fill(want, id+1, 0); !bytes.Equal(got, want) {
			return false, fmt.Errorf("%q: another upload came, of %d bytes", line, len(got))
		}
	}
	return run.answer(conn, rng, id, size, version != "1.1" || fields["connection"] == "close", more)
}

// answer sends the body in one of three framings.
func (run *bodies) answer(conn net.Conn, rng *rand.Rand, id uint64, size int, closes bool, more string) (keep bool, err error) {
	if c, ok := conn.(*net.TCPConn); ok && rng.IntN(3) == 0 {
		_ = c.SetWriteBuffer(pick(rng, 4<<10, 64<<10))
	}
	body := make([]byte, size)
	fill(body, id, 0)
	keep = !closes
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Pad: " + strings.Repeat("x", rng.IntN(300)) + "\r\n" + more
	framing := rng.IntN(3)
	if closes && framing == 1 {
		framing = 2 // HTTP/1.0 knows no chunks
	}
	switch framing {
	case 0:
		head += fmt.Sprintf("Content-Length: %d\r\n", size)
	case 1:
		head += "Transfer-Encoding: chunked\r\n"
	case 2:
		keep = false
	}
	w := bufio.NewWriterSize(conn, 400_000)
	if _, err := w.WriteString(head + "\r\n"); err != nil {
		return false, nil
	}
	var out io.Writer = flusher{w} // the head goes out with the first of the body
	if rng.IntN(2) == 0 {
		if w.Flush() != nil {
			return false, nil
		}
		out = conn
	}
	if sendFramed(out, body, rng, framing == 1) != nil || w.Flush() != nil {
		return false, nil
	}
	return keep, nil
}

// flusher sends what it is given together with what was held back.
type flusher struct{ w *bufio.Writer }

func (f flusher) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	return n, errors.Join(err, f.w.Flush())
}
