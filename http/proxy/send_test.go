package proxy

import (
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"weir/disk"
	"weir/http"
	"weir/loop"
	"weir/upstream"
)

// A deafPeer is the other end of a connection on which a sender sends.
type deafPeer struct {
	fd  int
	got []byte
}

// drain reads what there is.
func (p *deafPeer) drain() {
	var buf [64 << 10]byte
	for {
		n, _, err := syscall.Recvfrom(p.fd, buf[:], syscall.MSG_DONTWAIT)
		if n <= 0 || err != nil {
			return
		}
		p.got = append(p.got, buf[:n]...)
	}
}

// senderFor makes an exchange with a connection to a deafPeer.
func senderFor(t *testing.T, r *http.Request, p protocol) (*exchange, *deafPeer) {
	fd, peer := socketPair(t)
	c, err := r.Loop().Register(fd, netip.AddrPort{})
	if err != nil {
		t.Error(err)
	}
	x := &exchange{proto: p, h: &handler{stays: true, pass: passSpec{sendsBody: true}}, tries: []try{{}}, link: &upstream.Link{Conn: c}, conn: c}
	x.call = call{r: r, head: []byte("head|")}
	return x, &deafPeer{fd: peer}
}

// stdin is a body in records as FastCGI wants it, made in another way than the protocol's.
func stdin(body string) string {
	text := ""
	for body != "" {
		part := body[:min(len(body), 32768)]
		body = body[len(part):]
		text += "\x01\x05\x00\x01" + string([]byte{byte(len(part) >> 8), byte(len(part)), byte((8 - len(part)%8) % 8), 0}) + part
		text += strings.Repeat("\x00", (8-len(part)%8)%8)
	}
	return text + "\x01\x05\x00\x01\x00\x00\x00\x00"
}

// TestSender sends bodies of all sizes, in memory and in files, to a peer that reads when it has to.
func TestSender(t *testing.T) {
	sizes := []int{0, 1, 7, 8, 9, 4096, 32767, 32768, 32769, 65536, 100000, 3 << 20}
	plain, records := &http1{}, &fastcgi{}
	chunks := &http1{sendsChunks: true}
	onTask(t, func(r *http.Request) {
		for _, size := range sizes {
			body := strings.Repeat("0123456789abcdef~", size/17+1)[:size]
			for _, tt := range []struct {
				name string
				p    protocol
				want string
			}{
				{"HTTP/1", plain, body},
				{"chunks", chunks, chunked(body)},
				{"FastCGI", records, stdin(body)},
			} {
				for _, inFile := range []bool{false, true} {
					x, peer := senderFor(t, r, tt.p)
					r.Body = http.Body{Mem: []byte(body), Size: int64(size)}
					if inFile {
						r.Body = http.Body{File: fileOf(t, r, body), Size: int64(size)}
					}
					x.request.start(x)
					for {
						err := x.request.push(x)
						peer.drain()
						if err == nil {
							break
						}
						if err != loop.ErrAgain || !x.request.blocked || x.request.starved || x.request.held {
							t.Errorf("%s, %d bytes: %v", tt.name, size, err)
							break
						}
						if x.wait(loop.Out, 0, r.Task.After(1e9)) != nil {
							t.Errorf("%s, %d bytes: the peer takes no more", tt.name, size)
							break
						}
					}
					if string(peer.got) != "head|"+tt.want {
						t.Errorf("%s, %d bytes, in a file %v: %d bytes came, want %d", tt.name, size, inFile, len(peer.got), len(tt.want)+5)
					}
					if !x.bodySent || x.cur().sent != int64(len(peer.got)) {
						t.Errorf("%s, %d bytes: sent %v, %d", tt.name, size, x.bodySent, x.cur().sent)
					}
					x.link.Conn.Close()
					closeSocket(peer.fd)
				}
			}
		}
	})
}

// chunked is a body as one chunk.
func chunked(body string) string {
	if body == "" {
		return "0\r\n\r\n"
	}
	return strconv.FormatInt(int64(len(body)), 16) + "\r\n" + body + "\r\n0\r\n\r\n"
}

// fileOf makes a temporary file of a body.
func fileOf(t *testing.T, r *http.Request, body string) *disk.TempFile {
	r.App = &http.App{Temp: disk.NewTempNumbers()}
	f, err := r.CreateTemp(&disk.TempPath{Dir: t.TempDir()}, false, false)
	if err == nil {
		err = f.Append(r.Task, []byte(body))
	}
	if err != nil {
		t.Error(err)
	}
	return f
}

// windowed frames a body only as far as the peer has made room for it, as protocols with flow control do.
type windowed struct {
	http1
	window int64
}

func (w *windowed) frame(_ *call, dst []byte, n int64, last bool) frame {
	k := min(n, w.window)
	w.window -= k
	f := frame{n: k, end: last && k == n}
	if k > 0 {
		f.before = append(dst, '<')
		f.behind = append(f.before, '>')[1:]
	}
	return f
}

// TestSenderHeld: a protocol may hold the body until the peer has made room.
func TestSenderHeld(t *testing.T) {
	onTask(t, func(r *http.Request) {
		p := &windowed{window: 3}
		x, peer := senderFor(t, r, p)
		r.Body = http.Body{Mem: []byte("0123456789"), Size: 10}
		x.request.start(x)
		for _, tt := range []struct {
			window int64
			got    string
			done   bool
		}{
			{0, "head|<012>", false},
			{0, "head|<012>", false},
			{4, "head|<012><3456>", false},
			{1, "head|<012><3456><7>", false},
			{9, "head|<012><3456><7><89>", true},
		} {
			p.window += tt.window
			err := x.request.push(x)
			peer.drain()
			if string(peer.got) != tt.got || (err == nil) != tt.done || err != nil && !x.request.held {
				t.Errorf("%q, %v, held %v; want %q", peer.got, err, x.request.held, tt.got)
			}
		}
		x.link.Conn.Close()
		closeSocket(peer.fd)
	})
}
