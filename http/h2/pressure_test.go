package h2_test

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"weir/weirtest"
)

// settled waits until a number has stopped growing.
func settled(n *atomic.Int64) int64 {
	last := int64(-1)
	since := time.Now()
	weirtest.Eventually(func() bool {
		if now := n.Load(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 300*time.Millisecond
	})
	return last
}

// endless is a back end that sends or takes as much as it can; it counts what it has sent. Nothing that comes behind a head is read
// before go is closed.
func endless(t *testing.T, sent *atomic.Int64, read chan bool) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				var head []byte
				one := make([]byte, 1)
				for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
					if _, err := c.Read(one); err != nil {
						return
					}
					head = append(head, one...)
				}
				if bytes.HasPrefix(head, []byte("POST")) {
					<-read
					n, _ := io.Copy(io.Discard, io.LimitReader(c, 8<<20))
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
					sent.Add(n)
					return
				}
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n")
				block := make([]byte, 16<<10)
				for range 4096 {
					n, err := c.Write(block)
					sent.Add(int64(n))
					if err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

// TestBackPressure has a client that does not take a response hold its back end back, and a back end that does not take a body its
// client; other streams go on.
func TestBackPressure(t *testing.T) {
	var sent, uploaded atomic.Int64
	read := make(chan bool)
	addr := endless(t, &sent, read)
	s := newServer(t, options{Steps: steps(), Backend: addr}, text+`
		location /unbuffered { proxy_pass http://$BACKEND; proxy_buffering off; proxy_buffer_size 4k; }
		location /buffered { proxy_pass http://$BACKEND; proxy_buffers 4 4k; proxy_busy_buffers_size 8k; proxy_max_temp_file_size 0; }
		location /upload { proxy_pass http://$BACKEND; proxy_request_buffering off; proxy_http_version 1.1; client_max_body_size 0; }`)
	for _, path := range []string{"/unbuffered", "/buffered"} {
		sent.Store(0)
		c := s.dial()
		c.Updates = false
		id, err := c.Request("GET", "test", path, true)
		if err != nil {
			t.Fatal(err)
		}
		if n := settled(&sent); n < 65535 || n > 16<<20 { // what the sockets in between hold
			t.Errorf("%s: the back end could send %d bytes", path, n)
		}
		_ = c.Reset(id, 8)
		_ = c.Window(0, 65535) // what it has not taken counts as taken
		if a := get(t, c, "/none"); a.Status != 404 {
			t.Errorf("%s: afterwards: %v", path, a)
		}
		_ = c.Conn.Close()
	}
	c := s.dial()
	id, err := c.Request("POST", "test", "/upload", false, weirtest.Header{Name: "content-length", Value: "8388608"})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		block := make([]byte, 8192)
		for range 1024 {
			if c.Part(id, block) != nil {
				return
			}
			uploaded.Add(int64(len(block)))
		}
		_ = c.Frame(weirtest.H2Data, weirtest.H2EndStream, id, nil)
	}()
	answered := make(chan *weirtest.Answer)
	go func() {
		all, _ := c.Answers(id)
		if len(all) == 0 {
			all = append(all, nil)
		}
		answered <- all[0]
	}()
	if n := settled(&uploaded); n < 65535 || n >= 8<<20 {
		t.Errorf("the client could send %d bytes to a back end that does not read", n)
	}
	other := s.dial()
	if a := get(t, other, "/small"); string(a.Body) != "small" {
		t.Errorf("others: %v", a)
	}
	close(read)
	if n := s.Lines("error.log", "failed"); n != 0 {
		t.Errorf("%d lines of failures in the log", n)
	}
	if a := <-answered; a == nil || a.Status != 200 {
		t.Errorf("when it reads: %v", a)
	}
}
