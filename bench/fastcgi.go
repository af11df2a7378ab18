package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"

	"weir/weirtest"
)

// startFastCGI serves the 1 KB of the origin by FastCGI, whatever is asked: what php-fpm does for a small page, without PHP.
func startFastCGI(addr string) (stop func(), err error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	text := append([]byte("Content-Type: application/octet-stream\r\n\r\n"), weirtest.Pattern(sizes()["1k"])...)
	out := append(append(record(6, len(text)), text...), record(6, 0)...)
	out = append(append(out, record(3, 8)...), make([]byte, 8)...)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go answerFastCGI(c, out)
		}
	}()
	return func() { ln.Close() }, nil
}

// record is the header of a record.
func record(kind byte, size int) []byte {
	return []byte{1, kind, 0, 1, byte(size >> 8), byte(size), 0, 0}
}

// answerFastCGI answers at the end of every request: an empty record of its body.
func answerFastCGI(c net.Conn, out []byte) {
	defer c.Close()
	r := bufio.NewReader(c)
	keep := false
	var head [8]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		size := int(binary.BigEndian.Uint16(head[4:])) + int(head[6])
		if head[1] == 1 && size == 8 {
			begin, err := r.Peek(3)
			if err != nil {
				return
			}
			keep = begin[2] == 1
		}
		if _, err := r.Discard(size); err != nil {
			return
		}
		if head[1] != 5 || size > 0 {
			continue
		}
		if _, err := c.Write(out); err != nil || !keep {
			return
		}
	}
}
