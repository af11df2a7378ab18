package weirtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Client is one connection to a server, on which the exact bytes are sent and seen.
type Client struct {
	Conn    net.Conn
	r       *bufio.Reader
	methods []string // of the requests sent and not yet answered
}

// Dial opens a connection to addr, which is host:port or unix:path. from, if not empty, is the loopback address to come from.
func Dial(addr, from string) (*Client, error) {
	d := net.Dialer{Timeout: Patience()}
	network := "tcp"
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
	} else if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := d.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	c = scrambleClient(c)
	return &Client{Conn: c, r: bufio.NewReader(c)}, nil
}

// Close closes the connection.
func (c *Client) Close() error { return c.Conn.Close() }

var requestLineRE = regexp.MustCompile(`(?m)([-A-Z]+) \S+ HTTP/1\.[01]\r?$`)

// Send writes bytes as they are. Request lines in them are noticed, so that an answer to HEAD is read as one.
func (c *Client) Send(text string) error {
	for _, m := range requestLineRE.FindAllStringSubmatch(text, -1) {
		c.methods = append(c.methods, m[1])
	}
	if err := c.Conn.SetWriteDeadline(time.Now().Add(Patience())); err != nil {
		return err
	}
	_, err := io.WriteString(c.Conn, text)
	return err
}

// Answer reads the next answer, interim ones too. io.EOF: the server closed the connection.
func (c *Client) Answer() (*Answer, error) {
	if err := c.Conn.SetReadDeadline(time.Now().Add(Patience())); err != nil {
		return nil, err
	}
	method := ""
	if len(c.methods) > 0 {
		method = c.methods[0]
	}
	a, err := ReadAnswer(c.r, method)
	if err == nil && (a.Status >= 200 || a.Status == 101) && len(c.methods) > 0 {
		c.methods = slices.Delete(c.methods, 0, 1)
	}
	return a, err
}

// Until reads until what has come matches re, and returns it.
func (c *Client) Until(re *regexp.Regexp) (string, error) {
	if err := c.Conn.SetReadDeadline(time.Now().Add(Patience())); err != nil {
		return "", err
	}
	var got bytes.Buffer
	for {
		b, err := c.r.ReadByte()
		if err != nil {
			return got.String(), fmt.Errorf("%w after %q", err, got.String())
		}
		got.WriteByte(b)
		// A match can grow; stop at the first that stands when everything that has arrived is taken.
		if c.r.Buffered() == 0 && re.Match(got.Bytes()) {
			return got.String(), nil
		}
	}
}

// Closed waits for the server to close and returns what it sent before. A reset counts as closing.
func (c *Client) Closed() (string, error) {
	if err := c.Conn.SetReadDeadline(time.Now().Add(Patience())); err != nil {
		return "", err
	}
	rest, err := io.ReadAll(c.r)
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		err = nil
	}
	return string(rest), err
}

// Ask sends the text on a connection of its own and reads the answers until the server closes or every request line in the text has its
// final answer.
func Ask(addr, text string) ([]*Answer, error) {
	c, err := Dial(addr, "")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Send(text); err != nil {
		return nil, err
	}
	return c.Answers()
}

// Answers reads until every request that was sent has its final answer, or the server closes. When the bytes sent hold no whole request
// line (an attack, or HTTP/0.9) it reads until the server closes.
func (c *Client) Answers() ([]*Answer, error) {
	counted := len(c.methods) > 0
	var got []*Answer
	for !counted || len(c.methods) > 0 {
		a, err := c.Answer()
		if err == io.EOF || errors.Is(err, syscall.ECONNRESET) {
			break
		}
		if err != nil {
			return got, err
		}
		got = append(got, a)
		if a.Status == 101 || a.Cut != nil {
			break
		}
	}
	return got, nil
}
