package listen

import (
	"strconv"
	"strings"
	"testing"
)

const sig2 = "\r\n\r\n\x00\r\nQUIT\n"

var proxyHeaders = []struct {
	name, in string
	want     string // source and destination; "-" when there are none
	err      string
}{
	{"v1", "PROXY TCP4 192.0.2.1 192.0.2.2 1 65535\r\n", "192.0.2.1 1 192.0.2.2 65535", ""},
	{"v1 IPv6", "PROXY TCP6 ::1 2001:DB8::2 0 80\r\n", "::1 0 2001:DB8::2 80", ""},
	{"v1 unknown", "PROXY UNKNOWN\r\n", "-", ""},
	{"v1 unknown with addresses", "PROXY UNKNOWN ffff::1 ::2 1 2\r\n", "-", ""},
	{"v1 other family", "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", "", `broken header: "PROXY UDP4 192.0.2.1 192.0.2.2 1 2"`},
	{"v1 a name", "PROXY TCP4 host 192.0.2.2 1 2\r\n", "", "broken header"},
	{"v1 no port", "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "", "broken header"},
	{"v1 large port", "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", "", "broken header"},
	{"v1 negative port", "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n", "", "broken header"},
	{"v1 bare LF", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\nGET / HTTP/1.0\r\n", "", `broken header: "PROXY TCP4 192.0.2.1 192.0.2.2 1 2"`},
	{"v1 without an end", "PROXY TCP4 " + strings.Repeat("1", 200), "", "broken header"},
	{"HTTP", "GET / HTTP/1.0\r\n", "", `broken header: "GET / HTTP/1.0"`},
	{"v2", sig2 + "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x04\xd2\x16\x2e", "192.0.2.1 1234 192.0.2.2 5678", ""},
	{"v2 IPv6", sig2 + "\x21\x21\x00\x24" + strings.Repeat("\x00", 15) + "\x01" + strings.Repeat("\x00", 15) + "\x02\x00\x01\x00\x02", "::1 1 ::2 2", ""},
	{"v2 local", sig2 + "\x20\x00\x00\x00", "-", ""},
	{"v2 local with a body", sig2 + "\x20\x11\x00\x02ab", "-", ""},
	{"v2 datagram", sig2 + "\x21\x12\x00\x00", "-", ""},
	{"v2 unix", sig2 + "\x21\x31\x00\x01a", "-", ""},
	{"v2 lying length", sig2 + "\x21\x11\x00\x0b\xc0\x00\x02\x01\xc0\x00\x02\x02\x04\xd2\x16", "", "too short for its addresses"},
	{"v2 too long", sig2 + "\x21\x11\xff\xff", "", "header is too large"},
	{"version 3", sig2 + "\x31\x11\x00\x00", "", "unknown PROXY protocol version: 3"},
}

// TestParseProxyHeader reads every header whole and with more behind it; a header cut anywhere asks for more or is refused.
func TestParseProxyHeader(t *testing.T) {
	for _, tt := range proxyHeaders {
		t.Run(tt.name, func(t *testing.T) {
			h, n, err := ParseProxyHeader([]byte(tt.in))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v; want %q", err, tt.err)
				}
				return
			}
			if err != nil || n != len(tt.in) || headerText(h) != tt.want {
				t.Fatalf("%q, %d bytes, %v; want %q, %d bytes", headerText(h), n, err, tt.want, len(tt.in))
			}
			if h, n, err := ParseProxyHeader([]byte(tt.in + "GET / HTTP/1.1\r\n")); err != nil || n != len(tt.in) || headerText(h) != tt.want {
				t.Errorf("with a request behind it: %q, %d bytes, %v", headerText(h), n, err)
			}
			for i := range tt.in {
				if _, _, err := ParseProxyHeader([]byte(tt.in[:i])); err != ErrProxyMore {
					t.Errorf("of %d bytes: %v; want more", i, err)
				}
			}
		})
	}
}

func headerText(h *ProxyHeader) string {
	if h == nil {
		return "-"
	}
	return h.SrcAddr + " " + portOf(h.SrcPort) + " " + h.DstAddr + " " + portOf(h.DstPort)
}

func portOf(p uint16) string { return strconv.Itoa(int(p)) }

func TestProxyTLV(t *testing.T) {
	ssl := "\x20\x00\x14" + "\x07\x00\x00\x00\x01" + "\x21\x00\x07TLSv1.3" + "\x22\x00\x02cn"
	h := &ProxyHeader{tlvs: []byte("\x01\x00\x02h2" + "\x02\x00\x03a.b" + "\xea\x00\x00" + ssl)}
	for _, tt := range []struct{ name, want string }{
		{"alpn", "h2"},
		{"authority", "a.b"},
		{"0x02", "a.b"},
		{"0xEA", ""},
		{"unique_id", "-"},
		{"0x1234", "-"},
		{"ssl_version", "TLSv1.3"},
		{"ssl_cn", "cn"},
		{"ssl_0x22", "cn"},
		{"ssl_verify", "1"},
		{"ssl_cipher", "-"},
		{"typo", `error unknown PROXY protocol TLV "typo"`},
		{"0xzz", `error invalid PROXY protocol TLV "0xzz"`},
	} {
		got := tlvText(h, tt.name)
		if got != tt.want {
			t.Errorf("%s is %q; want %q", tt.name, got, tt.want)
		}
	}
	for _, broken := range []string{"\x01", "\x01\x00", "\x01\x00\x05h2", "\x03\x00\x00\x01"} {
		if got := tlvText(&ProxyHeader{tlvs: []byte(broken)}, "alpn"); got != "error broken PROXY protocol TLV" {
			t.Errorf("in %q: %q", broken, got)
		}
	}
}

func tlvText(h *ProxyHeader, name string) string {
	v, ok, err := h.TLV(name)
	switch {
	case err != nil:
		return "error " + err.Error()
	case !ok:
		return "-"
	}
	return string(v)
}

func FuzzParseProxyHeader(f *testing.F) {
	for _, tt := range proxyHeaders {
		f.Add([]byte(tt.in))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := ParseProxyHeader(b)
		if n > len(b) || err == nil && n == 0 {
			t.Fatalf("%d of %d bytes, %v", n, len(b), err)
		}
		if h != nil {
			_, _, _ = h.TLV("authority")
			_, _, _ = h.TLV("ssl_cn")
		}
	})
}
