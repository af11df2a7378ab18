package resolver

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// askAbout is a question as a server sees it.
func askAbout(name string, kind uint16) *query {
	return parseQuery(appendQuestion(nil, 7, name, kind))
}

// messages are answers and what is read of them: the error, or what records says.
func messages() []struct {
	name string
	data []byte
	want string
} {
	a, aaaa, srv := askAbout("a.test", typeA), askAbout("a.test", typeAAAA), askAbout("_x._tcp.test", typeSRV)
	set := func(b []byte, at int, v ...byte) []byte { b = slices.Clone(b); copy(b[at:], v); return b }
	end := len(a.raw) // where the records begin
	return []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "short DNS response"},
		{"A", a.reply(0, rrA("", 5, "1.2.3.4")), "a.test [1.2.3.4] ttl 5"},
		{"AAAA", aaaa.reply(0, rrA("", 5, "::1")), "a.test [::1] ttl 5"},
		{"the least time to live", a.reply(0, rrA("", 5, "1.2.3.4"), rrA("", 3, "1.2.3.5")), "a.test [1.2.3.4 1.2.3.5] ttl 3"},
		{"a negative time to live", a.reply(0, rrA("", 1<<31, "1.2.3.4")), "a.test [1.2.3.4] ttl 0"},
		{"nothing", a.reply(0), "a.test [] ttl 4294967295"},
		{"upper case", set(a.reply(0, rrA("A.TEST", 5, "1.2.3.4")), 13, 'A'), "a.test [1.2.3.4] ttl 5"},
		{"SRV", srv.reply(0, rrSRV(5, 1, 0, 80, "h.test")), "_x._tcp.test [] {h.test 1 1 80} ttl 5"},
		{"SRV cut", srv.reply(0, rr("", typeSRV, 5, []byte{0, 1, 0, 1, 0})), "short DNS response"},
		{"SRV in an answer about A", a.reply(0, rrSRV(5, 1, 1, 1, "h.test")), "a.test [] strange [33] ttl 5"},
		{"a code that nobody knows", a.reply(9), "DNS error (9: Unknown error), query id:7"},
		{"format error", a.reply(1), "DNS error (1: Format error), query id:7"},
		{"not an answer", set(a.raw, 0), "invalid UDP DNS response 7 fl:0100"},
		{"another operation", set(a.reply(0), 2, 0x91), "invalid UDP DNS response 7 fl:9180"},
		{"two questions", set(a.reply(0), 5, 2), "invalid number of questions in DNS response"},
		{"a question by pointer", set(a.reply(0), 12, 0xc0, 12), "unexpected compression pointer in DNS response"},
		{"a question about the root", set(a.reply(0), 12, 0), "zero-length domain name in DNS response"},
		{"another class", set(a.reply(0), end-1, 3), "unknown query class 3 in DNS response"},
		{"another type", set(a.reply(0), end-3, 16), "unknown query type 16 in DNS response"},
		{"more answers than fit", set(a.reply(0), 6, 0xff, 0xff), "short DNS response"},
		{"A of five bytes", a.reply(0, rr("", typeA, 5, make([]byte, 5))), "invalid A record in DNS response"},
		{"AAAA of four bytes", aaaa.reply(0, rr("", typeAAAA, 5, make([]byte, 4))), "invalid AAAA record in DNS response"},
		{"AAAA for A", a.reply(0, rrA("", 5, "::1")), "unexpected AAAA record in DNS response"},
		{"A for AAAA", aaaa.reply(0, rrA("", 5, "1.2.3.4")), "unexpected A record in DNS response"},
		{"a record of another class", set(a.reply(0, rrA("", 5, "1.2.3.4")), end+5, 4), "unexpected RR class 4 in DNS response"},
		{"data longer than the message", set(a.reply(0, rrA("", 5, "1.2.3.4")), end+11, 5), "short DNS response"},
		{"an owner that is the root", a.reply(0, append([]byte{0}, rrA("", 5, "1.2.3.4")[2:]...)), "invalid name in DNS response"},
		{"a pointer to itself", a.reply(0, set(rrA("", 5, "1.2.3.4"), 1, byte(end))), "compression pointers loop in DNS response"},
		{"two pointers in a circle", a.reply(0, rr("", typeCNAME, 5, []byte{0xc0, byte(end + 14), 0xc0, byte(end + 12)})), "compression pointers loop in DNS response"},
		{"a pointer beyond the end", a.reply(0, set(rrA("", 5, "1.2.3.4"), 0, 0xff, 0xff)), "name is out of DNS response"},
		{"a pointer that is cut", a.reply(0, rr("", typeCNAME, 5, []byte{0xc0})), "name is out of DNS response"},
		{"a label beyond the end", a.reply(0, rr("", typeCNAME, 5, []byte{63, 'a'})), "name is out of DNS response"},
		{"a label of an unknown kind", a.reply(0, rr("", typeCNAME, 5, []byte{0x80, 0})), "invalid label type in DNS response"},
		{"an alias that never ends", a.reply(0, rr("", typeCNAME, 5, []byte{1, 'a', 0xc0, byte(end + 12)})), "compression pointers loop in DNS response"},
		{"a label with a dot", a.reply(0, rr("", typeCNAME, 5, []byte("\x03a.b\x00"))), "invalid name in DNS response"},
		{"a label with a line end", a.reply(0, rr("", typeCNAME, 5, []byte("\x03a\nb\x00"))), "invalid name in DNS response"},
		{"a long name", a.reply(0, rr("", typeCNAME, 5, slices.Concat([]byte(strings.Repeat("\x3f"+strings.Repeat("a", 63), 5)), []byte{0}))), "too long name in DNS response"},
		{"alias", a.reply(0, rrAlias("", 4, "b.test")), "a.test [] to b.test ttl 4"},
		{"alias with addresses", a.reply(0, rrAlias("", 4, "b.test"), rrA("b.test", 5, "1.2.3.4")), "a.test [1.2.3.4] to b.test ttl 4"},
		{"addresses of others", a.reply(0, rrA("b.test", 1, "1.2.3.4"), rrA("", 5, "1.2.3.5")), "a.test [1.2.3.5] ttl 5"},
	}
}

func readAll(b []byte) string {
	m, err := parseMessage(b, false)
	if err != nil {
		return err.Error()
	}
	r, err := m.records()
	if err != nil {
		return err.Error()
	}
	s := fmt.Sprintf("%s %v", m.name, r.addrs)
	for _, v := range r.services {
		s += fmt.Sprintf(" %v", v)
	}
	if r.cname != "" {
		s += " to " + r.cname
	}
	if r.strange != nil {
		s += fmt.Sprintf(" strange %v", r.strange)
	}
	return s + fmt.Sprintf(" ttl %d", r.ttl)
}

func TestMessages(t *testing.T) {
	for _, c := range messages() {
		if got := readAll(c.data); got != c.want {
			t.Errorf("%s: %s; want %s\n%s", c.name, got, c.want, hex.Dump(c.data))
		}
		for n := range c.data { // cut anywhere, it is an error, or says less
			_ = readAll(c.data[:n])
		}
	}
}

// FuzzMessage reads whatever comes: nothing that is not there is read, and names are names.
func FuzzMessage(f *testing.F) {
	for _, c := range messages() {
		f.Add(c.data)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b, false)
		if err != nil {
			return
		}
		r, err := m.records()
		if err != nil {
			return
		}
		if len(r.addrs) > m.answers || len(r.services) > m.answers {
			t.Fatalf("%d addresses and %d services in %d records", len(r.addrs), len(r.services), m.answers)
		}
		for _, a := range r.addrs {
			if a.Is4() != (m.kind == typeA) {
				t.Fatalf("address %v for type %d", a, m.kind)
			}
		}
		names := []string{m.name, r.cname}
		for _, s := range r.services {
			names = append(names, s.name)
		}
		for _, n := range names {
			if len(n) > longestName || strings.ContainsFunc(n, func(c rune) bool { return c <= ' ' || c >= 0x7f || 'A' <= c && c <= 'Z' }) {
				t.Fatalf("name %q", n)
			}
		}
		// A question about it is read as what was asked.
		if askable(m.name) {
			q := askAbout(m.name, m.kind)
			if q == nil || q.name != m.name || q.kind != m.kind {
				t.Fatalf("asked about %q, type %d: %+v", m.name, m.kind, q)
			}
		}
	})
}

// TestQuestion is one question, byte for byte.
func TestQuestion(t *testing.T) {
	got := appendQuestion(nil, 0x1234, "www.example.org", typeAAAA)
	want := "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x03org\x00\x00\x1c\x00\x01"
	if string(got) != want {
		t.Errorf("%q; want %q", got, want)
	}
	if n := len(appendQuestion(nil, 0, strings.Repeat("a.", 127)+"a", typeA)); n > largestQuestion {
		t.Errorf("the longest question has %d bytes; there is room for %d", n, largestQuestion)
	}
}
