package weirtest

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is a way for a back end to behave. serve answers one request and reports whether the connection goes on.
type Kind struct {
	Name, Args, Doc string
	serve           func(x *Exchange) bool
}

// Kinds lists every kind of back end, the well-behaved first.
func Kinds() []Kind { return slices.Concat(httpKinds(), h2Kinds(), cgiKinds()) }

func httpKinds() []Kind {
	return []Kind{
		{"name", "", "answers 200 with its own name, which tells the peers of a group apart", func(x *Exchange) bool {
			return x.Answer("200 OK", x.Name+"\n")
		}},
		{"echo", "", "answers 200 with the request as it came, head and body", func(x *Exchange) bool {
			return x.Answer("200 OK", string(x.Request.Head)+string(x.Request.Body), "Content-Type: text/plain")
		}},
		{"status", "CODE", "answers with this status and its own name", func(x *Exchange) bool {
			return x.Answer(x.args[0]+" Status", x.Name+"\n")
		}},
		{"body", "SIZE", "answers 200 with this many bytes, a pattern that repeats every 64", func(x *Exchange) bool {
			return x.Answer("200 OK", string(Pattern(x.args[0])))
		}},
		{"bytes", "TEXT", "sends these bytes and closes; \\r \\n \\t \\xHH and \\\\ are understood", func(x *Exchange) bool {
			x.Write(Unescape(x.args[0]))
			return false
		}},
		{"any", "TEXT", "sends these bytes to whatever has come, be it a request or not, and closes", func(x *Exchange) bool {
			x.Write(Unescape(x.args[0]))
			return false
		}},
		{"file", "FILE", "sends the bytes of a file, every LF of its head as CR LF, and closes", func(x *Exchange) bool {
			x.Write(wireFile(x.args[0]))
			return false
		}},
		{"chunked", "", "answers in three chunks and a trailer field", func(x *Exchange) bool {
			x.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
				"4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\nX-Sum: 13\r\n\r\n")
			return true
		}},
		{"websocket", "", "takes the upgrade and echoes every frame", serveWebSocket},
		{"slow", "TIME", "answers 200 with its own name after this time", func(x *Exchange) bool {
			x.pause(x.args[0])
			return x.Answer("200 OK", x.Name+"\n")
		}},
		{"drip", "TIME", "sends its head and five bytes of body one by one, this time apart", serveDrip},
		{"early", "", "sends 103 Early Hints, then 200 with its own name", func(x *Exchange) bool {
			x.Write("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
			return x.Answer("200 OK", x.Name+"\n")
		}},
		{"interim", "N", "sends 100 Continue N times, with a length, then 200 with its own name", func(x *Exchange) bool {
			n, _ := strconv.Atoi(x.args[0])
			x.Write(strings.Repeat("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n", n))
			return x.Answer("200 OK", x.Name+"\n")
		}},
		{"short", "", "announces 100 bytes, sends 10, closes", func(x *Exchange) bool {
			x.Write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")
			return false
		}},
		{"long", "", "announces 10 bytes and sends 15", func(x *Exchange) bool {
			x.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789EXTRA")
			return false
		}},
		{"cut", "", "sends one chunk and closes without the last", func(x *Exchange) bool {
			x.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
			return false
		}},
		{"once", "", "promises keep-alive but closes after each answer", func(x *Exchange) bool {
			x.Answer("200 OK", x.Name+"\n")
			return false
		}},
		{"close", "", "reads the request and closes without a word", func(*Exchange) bool { return false }},
		{"reset", "", "reads the request and resets the connection", func(x *Exchange) bool {
			if c, ok := x.Conn.(interface{ SetLinger(sec int) error }); ok {
				_ = c.SetLinger(0)
			}
			return false
		}},
		{"silent", "", "reads the request and never answers", func(x *Exchange) bool {
			_, _ = io.Copy(io.Discard, x.r) // until the other side gives up
			return false
		}},
	}
}

func serveDrip(x *Exchange) bool {
	x.Write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
	for _, b := range "drips" {
		x.pause(x.args[0])
		x.Write(string(b))
	}
	return true
}

// pause waits as a slow back end does: time is what is being tested here.
func (x *Exchange) pause(d string) {
	if t, err := time.ParseDuration(d); err == nil {
		<-time.After(t)
	}
}

// Pattern returns a text of the given size ("100", "64k", "10m") in which a lost, doubled or moved byte shows.
func Pattern(size string) []byte {
	n, unit := 0, ""
	if _, err := fmt.Sscanf(size, "%d%s", &n, &unit); err != nil && n == 0 {
		return nil
	}
	switch unit {
	case "k":
		n <<= 10
	case "m":
		n <<= 20
	}
	b := make([]byte, 0, n+64)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, "%09d abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n", i)
	}
	return b[:n]
}

// Unescape understands \r \n \t \0 \xHH and \\, and leaves every other backslash alone.
func Unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'r':
			b.WriteByte('\r')
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case '0':
			b.WriteByte(0)
		case '\\':
			b.WriteByte('\\')
		case 'x':
			var v byte
			if i+2 < len(s) {
				if _, err := fmt.Sscanf(s[i+1:i+3], "%02x", &v); err == nil {
					b.WriteByte(v)
					i += 2
					continue
				}
			}
			b.WriteString(`\x`)
		default:
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// wireFile reads an answer that was written with a text editor.
func wireFile(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "HTTP/1.1 500 No File\r\n\r\n" + err.Error()
	}
	head, body, _ := strings.Cut(string(b), "\n\n")
	return strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body
}
