package resolver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// The types of records that are asked for, or understood in answers (RFC 1035, 2782, 3596, 6672).
const (
	typeA     = 1
	typeCNAME = 5
	typeAAAA  = 28
	typeSRV   = 33
	typeDNAME = 39
)

const (
	classIN    = 1
	headSize   = 12 // of a message
	recordSize = 10 // of what stands between the name of a record and its data
	longestLab = 63
	// longestName is what a name may have of letters and dots. On the wire that is two octets more than RFC 1035 allows, since nginx does.
	longestName = 255
	// mostServices is how many records of a service are looked at.
	mostServices = 1024
	// mostPointers is more than the longest name can need.
	mostPointers = 128
)

// appendQuestion makes the message that asks for one type of records of a name.
func appendQuestion(b []byte, id uint16, name string, kind uint16) []byte {
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, 1, 0 /* recursion is wanted */, 0, 1, 0, 0, 0, 0, 0, 0)
	for start, i := 0, 0; i <= len(name); i++ {
		if i == len(name) || name[i] == '.' {
			b = append(append(b, byte(i-start)), name[start:i]...)
			start = i + 1
		}
	}
	b = append(b, 0)
	b = binary.BigEndian.AppendUint16(b, kind)
	return binary.BigEndian.AppendUint16(b, classIN)
}

// askable says whether a question about a name can be written: labels of 1 to 63 octets.
func askable(name string) bool {
	if name == "" || len(name) > longestName {
		return false
	}
	size := 0
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '.' {
			size++
			continue
		}
		if size == 0 || size > longestLab {
			return false
		}
		size = 0
	}
	return true
}

// A message is an answer whose head and question were understood. What it says of records is read by records.
type message struct {
	data      []byte
	id        uint16
	truncated bool
	code      int
	kind      uint16 // of the question
	name      string // of the question, in lower case, without a dot at the end
	answers   int
	at        int // of the first answer
}

// A codeError is an answer that is no use, since the server did not understand the question, or what it says is not understood.
type codeError struct {
	code int
	id   uint16
}

func (e *codeError) Error() string {
	return fmt.Sprintf("DNS error (%d: %s), query id:%d", e.code, codeText(e.code), e.id)
}

// nginx's sentences for messages that cannot be read.
var (
	errShort    = errors.New("short DNS response")
	errOutside  = errors.New("name is out of DNS response")
	errLabel    = errors.New("invalid label type in DNS response")
	errLoop     = errors.New("compression pointers loop in DNS response")
	errCount    = errors.New("invalid number of questions in DNS response")
	errPointer  = errors.New("unexpected compression pointer in DNS response")
	errNoName   = errors.New("zero-length domain name in DNS response")
	errBadName  = errors.New("invalid name in DNS response")
	errNotA     = errors.New("unexpected A record in DNS response")
	errBadA     = errors.New("invalid A record in DNS response")
	errNotAAAA  = errors.New("unexpected AAAA record in DNS response")
	errBadAAAA  = errors.New("invalid AAAA record in DNS response")
	errLongName = errors.New("too long name in DNS response")
)

// parseMessage reads head and question of an answer. The checks come in nginx's order, since each has its line in the log.
func parseMessage(b []byte, tcp bool) (m message, err error) {
	if len(b) < headSize {
		return m, errShort
	}
	flags := binary.BigEndian.Uint16(b[2:])
	m = message{
		data: b, id: binary.BigEndian.Uint16(b), truncated: flags&0x0200 != 0, code: int(flags & 15),
		answers: int(binary.BigEndian.Uint16(b[6:])),
	}
	// It must be an answer to a plain question, without bits that mean nothing.
	if flags&0xf870 != 0x8000 || m.truncated && tcp {
		wire := "UDP"
		if tcp {
			wire = "TCP"
		}
		return m, fmt.Errorf("invalid %s DNS response %d fl:%04X", wire, m.id, flags)
	}
	if m.code == codeFormat || m.code > codeRefused {
		return m, &codeError{m.code, m.id}
	}
	if binary.BigEndian.Uint16(b[4:]) != 1 {
		return m, errCount
	}
	end, err := questionEnd(b)
	if err != nil {
		return m, err
	}
	m.at = end + 4
	if m.at+m.answers*(2+recordSize) > len(b) {
		return m, errShort
	}
	m.kind = binary.BigEndian.Uint16(b[end:])
	if class := binary.BigEndian.Uint16(b[end+2:]); class != classIN {
		return m, fmt.Errorf("unknown query class %d in DNS response", class)
	}
	switch m.kind {
	case typeA, typeAAAA, typeSRV:
	default:
		return m, fmt.Errorf("unknown query type %d in DNS response", m.kind)
	}
	m.name, err = m.readName(headSize)
	return m, err
}

// questionEnd is where the name of the question ends.
func questionEnd(b []byte) (int, error) {
	for i := headSize; i < len(b); i += 1 + int(b[i]) {
		switch {
		case b[i]&0xc0 != 0:
			return 0, errPointer
		case b[i] == 0 && i == headSize:
			return 0, errNoName
		case b[i] == 0:
			if i+5 > len(b) {
				return 0, errShort
			}
			return i + 1, nil
		}
	}
	return 0, errShort
}

// readName reads the name at an offset, wherever its pointers lead, in lower case. The name of the root is empty.
func (m *message) readName(at int) (string, error) {
	b := m.data
	name := make([]byte, 0, 64)
	for range mostPointers {
		if at >= len(b) {
			return "", errOutside
		}
		n := int(b[at])
		switch {
		case n == 0:
			return string(name), nil
		case n&0xc0 == 0xc0:
			if at+1 >= len(b) {
				return "", errOutside
			}
			at = n&0x3f<<8 | int(b[at+1])
		case n&0xc0 != 0:
			return "", errLabel
		case at+1+n > len(b):
			return "", errOutside
		default:
			if len(name) > 0 {
				name = append(name, '.')
			}
			for _, c := range b[at+1 : at+1+n] {
				if c <= ' ' || c >= 0x7f || c == '.' { // the name of no host; in a log it could pass for something else
					return "", errBadName
				}
			}
			name = appendLower(name, b[at+1:at+1+n])
			if len(name) > longestName {
				return "", errLongName
			}
			at += 1 + n
		}
	}
	return "", errLoop
}

func appendLower[T string | []byte](dst []byte, s T) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// A service is what an SRV record says.
type service struct {
	name                   string
	priority, weight, port uint16
}

// records are what the answers of a message say about the name that was asked for.
type records struct {
	addrs    []netip.Addr
	services []service
	alias    bool     // there are aliases
	cname    string   // where those of the name lead to; "": it has none
	ttl      uint32   // the least of all
	strange  []uint16 // types that nobody asked for
}

// A record is one answer.
type record struct {
	owner string
	kind  uint16
	ttl   uint32
	at    int // of its data, within the message
	size  int
}

// records reads the answers. What is not about the name, nor about one that its aliases lead to, is passed over: a server that is asked
// about one name has no say in others.
func (m *message) records() (r records, err error) {
	all, err := m.readRecords()
	if err != nil {
		return r, err
	}
	r.ttl = ^uint32(0)
	owners, err := m.owners(all)
	if err != nil {
		return r, err
	}
	for i := range all {
		c := &all[i]
		ours := slices.Contains(owners, c.owner)
		if ours || c.kind == typeDNAME {
			r.ttl = min(r.ttl, c.ttl)
		}
		if err := m.read(c, &r, ours); err != nil {
			return r, err
		}
	}
	if len(owners) > 1 {
		r.cname = owners[len(owners)-1]
	}
	return r, nil
}

// owners are the name that was asked for and those that aliases in the message lead to, in their order. The last is where they end: a
// circle has no end, and neither addresses.
func (m *message) owners(all []record) ([]string, error) {
	owners := []string{m.name}
	for range min(len(all), mostAliases) {
		next := ""
		for i := range all {
			if c := &all[i]; c.kind == typeCNAME && c.owner == owners[len(owners)-1] {
				name, err := m.readName(c.at)
				if err != nil {
					return nil, err
				}
				next = name
				break
			}
		}
		if next == "" || slices.Contains(owners, next) {
			break
		}
		owners = append(owners, next)
	}
	return owners, nil
}

// read takes what one record says, if it is ours, and checks it in any case.
func (m *message) read(c *record, r *records, ours bool) error {
	data := m.data[c.at : c.at+c.size]
	switch c.kind {
	case typeA:
		switch {
		case m.kind != typeA:
			return errNotA
		case c.size != 4:
			return errBadA
		case ours:
			r.addrs = append(r.addrs, netip.AddrFrom4([4]byte(data)))
		}
	case typeAAAA:
		switch {
		case m.kind != typeAAAA:
			return errNotAAAA
		case c.size != 16:
			return errBadAAAA
		case ours:
			r.addrs = append(r.addrs, netip.AddrFrom16([16]byte(data)))
		}
	case typeSRV:
		if m.kind != typeSRV {
			r.strange = append(r.strange, c.kind)
			return nil
		}
		return m.readService(c, r, ours)
	case typeCNAME:
		r.alias = true
	case typeDNAME:
	default:
		r.strange = append(r.strange, c.kind)
	}
	return nil
}

func (m *message) readService(c *record, r *records, ours bool) error {
	if c.size < 7 {
		return errShort
	}
	name, err := m.readName(c.at + 6)
	if err != nil || !ours || len(r.services) == mostServices {
		return err
	}
	n := func(i int) uint16 { return binary.BigEndian.Uint16(m.data[c.at+i:]) }
	r.services = append(r.services, service{name: name, priority: n(0), weight: max(n(2), 1), port: n(4)})
	return nil
}

// readRecords finds the answers in the message.
func (m *message) readRecords() ([]record, error) {
	all := make([]record, 0, min(m.answers, 64))
	at := m.at
	for range m.answers {
		end, err := m.ownerEnd(at)
		if err != nil {
			return nil, err
		}
		if end+recordSize > len(m.data) {
			return nil, errShort
		}
		h := m.data[end:]
		c := record{
			kind: binary.BigEndian.Uint16(h), ttl: binary.BigEndian.Uint32(h[4:]),
			at: end + recordSize, size: int(binary.BigEndian.Uint16(h[8:])),
		}
		if class := binary.BigEndian.Uint16(h[2:]); class != classIN {
			return nil, fmt.Errorf("unexpected RR class %d in DNS response", class)
		}
		if c.ttl > 1<<31-1 { // RFC 2181, section 8: as nought
			c.ttl = 0
		}
		if c.at+c.size > len(m.data) {
			return nil, errShort
		}
		if c.owner, err = m.readName(at); err != nil {
			return nil, err
		}
		all = append(all, c)
		at = c.at + c.size
	}
	return all, nil
}

// ownerEnd is where the name at the beginning of a record ends, its pointer included.
func (m *message) ownerEnd(at int) (int, error) {
	for i := at; i < len(m.data); i += 1 + int(m.data[i]) {
		switch {
		case m.data[i]&0xc0 != 0:
			return i + 2, nil
		case m.data[i] == 0 && i == at:
			return 0, errBadName
		case m.data[i] == 0:
			return i + 1, nil
		}
	}
	return 0, errShort
}
