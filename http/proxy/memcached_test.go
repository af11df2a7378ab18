package proxy

import (
	"strings"
	"testing"

	"weir/http"
)

func memcachedLocation(t *testing.T, key string, gzipFlag int) *memcachedLoc {
	return &memcachedLoc{memcachedConf: &memcachedConf{gzipFlag: gzipFlag}, key: text(t, key)}
}

var memcachedTests = []responseTest{
	{name: "found", in: "VALUE value 0 5\r\nhello\r\nEND\r\n", want: `200  "hello" end keep`},
	{name: "nothing in it", in: "VALUE value 0 0\r\n\r\nEND\r\n", want: `200  "" end keep`},
	{name: "END in it", in: "VALUE value 0 7\r\n\r\nEND\r\n\r\nEND\r\n", want: `200  "\r\nEND\r\n" end keep`},
	{name: "compressed", in: "VALUE value 6 5\r\nhello\r\nEND\r\n", want: `200  Content-Encoding="gzip" "hello" end keep`},
	{name: "another flag", in: "VALUE value 5 5\r\nhello\r\nEND\r\n", want: `200  "hello" end keep`},
	{name: "not found", in: "END\r\n", want: `404  "" end keep`},
	{name: "HEAD", head: true, in: "VALUE value 0 5\r\nhello\r\nEND\r\n", want: `200  "" end`},
	{name: "more behind it", in: "VALUE value 0 5\r\nhello\r\nEND\r\nmore", want: `200  "hello" end`},

	{name: "another trailer", in: "VALUE value 0 5\r\nhello\r\nEDN\r\n", want: `200  "hello" end`},
	{name: "longer than it says", in: "VALUE value 0 4\r\nhello\r\nEND\r\n", want: `200  "hell" end`},
	{name: "shorter than it says", in: "VALUE value 0 8\r\nhello\r\nEND\r\n", want: `200  "hello\r\nE" end`},
	{name: "cut", in: "VALUE value 0 5\r\nhel", want: `200  "hel"`},
	{name: "without its end", in: "VALUE value 0 5\r\nhello\r\nEN", want: `200  "hello"`},

	{name: "nothing", in: "", want: "more"},
	{name: "half a line", in: "VALUE value", want: "more"},
	{name: "another key", in: "VALUE other 0 5\r\nhello\r\nEND\r\n", want: "bad"},
	{name: "a longer key", in: "VALUE values 0 5\r\nhello\r\nEND\r\n", want: "bad"},
	{name: "no flags", in: "VALUE value 5\r\nhello\r\nEND\r\n", want: "bad"},
	{name: "flags that are none", in: "VALUE value x 5\r\nhello\r\nEND\r\n", want: "bad"},
	{name: "no length", in: "VALUE value 0 \r\nhello\r\nEND\r\n", want: "bad"},
	{name: "a length that is none", in: "VALUE value 0 5x\r\nhello\r\nEND\r\n", want: "bad"},
	{name: "a negative length", in: "VALUE value 0 -5\r\nhello\r\nEND\r\n", want: "bad"},
	{name: "a unique number", in: "VALUE value 0 5 77\r\nhello\r\nEND\r\n", want: "bad"},
	{name: "an error", in: "SERVER_ERROR out of memory\r\n", want: "bad"},
	{name: "LF only", in: "END\n", want: "bad"},
	{name: "an empty line", in: "\r\n", want: "bad"},
	{name: "too long a line", in: "VALUE " + strings.Repeat("x", 1200), want: "bad"},
}

func TestMemcachedResponse(t *testing.T) {
	l := memcachedLocation(t, "$v", 2)
	testReplies(t, func() protocol { return asked{l.protocol(nil)} }, memcachedTests)
}

// asked is a protocol that has asked for its key when a response comes.
type asked struct{ protocol }

func (a asked) restart(c *call) {
	head := *c
	a.createRequest(&head)
	a.protocol.restart(c)
}

func TestMemcachedRequest(t *testing.T) {
	tests := []struct{ key, want string }{
		{"/a/b?c", "get /a/b?c\r\n"},
		{"$v", "get value\r\n"},
		{"a b%\r\n\x00\x7f\xff", "get a%20b%25%0D%0A%00\x7f\xff\r\n"},
		{"$empty", ""},
	}
	onTask(t, func(r *http.Request) {
		for _, tt := range tests {
			c := call{r: r}
			v := memcachedLocation(t, tt.key, 0).protocol(nil).createRequest(&c)
			if tt.want == "" {
				if v != http.StatusInternal {
					t.Errorf("%q: %d", tt.key, v)
				}
				continue
			}
			if string(c.head) != tt.want || v != http.Next {
				t.Errorf("%q: %q, %d", tt.key, c.head, v)
			}
		}
	})
}

func FuzzMemcached(f *testing.F) {
	for _, tt := range memcachedTests {
		f.Add(tt.in, len(tt.in)/2)
	}
	f.Fuzz(func(t *testing.T, in string, cut int) {
		l := memcachedLocation(t, "$v", 2)
		r := fuzzRequest()
		fuzzReply(t, r, func() protocol { return asked{l.protocol(nil)} }, in, cut)
	})
}
