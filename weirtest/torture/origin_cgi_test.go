package torture

import (
	"bufio"
	"bytes"
	"encoding/binary"
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

// A cgiAsk is a request as an origin that speaks FastCGI or SCGI has received it.
type cgiAsk struct {
	query string
	body  []byte
	keep  bool
}

// check holds the upload against what was meant, and returns what the answer is to be.
func (a *cgiAsk) check() (id uint64, size int, rng *rand.Rand, err error) {
	v, err := url.ParseQuery(a.query)
	if err != nil {
		return 0, 0, nil, err
	}
	id, _ = strconv.ParseUint(v.Get("id"), 10, 64)
	seed, _ := strconv.ParseUint(v.Get("seed"), 10, 64)
	size, _ = strconv.Atoi(v.Get("size"))
	upload, _ := strconv.Atoi(v.Get("upload"))
	want := make([]byte, max(upload, 0))
	if fill(want, id+1, 0); !bytes.Equal(a.body, want) {
		return 0, 0, nil, fmt.Errorf("%q: another upload came, of %d bytes", a.query, len(a.body))
	}
	return id, size, rand.New(rand.NewPCG(seed, 5)), nil
}

// cgiHead is the head of an answer, with a length or without.
func cgiHead(rng *rand.Rand, size int) string {
	head := "Content-Type: text/html\r\nX-Pad: " + strings.Repeat("x", rng.IntN(300)) + "\r\n"
	if rng.IntN(2) == 0 {
		head += fmt.Sprintf("Content-Length: %d\r\n", size)
	}
	return head + "\r\n"
}

// serveFastCGI answers in records of all sizes, with padding and with errors between them.
func (run *bodies) serveFastCGI(conn net.Conn, r *bufio.Reader) (keep bool, err error) {
	a, err := readFastCGI(r)
	if err != nil {
		return false, nil // the server has gone, with a client that left
	}
	id, size, rng, err := a.check()
	if err != nil {
		return false, err
	}
	body := make([]byte, size)
	fill(body, id, 0)
	text := append([]byte(cgiHead(rng, size)), body...)
	w := bufio.NewWriterSize(conn, pick(rng, 16, 4096, 100_000))
	most := pick(rng, 7, 900, 8192, 65535)
	if size > 20_000 {
		most = max(most, 900)
	}
	for len(text) > 0 {
		if rng.IntN(30) == 0 {
			writeRecord(w, 7, bytes.Repeat([]byte("e"), rng.IntN(40)), rng)
		}
		n := min(len(text), 1+rng.IntN(most))
		writeRecord(w, 6, text[:n], rng)
		text = text[n:]
		if rng.IntN(50) == 0 {
			_ = w.Flush()
			pause(rng, pick(rng, 0, time.Millisecond))
		}
	}
	if rng.IntN(2) == 0 {
		writeRecord(w, 6, nil, rng)
	}
	writeRecord(w, 3, make([]byte, 8), rng)
	return a.keep, ignore(w.Flush())
}

// ignore drops an error of a connection whose other side has gone.
func ignore(error) error { return nil }

func writeRecord(w io.Writer, kind byte, content []byte, rng *rand.Rand) {
	pad := pick(rng, 0, -len(content)&7, rng.IntN(256))
	head := []byte{1, kind, 0, 1, byte(len(content) >> 8), byte(len(content)), byte(pad), 0}
	_, _ = w.Write(head)
	_, _ = w.Write(content)
	_, _ = w.Write(make([]byte, pad))
}

// readFastCGI reads one request.
func readFastCGI(r *bufio.Reader) (a cgiAsk, err error) {
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return a, err
		}
		content := make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
		if _, err := io.ReadFull(r, content); err != nil {
			return a, err
		}
		content = content[:len(content)-int(head[6])]
		switch head[1] {
		case 1:
			a.keep = content[2] == 1
		case 4:
			if _, rest, ok := bytes.Cut(content, []byte("QUERY_STRING")); ok { // it is the first
				a.query = string(rest[:content[1]])
			}
		case 5:
			if len(content) == 0 {
				return a, nil
			}
			a.body = append(a.body, content...)
		}
	}
}

// serveSCGI answers with a head and a body, and closes.
func (run *bodies) serveSCGI(conn net.Conn, r *bufio.Reader) (keep bool, err error) {
	digits, err := r.ReadString(':')
	if err != nil {
		return false, nil
	}
	n, err := strconv.Atoi(strings.TrimSuffix(digits, ":"))
	if err != nil {
		return false, err
	}
	head := make([]byte, n+1)
	if _, err := io.ReadFull(r, head); err != nil {
		return false, nil
	}
	parts := strings.Split(string(head[:n]), "\x00")
	length, _ := strconv.Atoi(parts[1])
	a := cgiAsk{query: parts[3], body: make([]byte, length)}
	if _, err := io.ReadFull(r, a.body); err != nil {
		return false, nil
	}
	id, size, rng, err := a.check()
	if err != nil {
		return false, err
	}
	body := make([]byte, size)
	fill(body, id, 0)
	w := bufio.NewWriterSize(conn, pick(rng, 16, 4096, 400_000))
	_, _ = w.WriteString(cgiHead(rng, size))
	return false, ignore(errors.Join(sendFramed(w, body, rng, false), w.Flush()))
}
