package proxy

import (
	"fmt"
	"strings"
	"testing"

	"weir/http"
)

// A responseTest is a response in some protocol: what a peer sends, and what is to be made of it (see describeReply).
type responseTest struct {
	name, in, want string
	head           bool // of a request with HEAD
}

// A carried protocol gets what a peer sends by way of a connection that others use too.
type carried interface {
	carry(part string) (rest string, err error)
}

// describeReply feeds a response to a protocol, cut at some offsets, as an exchange does, and reports what came of it: the
// status line, the fields, the body in quotes, and how it ended.
func describeReply(r *http.Request, p protocol, size int, in string, cuts ...int) string {
	x := exchange{proto: p, h: &handler{}}
	x.call = call{r: r, conf: &upstreamConf{BufferSize: int64(size)}, buf: make([]byte, size)}
	x.tries = []try{{}}
	x.call.restart()
	p.restart(&x.call)
	from := 0
	next := func() (part string, ok bool) {
		if from >= len(in) {
			return "", false
		}
		to := len(in)
		for _, c := range cuts {
			if c > from && c < to {
				to = c
			}
		}
		part, from = in[from:to], to
		return part, true
	}
	state := headMore
	rest, lost := "", error(nil)
	more := func() (ok bool) {
		if rest, ok = next(); ok {
			if p, carried := p.(carried); carried {
				rest, lost = p.carry(rest)
			}
		}
		return ok
	}
	for state == headMore {
		if rest == "" {
			if lost != nil {
				return "bad"
			}
			if !more() {
				return "more"
			}
			if rest == "" {
				continue
			}
		}
		n := copy(x.buf[x.end:], rest)
		rest = rest[n:]
		x.end += n
		var f Faults
		if state, f = x.parse(); f != 0 {
			return "bad"
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", x.reply.status, x.reply.line)
	for _, f := range x.fields {
		fmt.Fprintf(&b, " %s=%q", f.Name, f.Value)
	}
	body, err := "", error(nil)
	for raw := append([]byte(nil), x.buf[x.at:x.end]...); ; {
		for len(raw) > 0 && err == nil {
			before := p.want()
			var data []byte
			var used int
			data, used, err = p.body(&x.call, raw)
			if len(data) > 0 && string(raw[used-len(data):used]) != string(data) {
				return "data that is not the end of what was used"
			}
			if !x.bodyEnd && (err == nil && used == 0 || before <= 0) {
				return fmt.Sprintf("%d bytes used, %d wanted", used, before)
			}
			body += string(data)
			raw = raw[used:]
		}
		if err == nil && rest == "" {
			err = lost
		}
		if err != nil || rest == "" && !more() {
			break
		}
		raw, rest = []byte(rest), ""
	}
	if lost != nil { // what was read before is chance
		body, err, x.bodyEnd, x.keepalive = "", lost, false, false
	}
	fmt.Fprintf(&b, " %q", body)
	for _, word := range []struct {
		text string
		on   bool
	}{
		{"fault", err != nil},
		{"end", x.bodyEnd && !x.short},
		{"short", x.short},
		{"EOF", x.untilEOF && !x.bodyEnd && err == nil},
		{"keep", x.keepalive},
		{"upgrade", x.reply.upgrade},
	} {
		if word.on {
			b.WriteString(" " + word.text)
		}
	}
	return b.String()
}

// testReplies holds a protocol to its table: whole, and cut at every byte.
func testReplies(t *testing.T, fresh func() protocol, tests []responseTest) {
	onTask(t, func(r *http.Request) {
		for _, tt := range tests {
			r.Method = http.GET
			if tt.head {
				r.Method = http.HEAD
			}
			p := fresh() // one for all cuts, as an exchange's is used again
			if got := describeReply(r, p, 1024, tt.in); got != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
				continue
			}
			for cut := 1; cut < len(tt.in); cut++ {
				if got := describeReply(r, p, 1024, tt.in, cut); got != tt.want {
					t.Errorf("%s, cut at %d of %q:\n got %s\nwant %s", tt.name, cut, tt.in, got, tt.want)
					break
				}
			}
			every := make([]int, len(tt.in))
			for i := range every {
				every[i] = i
			}
			if got := describeReply(r, p, 1024, tt.in, every...); got != tt.want {
				t.Errorf("%s, byte by byte:\n got %s\nwant %s", tt.name, got, tt.want)
			}
		}
	})
}

func fuzzReply(t *testing.T, r *http.Request, fresh func() protocol, in string, cut int) {
	onTask(t, func(task *http.Request) {
		r.Task = task.Task
		whole := describeReply(r, fresh(), 512, in)
		if got := describeReply(r, fresh(), 512, in, cut); got != whole {
			t.Errorf("%q, cut at %d:\n got %s\nwant %s", in, cut, got, whole)
		}
	})
}

// fuzzRequest is a request with GET, of a location without settings.
func fuzzRequest() *http.Request {
	return &http.Request{
		Method: http.GET, Head: &http.Head{}, Client: &http.Client{}, Place: http.Place{Loc: &http.Location{Core: &http.CoreConf{}}},
	}
}
