package torture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// fill writes the text of a body from an offset on: it follows from the key, is of printable letters, and shows each byte that is lost,
// doubled or moved.
func fill(p []byte, key uint64, off int) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,"
	for i := range p {
		at := uint64(off + i)
		x := (at>>3 + 1) * (key*2 + 0x9e3779b97f4a7c15)
		x ^= x >> 29
		x *= 0xbf58476d1ce4e5b9
		p[i] = letters[(x>>(8*(at&7)))&63]
	}
}

// size is that of a body: small, near a border of some buffer, or large.
func size(rng *rand.Rand, most int) int {
	borders := []int{0, 1, 512, 1 << 10, 4 << 10, 8 << 10, 16 << 10, 32 << 10, 36 << 10, 40 << 10, 64 << 10, 68 << 10, 72 << 10, 96 << 10, 128 << 10, 200 << 10}
	n := pick(rng, borders...) + rng.IntN(7) - 3
	switch rng.IntN(4) {
	case 0:
		n -= rng.IntN(400) // the head shares the first buffer
	case 1:
		n = rng.IntN(most)
	}
	return max(0, min(n, most))
}

// sendFramed writes a body, in chunks or not, in bursts and pauses.
func sendFramed(w io.Writer, body []byte, rng *rand.Rand, chunked bool) error {
	mood := rng.IntN(4)
	stream := body
	if chunked {
		stream = nil
		most := 1 << rng.IntN(17)
		for rest := body; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN(most))
			stream = fmt.Appendf(stream, "%x\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		stream = append(stream, "0\r\n\r\n"...)
	}
	for len(stream) > 0 {
		n := len(stream)
		switch mood {
		case 1:
			n = min(n, 1+rng.IntN(40_000))
		case 2:
			n = min(n, 1+rng.IntN(5000))
		}
		if _, err := w.Write(stream[:n]); err != nil {
			return err
		}
		stream = stream[n:]
		if mood > 0 && rng.IntN(4) == 0 {
			pause(rng, 4*time.Millisecond)
		}
	}
	return nil
}

// slowReader reads as a client does that has something else to do.
type slowReader struct {
	r    *bufio.Reader
	rng  *rand.Rand
	mood int
}

func (s *slowReader) part(buf []byte) []byte {
	switch s.mood {
	case 1:
		return buf[:1+s.rng.IntN(3000)]
	case 2:
		return buf[:1+s.rng.IntN(len(buf))]
	}
	return buf
}

func (s *slowReader) Read(p []byte) (int, error) {
	switch {
	case s.mood == 1 && s.rng.IntN(30) == 0, s.mood == 2 && s.rng.IntN(6) == 0:
		pause(s.rng, 3*time.Millisecond)
	case s.mood == 3 && s.rng.IntN(20) == 0:
		pause(s.rng, 40*time.Millisecond)
	}
	return s.r.Read(p)
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
