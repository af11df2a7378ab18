package http

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// NameFlags tell what is unusual about a field's name. Whether such a field is refused, ignored or
// taken is a matter of configuration: ignore_invalid_headers, underscores_in_headers.
type NameFlags uint8

const (
	// NameUnderscore says that the name has a "_".
	NameUnderscore NameFlags = 1 << iota
	// NameInvalid says that the name has something else besides letters, digits and "-".
	NameInvalid
)

// A Field is one header field. Name and Value are borrowed from the buffer the message was read into,
// and live as long as that does; Value has no spaces around it.
type Field struct {
	ID    HeaderID // 0 for a name that is not in the table
	Flags NameFlags
	Name  []byte // as sent
	Value []byte
}

// Valid reports whether the name is one that nginx takes: letters, digits, "-", and "_" if allowed.
func (f *Field) Valid(underscores bool) bool {
	return f.Flags == 0 || underscores && f.Flags == NameUnderscore
}

// Is reports whether the field has this name, whatever its case.
func (f *Field) Is(name string) bool { return EqualFold(f.Name, name) }

// Fields are the fields of a message in the order they were sent. Values are borrowed, see Field.
type Fields []Field

// Find returns the first field with this id, nil if there is none.
func (f Fields) Find(id HeaderID) *Field {
	for i := range f {
		if f[i].ID == id {
			return &f[i]
		}
	}
	return nil
}

// Get returns the value of the first field with this id: nil if there is none, empty but not nil if
// it was sent empty.
func (f Fields) Get(id HeaderID) []byte {
	for i := range f {
		if f[i].ID == id {
			return f[i].Value
		}
	}
	return nil
}

// Has reports whether there is a field with this id.
func (f Fields) Has(id HeaderID) bool { return f.Find(id) != nil }

// Count is the number of fields with this id.
func (f Fields) Count(id HeaderID) int {
	n := 0
	for i := range f {
		if f[i].ID == id {
			n++
		}
	}
	return n
}

// All goes through the values of all fields with this id.
func (f Fields) All(id HeaderID) iter.Seq[[]byte] {
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
	if id := LookupHeader(name); id != HdrUnknown {
		return f.Find(id)
	}
	for i := range f {
		if f[i].ID == HdrUnknown && len(f[i].Name) == len(name) && bytes.EqualFold(f[i].Name, name) {
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
func (f Fields) AppendJoined(dst []byte, id HeaderID, sep string) []byte {
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

// LookupHeader returns the id of a field name, whatever its case, HdrUnknown if it is not in the table.
func LookupHeader(name []byte) HeaderID {
	n := len(name)
	if n < minHeaderName || n > maxHeaderName {
		return HdrUnknown
	}
	id := headerSlots[headerSlot(n, name[0], name[n>>1], name[n-1])]
	k := &headerKeys[id]
	if int(k.n) != n {
		return HdrUnknown
	}
	if n < 8 {
		return lookupShort(name, id, k)
	}
	for i := 0; i+8 <= n; i += 8 {
		if !foldSame(binary.LittleEndian.Uint64(name[i:]), binary.LittleEndian.Uint64(k.lower[i:])) {
			return HdrUnknown
		}
	}
	if !foldSame(binary.LittleEndian.Uint64(name[n-8:]), binary.LittleEndian.Uint64(k.lower[n-8:])) {
		return HdrUnknown
	}
	return id
}

// lookupShort returns id if its key is name, which has less than eight bytes.
func lookupShort(name []byte, id HeaderID, k *headerKey) HeaderID {
	n := len(name)
	if n >= 4 {
		x := uint64(binary.LittleEndian.Uint32(name)) | uint64(binary.LittleEndian.Uint32(name[n-4:]))<<32
		y := uint64(binary.LittleEndian.Uint32(k.lower[:])) | uint64(binary.LittleEndian.Uint32(k.lower[n-4:]))<<32
		if !foldSame(x, y) {
			return HdrUnknown
		}
		return id
	}
	for i := range name {
		if !foldSame(uint64(name[i]), uint64(k.lower[i])) {
			return HdrUnknown
		}
	}
	return id
}

// foldSame compares eight bytes at once with bytes of a lower-case name. Of the bytes in such a name
// only letters have bit 6, and it is the distance from that bit to the one that makes the case.
func foldSame(x, lower uint64) bool {
	return x|lower&0x4040404040404040>>1 == lower
}

// headerSlot is where in headerSlots a name is looked for; no two names of the table share a slot.
func headerSlot(n int, first, middle, last byte) uint32 {
	h := uint32(n) | uint32(first|0x20)<<8 | uint32(middle|0x20)<<16 | uint32(last|0x20)<<24
	return h * headerMult >> (32 - headerBits)
}

const (
	headerBits    = 9
	headerMult    = 0x8ab49bf // found by trial: TestHeaderSlots fails when a new name needs another
	minHeaderName = 2
	maxHeaderName = 32
)

type headerKey struct {
	lower [maxHeaderName]byte
	n     uint8
}

// Both tables are made from headerNames when the program starts and never change.
var (
	headerKeys  = makeHeaderKeys()
	headerSlots = makeHeaderSlots()
)

func makeHeaderKeys() (keys [headerCount]headerKey) {
	for id, name := range headerNames {
		copy(keys[id].lower[:], bytes.ToLower([]byte(name)))
		keys[id].n = uint8(len(name))
	}
	return keys
}

func makeHeaderSlots() (slots [1 << headerBits]HeaderID) {
	for id, name := range headerNames {
		if n := len(name); n > 0 {
			slots[headerSlot(n, name[0], name[n>>1], name[n-1])] = HeaderID(id)
		}
	}
	return slots
}
