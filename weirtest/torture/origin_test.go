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

	"weir/weirtest"
)

// origin is the peer of TestBodies: it checks what it is sent, and answers in a framing and at a pace of its own choice.
func (run *bodies) origin(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			r := bufio.NewReader(conn)
			for {
				_ = conn.SetDeadline(time.Now().Add(6 * weirtest.Patience()))
				keep, err := run.serve(conn, r)
				if err != nil {
					run.fail("the origin: %v", err)
				}
				if !keep || err != nil {
					return
				}
			}
		}()
	}
}

// serve answers one request. Errors are what the server has done wrong: a connection that ends is none, since clients may leave.
func (run *bodies) serve(conn net.Conn, r *bufio.Reader) (keep bool, err error) {
	line, fields, err := readFields(r)
	if err != nil {
		return false, nil
	}
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
	return run.answer(conn, rng, id, size, version != "1.1" || fields["connection"] == "close")
}

// answer sends the body in one of three framings.
func (run *bodies) answer(conn net.Conn, rng *rand.Rand, id uint64, size int, closes bool) (keep bool, err error) {
	if c, ok := conn.(*net.TCPConn); ok && rng.IntN(3) == 0 {
		_ = c.SetWriteBuffer(pick(rng, 4<<10, 64<<10))
	}
	body := make([]byte, size)
	fill(body, id, 0)
	keep = !closes
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Pad: " + strings.Repeat("x", rng.IntN(300)) + "\r\n"
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

// readHead reads a status line and fields, whose names are in small letters.
func readHead(r *bufio.Reader) (status int, fields map[string]string, err error) {
	line, fields, err := readFields(r)
	if err != nil {
		return 0, nil, err
	}
	if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &status); err != nil {
		return 0, nil, fmt.Errorf("%.200q: %w", line, err)
	}
	return status, fields, nil
}

// readFields reads the first line of a head and its fields.
func readFields(r *bufio.Reader) (line string, fields map[string]string, err error) {
	fields = map[string]string{}
	for first := true; ; first = false {
		text, err := r.ReadString('\n')
		if err != nil {
			if err == io.EOF && text+line != "" {
				err = io.ErrUnexpectedEOF
			}
			return line, fields, err
		}
		text = strings.TrimRight(text, "\r\n")
		switch name, value, _ := strings.Cut(text, ":"); {
		case first:
			line = text
		case text == "":
			return line, fields, nil
		default:
			fields[strings.ToLower(name)] = strings.TrimSpace(value)
		}
	}
}

// bodyOf is the body behind a head, without its framing. One that ends early gives io.ErrUnexpectedEOF, where that can be seen.
func bodyOf(r io.Reader, fields map[string]string) io.Reader {
	if fields["transfer-encoding"] == "chunked" {
		return &chunkReader{r: r}
	}
	if text := fields["content-length"]; text != "" {
		n, _ := strconv.ParseInt(text, 10, 64)
		return &countReader{r: r, left: n}
	}
	return r
}

type countReader struct {
	r    io.Reader
	left int64
}

func (c *countReader) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err == io.EOF && c.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if c.left == 0 {
		err = nil
	}
	return n, err
}

// chunkReader takes chunks apart, and believes nothing.
type chunkReader struct {
	r    io.Reader
	left int64
	more bool // a chunk has come
}

func (c *chunkReader) Read(p []byte) (int, error) {
	if c.left == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	if c.left -= int64(n); err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next reads the line of a chunk, after the end of the one before.
func (c *chunkReader) next() error {
	if c.more {
		if line, err := c.line(); err != nil || line != "" {
			return fmt.Errorf("%q behind a chunk: %w", line, errors.Join(err, io.ErrUnexpectedEOF))
		}
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	if c.left, err = strconv.ParseInt(line, 16, 64); err != nil {
		return err
	}
	if c.more = true; c.left > 0 {
		return nil
	}
	c.more = false
	if line, err := c.line(); err != nil || line != "" {
		return fmt.Errorf("%q behind the last chunk: %w", line, errors.Join(err, io.ErrUnexpectedEOF))
	}
	return io.EOF
}

func (c *chunkReader) line() (string, error) {
	var line []byte
	var b [1]byte
	for len(line) < 100 {
		n, err := c.r.Read(b[:])
		if n == 0 && err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return string(line), err
		}
		if n == 1 && b[0] == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, b[:n]...)
	}
	return string(line), errors.New("a long line")
}
