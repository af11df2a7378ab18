package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"

	"weir/weirtest"
)

// startOrigin serves the files' bytes from memory to whoever proxies, the same for every server: GET /…/1k. It is no contestant; what
// it costs is counted for nobody.
func startOrigin(addr string) (stop func(), err error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	serveOrigin(ln)
	return func() { ln.Close() }, nil
}

// serveOrigin answers on connections of a listener until that is closed.
func serveOrigin(ln net.Listener) {
	answers := map[string][]byte{}
	for name, size := range sizes() {
		body := weirtest.Pattern(size)
		head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", len(body))
		answers[name] = append([]byte(head), body...)
	}
	text := htmlPage()
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n", len(text))
	answers[page] = append([]byte(head), text...)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go answer(c, answers)
		}
	}()
}

// pour takes an upgrade and sends bytes without an end.
func pour(c net.Conn) {
	_, err := c.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: bulk\r\nConnection: upgrade\r\n\r\n"))
	block := make([]byte, 256<<10)
	for err == nil {
		_, err = c.Write(block)
	}
}

func answer(c net.Conn, answers map[string][]byte) {
	defer c.Close()
	r := bufio.NewReader(c)
	name := ""
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		switch {
		case bytes.HasPrefix(line, []byte("GET ")):
			path, _, _ := strings.Cut(string(line[4:]), " ")
			name = path[strings.LastIndexByte(path, '/')+1:]
		case len(line) == 2 && name == "bulk":
			pour(c)
			return
		case len(line) == 2:
			if _, err := c.Write(answers[name]); err != nil {
				return
			}
		}
	}
}
