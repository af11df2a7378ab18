package listen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"weir/conf"
)

// ProxyHeader is what a PROXY protocol header says of the connection that a proxy passes on. Addresses are text, since nginx takes
// those of version 1 as they come. It lives as long as the connection.
type ProxyHeader struct {
	SrcAddr, DstAddr string
	SrcPort, DstPort uint16
	tlvs             []byte
}

// Source is the address that the connection comes from; not ok where the header has another text for it.
func (h *ProxyHeader) Source() (a netip.AddrPort, ok bool) {
	a, ok = conf.ParseAddrPort(h.SrcAddr)
	return netip.AddrPortFrom(a.Addr(), h.SrcPort), ok
}

// MaxProxyHeader is how long a header may be; it must be read with room for as much.
const MaxProxyHeader = 4096

// ErrProxyMore says that the header is not complete yet.
var ErrProxyMore = errors.New("incomplete PROXY protocol header")

const proxySignature = "\r\n\r\n\x00\r\nQUIT\n"

// ParseProxyHeader reads the header of either version at the beginning of b and says how long it is. The header is nil when it says
// nothing of addresses (UNKNOWN, LOCAL, families that are no TCP). Errors are nginx's sentences.
func ParseProxyHeader(b []byte) (h *ProxyHeader, n int, err error) {
	if common := min(len(b), len(proxySignature)); string(b[:common]) == proxySignature[:common] {
		if len(b) < 16 {
			return nil, 0, ErrProxyMore
		}
		return parseProxy2(b)
	}
	return parseProxy1(b)
}

// maxProxy1 is how long a header of version 1 may be (the specification's 107 bytes).
const maxProxy1 = 107

// parseProxy1 reads "PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n".
func parseProxy1(b []byte) (*ProxyHeader, int, error) {
	const mark = "PROXY "
	common := min(len(b), len(mark))
	line, _, whole := bytes.Cut(b, []byte("\r\n"))
	switch {
	case string(b[:common]) != mark[:common]:
		return nil, 0, brokenProxy1(b)
	case !whole && len(b) < maxProxy1 && bytes.IndexByte(b[:max(0, len(b)-1)], '\r') < 0 && bytes.IndexByte(b, '\n') < 0:
		return nil, 0, ErrProxyMore
	case !whole:
		return nil, 0, brokenProxy1(b)
	}
	n := len(line) + 2
	rest := line[len(mark):]
	if bytes.HasPrefix(rest, []byte("UNKNOWN")) {
		return nil, n, nil
	}
	words := bytes.Split(rest, []byte(" "))
	if len(words) != 5 || string(words[0]) != "TCP4" && string(words[0]) != "TCP6" || !proxyAddr(words[1]) || !proxyAddr(words[2]) {
		return nil, 0, brokenProxy1(b)
	}
	from, err1 := strconv.ParseUint(string(words[3]), 10, 16)
	to, err2 := strconv.ParseUint(string(words[4]), 10, 16)
	if err1 != nil || err2 != nil {
		return nil, 0, brokenProxy1(b)
	}
	return &ProxyHeader{SrcAddr: string(words[1]), DstAddr: string(words[2]), SrcPort: uint16(from), DstPort: uint16(to)}, n, nil
}

// proxyAddr reports whether b has the characters of an address; nginx asks no more of one.
func proxyAddr(b []byte) bool {
	for _, c := range b {
		if c != ':' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

func brokenProxy1(b []byte) error {
	if i := bytes.IndexAny(b, "\r\n"); i >= 0 {
		b = b[:i]
	}
	return fmt.Errorf("broken header: \"%s\"", b)
}

// parseProxy2 reads the binary header, of which b has the first 16 bytes at least.
func parseProxy2(b []byte) (*ProxyHeader, int, error) {
	if v := b[12] >> 4; v != 2 {
		return nil, 0, fmt.Errorf("unknown PROXY protocol version: %d", v)
	}
	n := 16 + int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case n > MaxProxyHeader:
		return nil, 0, errors.New("header is too large")
	case len(b) < n:
		return nil, 0, ErrProxyMore
	}
	command, family, transport, body := b[12]&15, b[13]>>4, b[13]&15, b[16:n]
	if command != 1 || transport != 1 { // PROXY, STREAM
		return nil, n, nil
	}
	size := 0
	switch family {
	case 1:
		size = 4
	case 2:
		size = 16
	default:
		return nil, n, nil
	}
	if len(body) < 2*size+4 {
		return nil, 0, errors.New("broken header: too short for its addresses")
	}
	src, _ := netip.AddrFromSlice(body[:size])
	dst, _ := netip.AddrFromSlice(body[size : 2*size])
	h := &ProxyHeader{
		SrcAddr: src.String(), SrcPort: binary.BigEndian.Uint16(body[2*size:]),
		DstAddr: dst.String(), DstPort: binary.BigEndian.Uint16(body[2*size+2:]),
	}
	h.tlvs = bytes.Clone(body[2*size+4:])
	return h, n, nil
}

// Types of TLVs, by the names they have in variables.
func proxyTLVType(name string) (byte, bool) {
	switch name {
	case "alpn":
		return 0x01, true
	case "authority":
		return 0x02, true
	case "unique_id":
		return 0x05, true
	case "ssl":
		return 0x20, true
	case "netns":
		return 0x30, true
	}
	return 0, false
}

// proxySSLType is for what stands inside the TLV "ssl".
func proxySSLType(name string) (byte, bool) {
	switch name {
	case "version":
		return 0x21, true
	case "cn":
		return 0x22, true
	case "cipher":
		return 0x23, true
	case "sig_alg":
		return 0x24, true
	case "key_alg":
		return 0x25, true
	}
	return 0, false
}

// TLV returns the value of $proxy_protocol_tlv_name: a name of the specification, "ssl_" and a name inside the TLV of TLS, or a
// number as in 0x03. It is false when the header has none; the error is for the log.
func (h *ProxyHeader) TLV(name string) (value []byte, ok bool, err error) {
	tlvs, types := h.tlvs, proxyTLVType
	short := name
	if len(name) >= 4 && name[:4] == "ssl_" {
		ssl, ok, err := findTLV(tlvs, 0x20)
		if !ok || err != nil {
			return nil, false, err
		}
		if len(ssl) < 5 {
			return nil, false, errors.New("broken PROXY protocol TLV")
		}
		if short = name[4:]; short == "verify" {
			return strconv.AppendUint(nil, uint64(binary.BigEndian.Uint32(ssl[1:])), 10), true, nil
		}
		tlvs, types = ssl[5:], proxySSLType
	}
	if len(short) >= 2 && short[:2] == "0x" {
		n, err := strconv.ParseUint(short[2:], 16, 31)
		if err != nil {
			return nil, false, fmt.Errorf("invalid PROXY protocol TLV \"%s\"", name)
		}
		if n > 255 {
			return nil, false, nil
		}
		return findTLV(tlvs, byte(n))
	}
	t, known := types(short)
	if !known {
		return nil, false, fmt.Errorf("unknown PROXY protocol TLV \"%s\"", name)
	}
	return findTLV(tlvs, t)
}

// findTLV finds the first value of a type in a list of type, length and value.
func findTLV(b []byte, want byte) (value []byte, ok bool, err error) {
	for len(b) > 0 {
		if len(b) < 3 {
			return nil, false, errors.New("broken PROXY protocol TLV")
		}
		n := int(binary.BigEndian.Uint16(b[1:]))
		if len(b) < 3+n {
			return nil, false, errors.New("broken PROXY protocol TLV")
		}
		if b[0] == want {
			return b[3 : 3+n], true, nil
		}
		b = b[3+n:]
	}
	return nil, false, nil
}
