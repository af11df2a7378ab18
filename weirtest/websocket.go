package weirtest

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
)

// serveWebSocket answers the handshake of RFC 6455 and then sends every frame back, unmasked, until a close frame.
func serveWebSocket(x *Exchange) bool {
	key := x.Field("Sec-WebSocket-Key")
	if key == "" {
		return x.Answer("426 Upgrade Required", "")
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	x.Write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n")
	for {
		op, data, err := ReadFrame(x.r)
		if err != nil {
			return false
		}
		x.Write(string(Frame(op, data, false)))
		if op == opClose {
			return false
		}
	}
}

// The frame kinds that the bench uses.
const (
	opText  = 1
	opClose = 8
)

// Frame writes one whole WebSocket frame; clients mask theirs.
func Frame(op byte, data []byte, mask bool) []byte {
	b := []byte{0x80 | op, 0}
	switch n := len(data); {
	case n < 126:
		b[1] = byte(n)
	case n < 1<<16:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	if !mask {
		return append(b, data...)
	}
	b[1] |= 0x80
	key := [4]byte{0x12, 0x34, 0x56, 0x78}
	b = append(b, key[:]...)
	for i, c := range data {
		b = append(b, c^key[i%4])
	}
	return b
}

// ReadFrame reads one unfragmented frame, masked or not.
func ReadFrame(r *bufio.Reader) (op byte, data []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(h[1] & 0x7f)
	switch n {
	case 126:
		var l [2]byte
		_, err = io.ReadFull(r, l[:])
		n = uint64(binary.BigEndian.Uint16(l[:]))
	case 127:
		var l [8]byte
		_, err = io.ReadFull(r, l[:])
		n = binary.BigEndian.Uint64(l[:])
	}
	if err != nil || n > 1<<24 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	var key [4]byte
	if h[1]&0x80 != 0 {
		if _, err := io.ReadFull(r, key[:]); err != nil {
			return 0, nil, err
		}
	}
	data = make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return 0, nil, err
	}
	for i := range data {
		data[i] ^= key[i%4]
	}
	return h[0] & 0x0f, data, nil
}
