package proxy

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"weir/http"
	"weir/http/h2"
	"weir/loop"
	"weir/upstream"
)

// h2Frame makes a frame as a peer would.
func h2Frame(k h2.FrameKind, flags byte, stream uint32, payload string) string {
	return string(h2.AppendFrameHead(nil, len(payload), k, flags, stream)) + payload
}

// h2Block encodes fields: name, value, name, value.
func h2Block(fields ...string) string {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		b = h2.AppendString(h2.AppendName(b, []byte(fields[i])), []byte(fields[i+1]))
	}
	return string(b)
}

func h2Head(flags byte, fields ...string) string {
	return h2Frame(h2.FrameHeaders, flags|h2.FlagEndHeaders, 1, "\x88"+h2Block(fields...))
}

func h2Data(s string) string { return h2Frame(h2.FrameData, 0, 1, s) }
func h2End(s string) string  { return h2Frame(h2.FrameData, h2.FlagEndStream, 1, s) }
func h2Trailers(fields ...string) string {
	return h2Frame(h2.FrameHeaders, h2.FlagEndStream|h2.FlagEndHeaders, 1, h2Block(fields...))
}

func uint32Text(n ...uint32) string {
	var b []byte
	for _, n := range n {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return string(b)
}

func http2Tests() []responseTest {
	ok := func(fields string, end string) string { return "200 " + fields + " " + end }
	settings := h2Frame(h2.FrameSettings, 0, 0, "\x00\x04\x00\x01\x00\x00")
	ping := h2Frame(h2.FramePing, 0, 0, "12345678")
	goaway := func(last uint32) string {
		return h2Frame(h2.FrameGoAway, 0, 0, uint32Text(last, 0)+"for people")
	}
	rst := func(code uint32) string { return h2Frame(h2.FrameReset, 0, 1, uint32Text(code)) }
	unknown := h2Frame(0xbb, 0xff, 1, "whatever")
	half := h2Block("x-a", strings.Repeat("b", 100))
	return []responseTest{
		{name: "usual", in: settings + h2Head(0, "a", "b") + h2Data("hello") + h2Trailers("grpc-status", "0"), want: ok(` a="b"`, `"hello" end keep`)},
		{name: "without trailers", in: h2Head(0) + h2Data("hel") + h2End("lo"), want: ok("", `"hello" end keep`)},
		{name: "an empty end", in: h2Head(0) + h2Data("hello") + h2End(""), want: ok("", `"hello" end keep`)},
		{name: "trailers only", in: h2Head(h2.FlagEndStream, "grpc-status", "12"), want: ok(` grpc-status="12"`, `"" end keep`)},
		{name: "frames between", in: ping + settings + unknown + h2Head(0) + ping + h2Data("he") + unknown + settings + h2Data("") + h2Data("llo") + h2Trailers("a", "b") + ping, want: ok("", `"hello" end keep`)},
		{
			name: "padding", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders|h2.FlagPadded|h2.FlagPriority, 1, "\x03\x00\x00\x00\x00\x10\x88"+h2Block("a", "b")+"\x00\x00\x00") +
				h2Frame(h2.FrameData, h2.FlagPadded, 1, "\x05hel\x00\x00\x00\x00\x00") + h2Frame(h2.FrameData, h2.FlagPadded, 1, "\x00lo") + h2Frame(h2.FrameData, h2.FlagPadded|h2.FlagEndStream, 1, "\x02\x00\x00"),
			want: ok(` a="b"`, `"hello" end keep`),
		},
		{name: "CONTINUATION", in: h2Frame(h2.FrameHeaders, 0, 1, "\x88"+half[:30]) + h2Frame(h2.FrameContinuation, 0, 1, "") + h2Frame(h2.FrameContinuation, 0, 1, half[30:31]) +
			h2Frame(h2.FrameContinuation, h2.FlagEndHeaders, 1, half[31:]) + h2End("x"), want: ok(` x-a="`+strings.Repeat("b", 100)+`"`, `"x" end keep`)},
		{name: "length", in: h2Head(0, "content-length", "5") + h2Data("hello") + h2End(""), want: ok(` content-length="5"`, `"hello" end keep`)},
		{name: "less than the length", in: h2Head(0, "content-length", "6") + h2Data("hello") + h2End(""), want: ok(` content-length="6"`, `"hello" fault`)},
		{name: "more than the length", in: h2Head(0, "content-length", "0") + h2End("hello"), want: ok(` content-length="0"`, `"" fault`)},
		{name: "a length, and no body", in: h2Head(h2.FlagEndStream, "content-length", "4"), want: ok(` content-length="4"`, `"" short keep`)},
		{name: "HEAD", head: true, in: h2Head(h2.FlagEndStream, "content-length", "4"), want: ok(` content-length="4"`, `"" end keep`)},
		{name: "another status", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders|h2.FlagEndStream, 1, "\x08\x03418"), want: `418  "" end keep`},
		{name: "GOAWAY for later", in: h2Head(0) + goaway(1) + h2End("x"), want: ok("", `"x" end keep`)},
		{name: "GOAWAY behind the end", in: h2Head(0) + h2End("x") + goaway(5), want: ok("", `"x" end keep`)},
		{name: "GOAWAY", in: goaway(0) + h2Head(0) + h2End("x"), want: "bad"},
		{name: "GOAWAY in the body", in: h2Head(0) + h2Data("x") + goaway(0), want: ok("", `"" fault`)},
		{name: "reset", in: rst(7), want: "bad"},
		{name: "reset without an error", in: rst(0), want: "bad"},
		{name: "reset in the body", in: h2Head(0) + h2Data("x") + rst(0) + h2End("y"), want: ok("", `"" fault`)},
		{name: "reset behind the end", in: h2Head(0) + h2End("x") + rst(0), want: ok("", `"x" end keep`)},
		{name: "reset twice behind the end", in: h2Head(0) + h2End("x") + rst(0) + rst(0), want: ok("", `"x" end keep`) + "!"},
		{name: "reset with an error behind the end", in: h2Head(0) + h2End("x") + rst(8), want: ok("", `"x" end keep`) + "!"},
		{name: "a response behind a reset", in: h2Head(0) + h2End("x") + rst(0) + h2Head(0), want: ok("", `"x" end keep`) + "!"},
		{name: "the end of the connection", in: h2Head(0) + h2Data("x"), want: ok("", `"x"`)},
		{name: "half a head", in: h2Head(0)[:9], want: "more"},
		{name: "nothing", in: "", want: "more"},

		{name: "HTTP/1", in: "HTTP/1.1 200 OK\r\n\r\n", want: "bad"},
		{name: "DATA first", in: h2Data("x"), want: "bad"},
		{name: "another stream", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 3, "\x88"), want: "bad"},
		{name: "the stream of the connection", in: h2Head(0) + h2Frame(h2.FrameData, 0, 0, "x"), want: ok("", `"" fault`)},
		{name: "another stream's body", in: h2Head(0) + h2Data("x") + h2Frame(h2.FrameData, 0, 3, "y"), want: ok("", `"" fault`)},
		{name: "a frame that is too large", in: "\x00\x40\x01\x00\x00\x00\x00\x00\x01", want: "bad"},
		{name: "a push", in: h2Frame(h2.FramePush, 0, 1, "\x00\x00\x00\x02"), want: "bad"},
		{name: "CONTINUATION of nothing", in: h2Frame(h2.FrameContinuation, h2.FlagEndHeaders, 1, "\x88"), want: "bad"},
		{name: "a frame in the midst of a block", in: h2Frame(h2.FrameHeaders, 0, 1, "\x88") + ping, want: "bad"},
		{name: "a block without its end", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, "\x88\x00"), want: "bad"},
		{name: "padding that lies", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders|h2.FlagPadded, 1, "\x05\x88"), want: "bad"},
		{name: "padding of nothing", in: h2Head(0) + h2Frame(h2.FrameData, h2.FlagPadded, 1, ""), want: ok("", `"" fault`)},
		{name: "a priority cut off", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders|h2.FlagPriority, 1, "\x00\x00\x00\x00"), want: "bad"},
		{name: "no status", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, h2Block("a", "b")), want: "bad"},
		{name: "no fields", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, ""), want: "bad"},
		{name: "status twice", in: h2Head(0, ":status", "200"), want: "bad"},
		{name: "another pseudo field", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, "\x82"), want: "bad"},
		{name: "status 101", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, "\x08\x03101"), want: "bad"},
		{name: "a status that is none", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, "\x08\x022x"), want: "bad"},
		{name: "index 0", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, "\x88\x80"), want: "bad"},
		{name: "an index of a table there is not", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, "\x88\xbe"), want: "bad"},
		{name: "a far index", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, "\x88\x0f\xff\x01"), want: "bad"},
		{name: "a table", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, "\x3f\x01\x88"), want: "bad"},
		{name: "an empty name", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, "\x88\x00\x00\x00"), want: "bad"},
		{name: "a name in capitals", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, "\x88\x00\x01A\x01b"), want: "bad"},
		{name: "the end of a line in a value", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, "\x88\x00\x01a\x01\n"), want: "bad"},
		{name: "fields that are too large", in: h2Head(0, "a", strings.Repeat("[", 1100)), want: "bad"},
		{name: "many fields that are too large", in: h2Head(0, "a", strings.Repeat("[", 600), "b", strings.Repeat("[", 600)), want: "bad"},
		{name: "a length without end", in: h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, "\x88\x00\x7f\xff\xff\xff\xff"), want: "bad"},
		{name: "trailers that do not end", in: h2Head(0) + h2Frame(h2.FrameHeaders, h2.FlagEndHeaders, 1, h2Block("a", "b")), want: ok("", `"" fault`)},
		{name: "a status in trailers", in: h2Head(0) + h2Trailers(":status", "200"), want: ok("", `"" fault`)},
		{name: "SETTINGS of a stream", in: h2Frame(h2.FrameSettings, 0, 1, ""), want: "bad"},
		{name: "SETTINGS that are cut", in: h2Frame(h2.FrameSettings, 0, 0, "12345"), want: "bad"},
		{name: "an acknowledgement with settings", in: h2Frame(h2.FrameSettings, h2.FlagAck, 0, "123456"), want: "bad"},
		{name: "a window that is too large", in: h2Frame(h2.FrameSettings, 0, 0, "\x00\x04\x80\x00\x00\x00"), want: "bad"},
		{name: "PING of a stream", in: h2Frame(h2.FramePing, 0, 1, "12345678"), want: "bad"},
		{name: "a short PING", in: h2Frame(h2.FramePing, 0, 0, "1234567"), want: "bad"},
		{name: "an answer to no PING", in: h2Frame(h2.FramePing, h2.FlagAck, 0, "12345678"), want: "bad"},
		{name: "a window of nothing", in: h2Frame(h2.FrameWindow, 0, 1, uint32Text(0)), want: "bad"},
		{name: "windows that are too large", in: h2Frame(h2.FrameWindow, 0, 1, uint32Text(1<<31-1)), want: "bad"},
		{name: "a short window", in: h2Frame(h2.FrameWindow, 0, 0, "123"), want: "bad"},
		{name: "a short reset", in: h2Frame(h2.FrameReset, 0, 1, "123"), want: "bad"},
		{name: "a short GOAWAY", in: h2Frame(h2.FrameGoAway, 0, 0, "1234567"), want: "bad"},
	}
}

// freshHTTP2 is a protocol that has a connection of its own.
func freshHTTP2() protocol {
	l := newGRPCLoc(&upstreamConf{}, nil)
	return &openedHTTP2{http2: *l.protocol(nil).(*http2)}
}

// openedHTTP2 opens a connection where an exchange would have one.
type openedHTTP2 struct {
	http2
	conn *http2Conn
}

func (p *openedHTTP2) restart(c *call) {
	p.http2.restart(c)
	if c.reply.status == 103 {
		return
	}
	if p.stream != nil {
		p.stream.waiting.Release(p.stream.Loop())
	}
	p.conn = bareHTTP2(c.r.Loop())
	p.open(c, p.conn.begin())
}

// bareHTTP2 is a connection without a socket.
func bareHTTP2(l *loop.Loop) *http2Conn {
	return newHTTP2Conn(&upstream.Link{Conn: &loop.Conn{Source: l.NewSource()}}, nil)
}

// carry gives a part of what the peer sends to the connection, and returns what comes of it on the stream.
func (p *openedHTTP2) carry(part string) (rest string, err error) {
	if err := p.conn.feed([]byte(part)); err != nil {
		p.stream.fail(err)
	}
	var b [1000]byte
	for {
		n, err := p.stream.TryRead(b[:])
		rest += string(b[:n])
		if err == loop.ErrAgain {
			return rest, nil
		}
		if err != nil {
			return rest, err
		}
	}
}

func TestHTTP2Response(t *testing.T) {
	tests := http2Tests()
	for i := range tests { // what comes behind the end of a body and is at fault shows where all of it came at once, or as a fault later
		if want, ok := strings.CutSuffix(tests[i].want, "!"); ok {
			tests[i].want = strings.Replace(strings.TrimSuffix(want, " end keep"), `"x"`, `""`, 1) + " fault"
		}
	}
	testReplies(t, freshHTTP2, tests)
}

// TestHTTP2Random holds a response that is cut into frames at random, with others between them, and read in random parts, against the
// response itself.
func TestHTTP2Random(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	between := []string{
		h2Frame(h2.FramePing, 0, 0, "12345678"), h2Frame(h2.FrameSettings, 0, 0, "\x00\x03\x00\x00\x00\x01"), h2Frame(h2.FrameSettings, h2.FlagAck, 0, ""),
		h2Frame(h2.FrameWindow, 0, 0, uint32Text(1)), h2Frame(h2.FrameWindow, 0, 1, uint32Text(1)), h2Frame(0x10, 0, 0, "priority"),
	}
	onTask(t, func(r *http.Request) {
		p := freshHTTP2()
		for round := range 1000 {
			block, want := "\x88", "200 "
			for i := range rng.IntN(4) {
				value := strings.Repeat("v", rng.IntN(40))
				block += h2Block(fmt.Sprintf("x-%d", i), value)
				want += fmt.Sprintf(" x-%d=%q", i, value)
			}
			body := strings.Repeat("b", rng.IntN(700))
			want += fmt.Sprintf(" %q end keep", body)
			stream := ""
			noise := func() {
				for rng.IntN(3) == 0 {
					stream += between[rng.IntN(len(between))]
				}
			}
			noise()
			for kind := h2.FrameHeaders; ; kind = h2.FrameContinuation {
				n := rng.IntN(len(block) + 1)
				flags := byte(0)
				if n == len(block) {
					flags = h2.FlagEndHeaders
				}
				stream += h2Frame(kind, flags, 1, block[:n])
				if block = block[n:]; flags != 0 {
					break
				}
			}
			for body != "" {
				noise()
				n := 1 + rng.IntN(len(body))
				if rng.IntN(2) == 0 {
					stream += h2Data(body[:n])
				} else {
					pad := rng.IntN(20)
					stream += h2Frame(h2.FrameData, h2.FlagPadded, 1, string(rune(pad))+body[:n]+strings.Repeat("\x00", pad))
				}
				body = body[n:]
			}
			noise()
			stream += h2Trailers("grpc-status", "0")
			cuts := make([]int, rng.IntN(20))
			for i := range cuts {
				cuts[i] = rng.IntN(len(stream))
			}
			if got := describeReply(r, p, 512, stream, cuts...); got != want {
				t.Errorf("seed %d, round %d: %q cut at %v:\n got %s\nwant %s", seed, round, stream, cuts, got, want)
				return
			}
		}
	})
}

// FuzzHTTP2: whatever a peer sends, cut or whole, comes to the same.
func FuzzHTTP2(f *testing.F) {
	for _, tt := range http2Tests() {
		f.Add(tt.in, len(tt.in)/2)
		f.Add(tt.in, len(tt.in)/3)
	}
	f.Fuzz(func(t *testing.T, in string, cut int) {
		fuzzReply(t, fuzzRequest(), freshHTTP2, in, cut)
	})
}

// TestHTTP2Flood: frames that ask for an answer are not kept without end when no answer can be sent, and small reads do not count.
func TestHTTP2Flood(t *testing.T) {
	onTask(t, func(r *http.Request) {
		for name, f := range map[string]string{
			"PING": h2Frame(h2.FramePing, 0, 0, "12345678"), "SETTINGS": h2Frame(h2.FrameSettings, 0, 0, ""),
		} {
			few, many := strings.Repeat(f, maxAnswers/2), strings.Repeat(f, maxAnswers+2)
			for in, want := range map[string]string{
				few + h2Head(0) + h2End("x"):                      `200  "x" end keep`,
				h2Head(0) + few + h2End("x"):                      `200  "x" end keep`,
				many + h2Head(0) + h2End("x"):                     "bad",
				h2Head(0) + many + h2End("x"):                     `200  "" fault`,
				h2Head(0) + h2Data("x") + many[:len(many)-len(f)]: `200  "" fault`,
			} {
				if got := describeReply(r, freshHTTP2(), 1024, in); got != want {
					t.Errorf("%s, %d bytes: %s, want %s", name, len(in), got, want)
				}
			}
		}
	})
}

// TestHTTP2EmptyFrames: frames that bring nothing end the connection in the end, and little is kept of them.
func TestHTTP2EmptyFrames(t *testing.T) {
	onTask(t, func(r *http.Request) {
		for name, frames := range map[string][2]string{
			"CONTINUATION": {h2Frame(h2.FrameHeaders, 0, 1, "\x88"), h2Frame(h2.FrameContinuation, 0, 1, "")},
			"DATA":         {h2Head(0), h2Data("")},
			"WINDOW":       {h2Head(0), h2Frame(h2.FrameWindow, 0, 0, uint32Text(1))},
			"unknown":      {h2Head(0), h2Frame(0xbb, 0, 0, "")},
		} {
			c := bareHTTP2(r.Loop())
			s := c.begin()
			if err := c.feed([]byte(frames[0] + strings.Repeat(frames[1], floodMost/2))); err != nil {
				t.Errorf("%s: a few: %v", name, err)
			}
			if err := c.feed([]byte(strings.Repeat(frames[1], floodMost))); err == nil || !strings.Contains(err.Error(), "upstream sent too many ") {
				t.Errorf("%s: many: %v", name, err)
			}
			if len(s.runs) > 2 || s.waiting.Len() > 100 {
				t.Errorf("%s: %d frames and %d bytes are kept", name, len(s.runs), s.waiting.Len())
			}
			s.waiting.Release(r.Loop())
		}
	})
}

// TestHTTP2Windows: a request's frames keep to the windows.
func TestHTTP2Windows(t *testing.T) {
	onTask(t, func(r *http.Request) {
		p := freshHTTP2().(*openedHTTP2)
		c := &call{r: r, conf: &upstreamConf{}, head: h2.AppendFrameHead(nil, 0, h2.FrameHeaders, h2.FlagEndHeaders, 0)}
		p.restart(c)
		sent := int64(0)
		for {
			f := p.frame(c, make([]byte, 0, frameRoom), 100_000-sent, true)
			if f.n == 0 {
				break
			}
			sent += f.n
		}
		if sent != h2.DefaultWindow {
			t.Errorf("%d bytes were sent with a window of %d", sent, h2.DefaultWindow)
		}
		if p.stream.Writable() {
			t.Error("a stream without a window is ready to be written to")
		}
		if err := p.conn.feed([]byte(h2Frame(h2.FrameWindow, 0, 1, uint32Text(10)) + h2Frame(h2.FrameWindow, 0, 0, uint32Text(7)))); err != nil {
			t.Error(err)
		}
		if f := p.frame(c, make([]byte, 0, frameRoom), 100, true); f.n != 7 || f.end || !p.stream.Writable() {
			t.Errorf("%d bytes were sent where the connection allows 7", f.n)
		}
	})
}
