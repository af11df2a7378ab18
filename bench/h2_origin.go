package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"

	"golang.org/x/net/http2/hpack"

	"weir/weirtest"
)

// startH2Origin answers over HTTP/2 in the clear: to GET as the other origin does, to POST as a unary call of gRPC that echoes its message.
func startH2Origin(addr string) (stop func(), err error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	var block bytes.Buffer
	fields := func(all ...string) []byte {
		block.Reset()
		enc := hpack.NewEncoder(&block)
		enc.SetMaxDynamicTableSize(0)
		for i := 0; i < len(all); i += 2 {
			_ = enc.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1], Sensitive: true}) // for no table: blocks are used again
		}
		return bytes.Clone(block.Bytes())
	}
	body := weirtest.Pattern("1024")
	o := &h2Origin{
		body: body,
		page: fields(":status", "200", "content-type", "application/octet-stream", "content-length", strconv.Itoa(len(body))),
		call: fields(":status", "200", "content-type", "application/grpc"), ok: fields("grpc-status", "0"),
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go o.serve(c)
		}
	}()
	return func() { ln.Close() }, nil
}

// h2Origin is what it answers: blocks of fields, and a body.
type h2Origin struct{ page, call, ok, body []byte }

// h2Conn is one of its connections. Whoever asks must leave streams a window for one answer.
type h2Conn struct {
	*h2Origin
	out     []byte
	decoder *hpack.Decoder
	method  string
	streams map[uint32]*h2Call
	waiting []*h2Call // for the window
	window  int
}

type h2Call struct {
	id      uint32
	get     bool
	message []byte
}

func (o *h2Origin) serve(conn net.Conn) {
	defer conn.Close()
	c := &h2Conn{h2Origin: o, streams: map[uint32]*h2Call{}, window: 65535}
	c.decoder = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == ":method" {
			c.method = f.Value
		}
	})
	r := bufio.NewReaderSize(conn, 64<<10)
	if _, err := r.Discard(len(weirtest.H2Preface)); err != nil {
		return
	}
	c.frame(weirtest.H2Settings, 0, 0, []byte{0, 3, 0, 0, 3, 0xe8}) // 1,000 streams
	c.frame(weirtest.H2Window, 0, 0, binary.BigEndian.AppendUint32(nil, 1<<30))
	var head [9]byte
	payload := make([]byte, 16<<10)
	for {
		if r.Buffered() == 0 {
			if _, err := conn.Write(c.out); err != nil {
				return
			}
			c.out = c.out[:0]
		}
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		n := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		if n > len(payload) {
			return
		}
		if _, err := io.ReadFull(r, payload[:n]); err != nil {
			return
		}
		if err := c.take(head[3], head[4], binary.BigEndian.Uint32(head[5:]), payload[:n]); err != nil {
			return
		}
	}
}

func (c *h2Conn) frame(kind, flags byte, id uint32, payload []byte) {
	c.out = weirtest.AppendH2Frame(c.out, kind, flags, id, payload)
}

// take takes a frame.
func (c *h2Conn) take(kind, flags byte, id uint32, p []byte) error {
	switch kind {
	case weirtest.H2Headers:
		if flags&weirtest.H2EndHeaders == 0 || flags&(weirtest.H2Padded|0x20) != 0 {
			return fmt.Errorf("such HEADERS are not understood")
		}
		if _, err := c.decoder.Write(p); err != nil {
			return err
		}
		if err := c.decoder.Close(); err != nil {
			return err
		}
		c.streams[id] = &h2Call{id: id, get: c.method == "GET"}
	case weirtest.H2Data:
		if s := c.streams[id]; s != nil {
			s.message = append(s.message, p...)
			if len(p) > 0 {
				c.frame(weirtest.H2Window, 0, 0, binary.BigEndian.AppendUint32(nil, uint32(len(p))))
			}
		}
	case weirtest.H2Settings, weirtest.H2Ping:
		if flags&weirtest.H2Ack == 0 {
			if kind == weirtest.H2Settings {
				p = nil
			}
			c.frame(kind, weirtest.H2Ack, 0, p)
		}
	case weirtest.H2Reset:
		delete(c.streams, id)
	case weirtest.H2Window:
		if id == 0 {
			c.window += int(binary.BigEndian.Uint32(p))
			c.answer()
		}
	}
	if s := c.streams[id]; s != nil && (kind == weirtest.H2Headers || kind == weirtest.H2Data) && flags&weirtest.H2EndStream != 0 {
		delete(c.streams, id)
		c.waiting = append(c.waiting, s)
		c.answer()
	}
	return nil
}

// answer answers what the window has room for.
func (c *h2Conn) answer() {
	n := 0
	for _, s := range c.waiting {
		head, body := c.page, c.body
		if !s.get {
			head, body = c.call, s.message
		}
		if len(body) > c.window {
			break
		}
		c.window -= len(body)
		n++
		c.frame(weirtest.H2Headers, weirtest.H2EndHeaders, s.id, head)
		if s.get {
			c.frame(weirtest.H2Data, weirtest.H2EndStream, s.id, body)
			continue
		}
		c.frame(weirtest.H2Data, 0, s.id, body)
		c.frame(weirtest.H2Headers, weirtest.H2EndHeaders|weirtest.H2EndStream, s.id, c.ok)
	}
	c.waiting = c.waiting[:copy(c.waiting, c.waiting[n:])]
}
