package weirtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// h2Kinds are the back ends that speak HTTP/2 in the clear, as gRPC does. The head of a request, as they have received it, is a line
// "name: value" for each field.
func h2Kinds() []Kind {
	return []Kind{
		{"h2-echo", "", "speaks HTTP/2: answers 200 with the request as it came, head and body, and the trailer grpc-status: 0", func(x *Exchange) bool {
			x.headers(0, "200; content-type: application/grpc")
			x.data(0, string(x.Request.Head)+"\n"+string(x.Request.Body))
			x.headers(H2EndStream, "grpc-status: 0")
			return true
		}},
		{"h2-stream", "", "speaks HTTP/2: answers 200 at once, sends every part of the body back when it comes, and the trailer grpc-status: 0 at its end", func(x *Exchange) bool {
			x.headers(0, "200; content-type: application/grpc")
			for !x.ended {
				part, err := x.nextData()
				if err != nil {
					return false
				}
				x.data(0, string(part))
			}
			x.headers(H2EndStream, "grpc-status: 0")
			return true
		}},
		{"h2-frames", "TEXT", "speaks HTTP/2: sends frames, with a bar between each two: head:STATUS; FIELD: VALUE; …, trailers: and last: (fields that end the stream), data:TEXT, end:TEXT (the last), rst:CODE, goaway:LAST CODE, settings:ID VALUE, window:N, ping:, and raw:BYTES; then waits, or after close: does not", serveFrames},
	}
}

func serveFrames(x *Exchange) bool {
	keep := true
	var out bytes.Buffer
	conn := x.h2.Conn
	x.h2.Conn = collect{conn, &out} // all in one write
	for part := range strings.SplitSeq(x.args[0], "|") {
		kind, text, _ := strings.Cut(part, ":")
		a, b := 0, 0
		_, _ = fmt.Sscanf(text, "%d %d", &a, &b)
		switch kind {
		case "head":
			x.headers(0, text)
		case "last", "trailers":
			x.headers(H2EndStream, text)
		case "data":
			x.data(0, Unescape(text))
		case "end":
			x.data(H2EndStream, Unescape(text))
		case "rst":
			_ = x.h2.Reset(x.stream, uint32(a))
		case "goaway":
			_ = x.h2.Frame(H2GoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(a)), uint32(b)))
		case "settings":
			_ = x.h2.Frame(H2Settings, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, uint16(a)), uint32(b)))
		case "window":
			_ = x.h2.Window(0, uint32(a))
		case "ping":
			_ = x.h2.Frame(H2Ping, 0, 0, []byte("12345678"))
		case "raw":
			_ = x.h2.Raw([]byte(Unescape(text)))
		case "close":
			keep = false
		}
	}
	x.h2.Conn = conn
	_ = x.h2.Raw(out.Bytes())
	return keep
}

// headers sends a block of fields, the first of which may be a status.
func (x *Exchange) headers(flags byte, text string) {
	var fields []Header
	for f := range strings.SplitSeq(text, ";") {
		f = strings.TrimSpace(f)
		if _, err := strconv.Atoi(f); err == nil {
			fields = append(fields, Header{":status", f})
			continue
		}
		if at := strings.Index(f, ": "); at > 0 {
			fields = append(fields, Header{f[:at], Unescape(f[at+2:])})
		}
	}
	_ = x.h2.Frame(H2Headers, flags|H2EndHeaders, x.stream, x.h2.Block(fields...))
}

// data sends some of a body.
func (x *Exchange) data(flags byte, text string) {
	for len(text) > 16384 {
		_ = x.h2.Frame(H2Data, 0, x.stream, []byte(text[:16384]))
		text = text[16384:]
	}
	if text != "" || flags != 0 {
		_ = x.h2.Frame(H2Data, flags, x.stream, []byte(text))
	}
}

// readH2 takes a request off the connection: its fields, and its body unless the kind reads that itself.
func readH2(x *Exchange) error {
	if x.h2 == nil {
		preface := make([]byte, len(H2Preface))
		if _, err := io.ReadFull(x.r, preface); err != nil {
			return err
		}
		if string(preface) != H2Preface {
			return errNoCGI
		}
		x.h2 = newH2(x.Conn, x.r)
		x.h2.enc.SetMaxDynamicTableSize(0)
		if err := x.h2.Frame(H2Settings, 0, 0, nil); err != nil {
			return err
		}
	}
	x.stream, x.ended = 0, false
	for x.stream == 0 {
		f, err := x.h2.Read()
		if err != nil {
			return err
		}
		if f.Kind != H2Headers {
			continue
		}
		fields, err := x.h2.Fields(f)
		if err != nil {
			return err
		}
		for _, h := range fields {
			x.Request.Head = fmt.Appendf(x.Request.Head, "%s: %s\r\n", h.Name, h.Value)
		}
		x.stream, x.ended = f.Stream, f.Flags&H2EndStream != 0
	}
	if x.kind.Name == "h2-stream" {
		return nil
	}
	for !x.ended {
		part, err := x.nextData()
		if err != nil {
			return err
		}
		x.Request.Body = append(x.Request.Body, part...)
	}
	return nil
}

// nextData reads some of the request's body, and lets as much again be sent.
func (x *Exchange) nextData() ([]byte, error) {
	for {
		f, err := x.h2.Read()
		if err != nil {
			return nil, err
		}
		if f.Kind == H2Reset {
			return nil, io.ErrUnexpectedEOF
		}
		if f.Kind != H2Data || f.Stream != x.stream {
			continue
		}
		x.ended = f.Flags&H2EndStream != 0
		if n := uint32(len(f.Payload)); n > 0 && x.h2.Updates {
			_ = x.h2.Window(0, n)
			if !x.ended {
				_ = x.h2.Window(x.stream, n)
			}
		}
		return f.Payload, nil
	}
}

// collect gathers what is written to a connection.
type collect struct {
	net.Conn
	to *bytes.Buffer
}

func (c collect) Write(b []byte) (int, error) { return c.to.Write(b) }
