package proxy

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"testing"

	"weir/http"
)

// testParams makes parameters of pairs of names and texts; a name with "?" at its end is one with if_not_empty.
func testParams(t *testing.T, covered []string, pairs ...string) *params {
	p := &params{fields: true, covered: covered}
	for i := 0; i < len(pairs); i += 2 {
		name, skip := strings.CutSuffix(pairs[i], "?")
		p.list = append(p.list, paramConf{name, text(t, pairs[i+1]), skip})
	}
	return p
}

// paramTests are written by each of the protocols, and read by a reader of the test's own.
func paramTests(t *testing.T) []struct {
	name   string
	params *params
	in     []http.Field
	want   string
} {
	long := strings.Repeat("l", 200)
	return []struct {
		name   string
		params *params
		in     []http.Field
		want   string
	}{
		{"none", testParams(t, nil), nil, ""},
		{"usual", testParams(t, nil, "A", "b", "C", "x$v", "EMPTY", ""), nil, "A=b|C=xvalue|EMPTY=|"},
		{"if_not_empty", testParams(t, nil, "A?", "$empty", "B?", "$v", "C", "$empty"), nil, "B=value|C=|"},
		{
			"long ones", testParams(t, nil, long, long, "a", long, long, "a", "b", strings.Repeat("m", 127), "c", strings.Repeat("m", 128)), nil,
			long + "=" + long + "|a=" + long + "|" + long + "=a|b=" + strings.Repeat("m", 127) + "|c=" + strings.Repeat("m", 128) + "|",
		},
		{
			"fields", testParams(t, nil),
			[]http.Field{newField("Host", "h"), newField("x-a_b", "1"), newField("Accept-Language", "de")},
			"HTTP_HOST=h|HTTP_X_A_B=1|HTTP_ACCEPT_LANGUAGE=de|",
		},
		{"fields that come twice", testParams(t, nil), []http.Field{
			newField("X-A", "1"), newField("Cookie", "a"), newField("x-a", "2"), newField("cookie", "b"), newField("X-B", "3"), newField("X-A", "4"),
		}, "HTTP_X_A=1, 2, 4|HTTP_COOKIE=a; b|HTTP_X_B=3|"},
		{"fields that parameters stand for", testParams(t, []string{"X_A", "HOST"}, "HTTP_HOST", "other"), []http.Field{
			newField("Host", "h"), newField("x-a", "1"), newField("x-a", "2"), newField("X-AB", "3"), newField("x_A", "4"),
		}, "HTTP_HOST=other|HTTP_X_AB=3|"},
		{"a long field", testParams(t, nil), []http.Field{newField(long, long)}, "HTTP_" + strings.ToUpper(long) + "=" + long + "|"},
	}
}

// testCoding creates the requests of paramTests and reads them again.
func testCoding(t *testing.T, speak func(p *params) protocol, read func(head []byte) (string, bool)) {
	onTask(t, func(r *http.Request) {
		c := call{r: r}
		for _, tt := range paramTests(t) {
			r.In = tt.in
			if v := speak(tt.params).createRequest(&c); v != http.Next {
				t.Errorf("%s: %d", tt.name, v)
			}
			if got, ok := read(c.head); got != tt.want || !ok {
				t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
			}
		}
	})
}

func TestFastCGIParams(t *testing.T) {
	testCoding(t, func(p *params) protocol {
		return (&fastcgiLoc{fastcgiConf: &fastcgiConf{keep: true}, list: p}).protocol(nil)
	}, func(head []byte) (string, bool) {
		begin := "\x01\x01\x00\x01\x00\x08\x00\x00" + "\x00\x01\x01\x00\x00\x00\x00\x00"
		rest, ok := bytes.CutPrefix(head, []byte(begin))
		if !ok || !bytes.HasPrefix(rest, []byte{1, 4, 0, 1}) {
			return "", false
		}
		n := int(binary.BigEndian.Uint16(rest[4:]))
		pad := int(rest[6])
		content := rest[8 : 8+n]
		if string(rest[8+n+pad:]) != "\x01\x04\x00\x01\x00\x00\x00\x00" || len(rest)%8 != 0 {
			return "", false
		}
		size := func() int {
			if content[0] < 128 {
				n := int(content[0])
				content = content[1:]
				return n
			}
			n := int(binary.BigEndian.Uint32(content) &^ (1 << 31))
			content = content[4:]
			return n
		}
		text := ""
		for len(content) > 0 {
			name, value := size(), 0
			value = size()
			text += string(content[:name]) + "=" + string(content[name:name+value]) + "|"
			content = content[name+value:]
		}
		return text, true
	})
}

func TestUwsgiParams(t *testing.T) {
	testCoding(t, func(p *params) protocol {
		return (&uwsgiLoc{uwsgiConf: &uwsgiConf{modifier1: 5, modifier2: 255, text: "tail"}, list: p}).protocol(nil)
	}, func(head []byte) (string, bool) {
		if head[0] != 5 || head[3] != 255 || int(binary.LittleEndian.Uint16(head[1:])) != len(head)-4 {
			return "", false
		}
		content, ok := bytes.CutSuffix(head[4:], []byte("tail"))
		field := func() string {
			n := int(binary.LittleEndian.Uint16(content))
			s := string(content[2 : 2+n])
			content = content[2+n:]
			return s
		}
		text := ""
		for len(content) > 0 {
			text += field() + "="
			text += field() + "|"
		}
		return text, ok
	})
}

func TestSCGIParams(t *testing.T) {
	testCoding(t, func(p *params) protocol {
		return (&scgiLoc{scgiConf: &scgiConf{}, list: p}).protocol(nil)
	}, func(head []byte) (string, bool) {
		size, rest, ok := bytes.Cut(head, []byte(":"))
		n, err := strconv.Atoi(string(size))
		if !ok || err != nil || n != len(rest)-1 || rest[n] != ',' {
			return "", false
		}
		parts := strings.Split(string(rest[:n]), "\x00")
		text := ""
		for i := 0; i+1 < len(parts); i += 2 {
			text += parts[i] + "=" + parts[i+1] + "|"
		}
		return strings.TrimPrefix(text, "CONTENT_LENGTH=0|"), strings.HasPrefix(text, "CONTENT_LENGTH=0|")
	})
}

// TestSCGILength: CONTENT_LENGTH is that of the body that is sent.
func TestSCGILength(t *testing.T) {
	onTask(t, func(r *http.Request) {
		for _, tt := range []struct {
			body http.Body
			want string
		}{
			{http.Body{}, "17:CONTENT_LENGTH\x000\x00,"},
			{http.Body{Length: 12}, "18:CONTENT_LENGTH\x0012\x00,"},
			{http.Body{Length: -1, Chunked: true, Size: 7}, "17:CONTENT_LENGTH\x007\x00,"},
		} {
			c := call{r: r}
			r.Body = tt.body
			(&scgiLoc{scgiConf: &scgiConf{}, list: &params{}}).protocol(nil).createRequest(&c)
			if string(c.head) != tt.want {
				t.Errorf("%q, want %q", c.head, tt.want)
			}
		}
	})
}

// TestParamsTooBig: what does not fit in one record or packet is refused.
func TestParamsTooBig(t *testing.T) {
	big := testParams(t, nil, "A", strings.Repeat("x", 65536))
	onTask(t, func(r *http.Request) {
		for _, p := range []protocol{
			(&fastcgiLoc{fastcgiConf: &fastcgiConf{}, list: big}).protocol(nil),
			(&uwsgiLoc{uwsgiConf: &uwsgiConf{}, list: big}).protocol(nil),
		} {
			c := call{r: r}
			if v := p.createRequest(&c); v != http.StatusInternal {
				t.Errorf("%T: %d", p, v)
			}
		}
		c := call{r: r}
		if v := (&scgiLoc{scgiConf: &scgiConf{}, list: big}).protocol(nil).createRequest(&c); v != http.Next {
			t.Errorf("SCGI: %d", v)
		}
	})
}
