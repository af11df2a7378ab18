package weirtest

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Answers reads all answers to a stream: interim ones, and the final one. Frames of other streams are lost.
func (c *H2) Answers(stream uint32) (all []*Answer, err error) {
	var a *Answer
	for {
		f, err := c.Read()
		if err != nil {
			if a != nil {
				a.Cut = err
				return append(all, a), nil
			}
			return all, err
		}
		if f.Kind == H2GoAway && f.Code() != 0 {
			return all, fmt.Errorf("the server went away with code %d", f.Code())
		}
		if f.Stream != stream {
			continue
		}
		switch f.Kind {
		case H2Headers:
			fields, err := c.Fields(f)
			if err != nil {
				return all, err
			}
			if a != nil {
				a.Trailers = fields
				break
			}
			if a, err = h2Answer(fields); err != nil {
				return all, err
			}
			if a.Status < 200 {
				all, a = append(all, a), nil
			}
		case H2Data:
			if a == nil {
				return all, errors.New("DATA before HEADERS")
			}
			a.Body = append(a.Body, f.Payload...)
			if n := uint32(len(f.Payload)); n > 0 && c.Updates {
				_ = c.Window(0, n)
				if f.Flags&H2EndStream == 0 {
					_ = c.Window(stream, n)
				}
			}
		case H2Reset:
			err := fmt.Errorf("the stream was reset with code %d", f.Code())
			if a == nil {
				return all, err
			}
			a.Cut = err
			return append(all, a), nil
		}
		if a != nil && f.Flags&H2EndStream != 0 && (f.Kind == H2Headers || f.Kind == H2Data) {
			return append(all, a), nil
		}
	}
}

// h2Answer makes an answer of its head.
func h2Answer(fields []Header) (*Answer, error) {
	a := &Answer{Proto: "HTTP/2.0"}
	var b strings.Builder
	for _, h := range fields {
		if h.Name == ":status" {
			var err error
			if a.Status, err = strconv.Atoi(h.Value); err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "HTTP/2.0 %d \r\n", a.Status)
			continue
		}
		a.Headers = append(a.Headers, h)
		fmt.Fprintf(&b, "%s: %s\r\n", h.Name, h.Value)
	}
	if a.Status == 0 {
		return nil, errors.New("no :status")
	}
	a.Head = []byte(b.String() + "\r\n")
	return a, nil
}

// AskH2 sends one request on a connection of its own and reads the answers to it.
func AskH2(addr, from, method, authority, path string, body *string, fields ...Header) ([]*Answer, error) {
	c, err := Dial(addr, from)
	if err != nil {
		return nil, err
	}
	defer c.Conn.Close()
	return c.AskH2(method, authority, path, body, fields...)
}

// AskH2 speaks HTTP/2 on a connection on which nothing was said yet: one request, and the answers to it.
func (client *Client) AskH2(method, authority, path string, body *string, fields ...Header) ([]*Answer, error) {
	c, err := NewH2(client.Conn)
	if err != nil {
		return nil, err
	}
	id, err := c.Request(method, authority, path, body == nil, fields...)
	if err != nil {
		return nil, err
	}
	if body != nil {
		go func() { _ = c.Body(id, []byte(*body)) }()
	}
	return c.Answers(id)
}

// Part sends all of a part of a body, as Body does.
func (c *H2) Part(id uint32, part []byte) error {
	for len(part) > 0 {
		n := c.take(id, min(len(part), 8192))
		if n == 0 {
			return io.ErrClosedPipe
		}
		if err := c.Frame(H2Data, 0, id, part[:n]); err != nil {
			return err
		}
		part = part[n:]
	}
	return nil
}

// Body sends a body as the windows allow, which somebody else must be reading the updates of, and ends the stream.
func (c *H2) Body(id uint32, body []byte) error {
	for {
		n := c.take(id, min(len(body), 8192))
		flags := byte(0)
		switch {
		case n == len(body):
			flags = H2EndStream
		case n == 0:
			return io.ErrClosedPipe
		}
		if err := c.Frame(H2Data, flags, id, body[:n]); err != nil || flags != 0 {
			return err
		}
		body = body[n:]
	}
}
