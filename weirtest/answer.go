package weirtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Header is one header field, as it was sent.
type Header struct{ Name, Value string }

// Answer is one HTTP/1 message from a server, taken apart but not tidied: names keep their case and fields their order.
// An HTTP/0.9 answer has Status 0 and nothing but a Body.
type Answer struct {
	Head     []byte // status line and fields, with the blank line
	Proto    string
	Status   int
	Reason   string
	Headers  []Header
	Body     []byte // without chunk framing
	Chunked  bool
	Trailers []Header
	Cut      error // why the body is shorter than it was announced, or nil
	Untidy   bool  // a line of the head did not end in CR LF
}

// Get returns the values of a field in their order; names are compared without case.
func (a *Answer) Get(name string) []string {
	var values []string
	for _, h := range a.Headers {
		if strings.EqualFold(h.Name, name) {
			values = append(values, h.Value)
		}
	}
	return values
}

// String shows head and body, a long body cut.
func (a *Answer) String() string {
	body := a.Body
	more := ""
	if len(body) > 600 {
		body, more = body[:600], fmt.Sprintf("… (%d bytes)", len(a.Body))
	}
	text := string(a.Head) + string(body) + more
	if a.Cut != nil {
		text += "\n[" + a.Cut.Error() + "]"
	}
	return text
}

// ReadAnswer reads one message. method is that of the request, since an answer to HEAD has no body. An interim answer (1xx) is an answer of
// its own. io.EOF means that the server closed before the first byte; a body that ends early is reported in Answer.Cut, not as an error.
func ReadAnswer(r *bufio.Reader, method string) (*Answer, error) {
	if start, err := r.Peek(5); err != nil || string(start) != "HTTP/" {
		rest, err := io.ReadAll(r)
		if len(rest) == 0 {
			if err == nil {
				err = io.EOF
			}
			return nil, err
		}
		return &Answer{Body: rest}, nil
	}
	a := &Answer{}
	if err := a.readHead(r); err != nil {
		return nil, fmt.Errorf("in the answer's head %q: %w", a.Head, err)
	}
	if method != "HEAD" && a.Status >= 200 && a.Status != 204 && a.Status != 304 {
		a.Cut = a.readBody(r)
	}
	return a, nil
}

func (a *Answer) readHead(r *bufio.Reader) error {
	for first := true; ; first = false {
		line, err := a.line(r)
		switch {
		case err != nil:
			return err
		case first:
			proto, rest, _ := strings.Cut(line, " ")
			code, reason, _ := strings.Cut(rest, " ")
			a.Proto, a.Reason = proto, reason
			if a.Status, err = strconv.Atoi(code); err != nil || len(code) != 3 {
				return fmt.Errorf("bad status line %q", line)
			}
		case line == "":
			return nil
		default:
			h, err := parseHeader(line)
			if err != nil {
				return err
			}
			a.Headers = append(a.Headers, h)
		}
	}
}

// line takes one line of the head and keeps its bytes.
func (a *Answer) line(r *bufio.Reader) (string, error) {
	b, err := r.ReadBytes('\n')
	a.Head = append(a.Head, b...)
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return "", err
	}
	text, ok := bytes.CutSuffix(b, []byte("\r\n"))
	if !ok {
		a.Untidy = true
		text = b[:len(b)-1]
	}
	return string(text), nil
}

func parseHeader(line string) (Header, error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" {
		return Header{}, fmt.Errorf("bad header line %q", line)
	}
	return Header{name, strings.TrimSpace(value)}, nil
}

func (a *Answer) readBody(r *bufio.Reader) error {
	if te := a.Get("Transfer-Encoding"); len(te) > 0 {
		a.Chunked = true
		return a.readChunks(r)
	}
	var err error
	cl := a.Get("Content-Length")
	if len(cl) == 0 {
		a.Body, err = io.ReadAll(r)
		return err
	}
	n, err := strconv.ParseInt(cl[0], 10, 64)
	if err != nil || len(cl) > 1 {
		return fmt.Errorf("bad Content-Length %q", cl)
	}
	a.Body, err = io.ReadAll(io.LimitReader(r, n))
	if err == nil && int64(len(a.Body)) < n {
		err = fmt.Errorf("the body ends after %d of %d bytes", len(a.Body), n)
	}
	return err
}

func (a *Answer) readChunks(r *bufio.Reader) error {
	for {
		size, err := chunkSize(r)
		if err != nil {
			return err
		}
		if size == 0 {
			return a.readTrailers(r)
		}
		part := make([]byte, size+2)
		n, err := io.ReadFull(r, part)
		a.Body = append(a.Body, part[:min(n, int(size))]...)
		if err != nil {
			return fmt.Errorf("inside a chunk: %w", err)
		}
		if !bytes.HasSuffix(part, []byte("\r\n")) {
			return errors.New("no CR LF after a chunk")
		}
	}
}

func chunkSize(r *bufio.Reader) (int64, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("no last chunk: %w", err)
	}
	hex, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ";")
	return strconv.ParseInt(strings.TrimSpace(hex), 16, 32)
}

func (a *Answer) readTrailers(r *bufio.Reader) error {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("in the trailers: %w", err)
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return nil
		}
		h, err := parseHeader(line)
		if err != nil {
			return err
		}
		a.Trailers = append(a.Trailers, h)
	}
}
