// Package field has the fields of messages: names and their ids, values, dates. It knows no request, so that whatever speaks in
// fields can use it: HTTP of any version, FastCGI, HPACK.
package field

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// Flags tell what is unusual about a field's name. Whether such a field is refused, ignored or
// taken is a matter of configuration: ignore_invalid_headers, underscores_in_headers.
type Flags uint8

const (
	// Underscore says that the name has a "_".
	Underscore Flags = 1 << iota
	// Invalid says that the name has something else besides letters, digits and "-".
	Invalid
	// NoToken says that it has something that no name may have (RFC 9110, section 5.6.2): "(", "[", a byte above 0x7f.
	NoToken
)

// A Field is one header field. Name and Value are borrowed from the buffer the message was read into,
// and live as long as that does; Value has no spaces around it.
type Field struct {
	ID    ID // 0 for a name that is not in the table
	Flags Flags
	Name  []byte // as sent
	Value []byte
}

// Valid reports whether the name is one that nginx takes: letters, digits, "-", and "_" if allowed.
func (f *Field) Valid(underscores bool) bool {
	return f.Flags == 0 || underscores && f.Flags == Underscore
}

// Is reports whether the field has this name, whatever its case.
func (f *Field) Is(name string) bool { return EqualFold(f.Name, name) }

// Fields are the fields of a message in the order they were sent. Values are borrowed, see Field.
type Fields []Field

// Find returns the first field with this id, nil if there is none.
func (f Fields) Find(id ID) *Field {
	for i := range f {
		if f[i].ID == id {
			return &f[i]
		}
	}
	return nil
}

// Get returns the value of the first field with this id: nil if there is none, empty but not nil if
// it was sent empty.
func (f Fields) Get(id ID) []byte {
	for i := range f {
		if f[i].ID == id {
			return f[i].Value
		}
	}
	return nil
}

// Has reports whether there is a field with this id.
func (f Fields) Has(id ID) bool { return f.Find(id) != nil }

// Count is the number of fields with this id.
func (f Fields) Count(id ID) int {
	n := 0
	for i := range f {
		if f[i].ID == id {
			n++
		}
	}
	return n
}

// All goes through the values of all fields with this id.
func (f Fields) All(id ID) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range f {
			if f[i].ID == id && !yield(f[i].Value) {
				return
			}
		}
	}
}

// FindName returns the first field with this name, whatever its case, nil if there is none.
func (f Fields) FindName(name []byte) *Field {
	if id := Lookup(name); id != Unknown {
		return f.Find(id)
	}
	for i := range f {
		if f[i].ID == Unknown && len(f[i].Name) == len(name) && bytes.EqualFold(f[i].Name, name) {
			return &f[i]
		}
	}
	return nil
}

// GetName returns the value of the first field with this name, nil if there is none.
func (f Fields) GetName(name []byte) []byte {
	if p := f.FindName(name); p != nil {
		return p.Value
	}
	return nil
}

// AppendJoined appends the values of all fields with this id with sep between them, as $http_cookie
// ("; ") and the lists (", ") want it.
func (f Fields) AppendJoined(dst []byte, id ID, sep string) []byte {
	n := 0
	for i := range f {
		if f[i].ID != id {
			continue
		}
		if n++; n > 1 {
			dst = append(dst, sep...)
		}
		dst = append(dst, f[i].Value...)
	}
	return dst
}

// EqualFold reports whether a is s but for the case of ASCII letters.
func EqualFold(a []byte, s string) bool {
	if len(a) != len(s) {
		return false
	}
	for i := range a {
		x, y := a[i], s[i]
		if x == y {
			continue
		}
		x |= 0x20
		if x != y|0x20 || x < 'a' || x > 'z' {
			return false
		}
	}
	return true
}

// Lookup returns the id of a field name, whatever its case, Unknown if it is not in the table.
func Lookup(name []byte) ID {
	n := len(name)
	if n < minName || n > maxName {
		return Unknown
	}
	id := slots[slotOf(n, name[0], name[n>>1], name[n-1])]
	k := &keys[id]
	if int(k.n) != n {
		return Unknown
	}
	if n < 8 {
		return lookupShort(name, id, k)
	}
	for i := 0; i+8 <= n; i += 8 {
		if !foldSame(binary.LittleEndian.Uint64(name[i:]), binary.LittleEndian.Uint64(k.lower[i:])) {
			return Unknown
		}
	}
	if !foldSame(binary.LittleEndian.Uint64(name[n-8:]), binary.LittleEndian.Uint64(k.lower[n-8:])) {
		return Unknown
	}
	return id
}

// lookupShort returns id if its key is name, which has less than eight bytes.
func lookupShort(name []byte, id ID, k *key) ID {
	n := len(name)
	if n >= 4 {
		x := uint64(binary.LittleEndian.Uint32(name)) | uint64(binary.LittleEndian.Uint32(name[n-4:]))<<32
		y := uint64(binary.LittleEndian.Uint32(k.lower[:])) | uint64(binary.LittleEndian.Uint32(k.lower[n-4:]))<<32
		if !foldSame(x, y) {
			return Unknown
		}
		return id
	}
	for i := range name {
		if !foldSame(uint64(name[i]), uint64(k.lower[i])) {
			return Unknown
		}
	}
	return id
}

// foldSame compares eight bytes at once with bytes of a lower-case name. Of the bytes in such a name
// only letters have bit 6, and it is the distance from that bit to the one that makes the case.
func foldSame(x, lower uint64) bool {
	return x|lower&0x4040404040404040>>1 == lower
}

// slotOf is where in slots a name is looked for; no two names of the table share a slot.
func slotOf(n int, first, middle, last byte) uint32 {
	h := uint32(n) | uint32(first|0x20)<<8 | uint32(middle|0x20)<<16 | uint32(last|0x20)<<24
	return h * mult >> (32 - slotBits)
}

const (
	slotBits = 9
	mult     = 0x8ab49bf // found by trial: TestSlots fails when a new name needs another
	minName  = 2
	maxName  = 32
)

type key struct {
	lower [maxName]byte
	n     uint8
}

// Both tables are made from names when the program starts and never change.
var (
	keys  = makeKeys()
	slots = makeSlots()
)

func makeKeys() (keys [count]key) {
	for id, name := range names {
		copy(keys[id].lower[:], bytes.ToLower([]byte(name)))
		keys[id].n = uint8(len(name))
	}
	return keys
}

func makeSlots() (slots [1 << slotBits]ID) {
	for id, name := range names {
		if n := len(name); n > 0 {
			slots[slotOf(n, name[0], name[n>>1], name[n-1])] = ID(id)
		}
	}
	return slots
}
