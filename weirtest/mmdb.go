package weirtest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
)

// MMDB makes a database in MaxMind's format, for tests. networks is an object in JSON of networks and their records. Whole numbers become
// uint32 (int32 when negative), others double.
func MMDB(networks []byte, built uint64) ([]byte, error) {
	var all map[string]any
	if err := json.Unmarshal(networks, &all); err != nil {
		return nil, err
	}
	w := &mmdb{tree: [][2]int{{}}}
	for _, text := range slices.Sorted(maps.Keys(all)) {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		w.add(p, -1-len(w.data))
		w.value(all[text])
	}
	out := make([]byte, 0, 8*len(w.tree)+len(w.data)+256)
	for _, node := range w.tree {
		for _, to := range node {
			switch {
			case to == 0:
				to = len(w.tree) // nothing
			case to < 0:
				to = len(w.tree) + 16 - 1 - to
			}
			out = binary.BigEndian.AppendUint32(out, uint32(to))
		}
	}
	out = append(out, make([]byte, 16)...)
	out = append(out, w.data...)
	out = append(out, "\xab\xcd\xefMaxMind.com"...)
	meta := &mmdb{}
	meta.value(map[string]any{
		"node_count": float64(len(w.tree)), "record_size": mmdbShort(32), "ip_version": mmdbShort(6), "database_type": "Test",
		"binary_format_major_version": mmdbShort(2), "binary_format_minor_version": mmdbShort(0), "build_epoch": built,
		"languages": []any{"en"}, "description": map[string]any{"en": "of a test"},
	})
	return append(out, meta.data...), nil
}

// mmdbShort is a uint16.
type mmdbShort uint16

// An mmdb is a tree of the bits of addresses: 0 is nothing, a number below it is the record at -1-number of the data.
type mmdb struct {
	tree [][2]int
	data []byte
}

// add leads a network to a record. IPv4 is at the beginning of IPv6.
func (w *mmdb) add(p netip.Prefix, record int) {
	bits := p.Bits()
	address := p.Addr().As16()
	if p.Addr().Is4() {
		four := p.Addr().As4()
		address = [16]byte{}
		copy(address[12:], four[:])
		bits += 96
	}
	at := 0
	for i := range bits {
		bit := address[i/8] >> (7 - i%8) & 1
		if i == bits-1 {
			w.tree[at][bit] = record
			return
		}
		next := w.tree[at][bit]
		if next <= 0 { // what led here leads on at both sides
			w.tree = append(w.tree, [2]int{next, next})
			next = len(w.tree) - 1
			w.tree[at][bit] = next
		}
		at = next
	}
}

// head appends the type and the size of a value.
func (w *mmdb) head(kind, size int) {
	first := byte(0)
	if kind <= 7 {
		first = byte(kind) << 5
	}
	var more []byte
	switch {
	case size < 29:
		first |= byte(size)
	case size < 285:
		first |= 29
		more = []byte{byte(size - 29)}
	default:
		first |= 30
		more = []byte{byte((size - 285) >> 8), byte(size - 285)}
	}
	w.data = append(w.data, first)
	if kind > 7 {
		w.data = append(w.data, byte(kind-7))
	}
	w.data = append(w.data, more...)
}

func (w *mmdb) value(v any) {
	switch v := v.(type) {
	case string:
		w.head(2, len(v))
		w.data = append(w.data, v...)
	case bool:
		size := 0
		if v {
			size = 1
		}
		w.head(14, size)
	case mmdbShort:
		w.head(5, 2)
		w.data = binary.BigEndian.AppendUint16(w.data, uint16(v))
	case uint64:
		w.head(9, 8)
		w.data = binary.BigEndian.AppendUint64(w.data, v)
	case float64:
		switch {
		case v != math.Trunc(v) || math.Abs(v) > math.MaxUint32:
			w.head(3, 8)
			w.data = binary.BigEndian.AppendUint64(w.data, math.Float64bits(v))
		case v < 0:
			w.head(8, 4)
			w.data = binary.BigEndian.AppendUint32(w.data, uint32(int32(v)))
		default:
			w.head(6, 4)
			w.data = binary.BigEndian.AppendUint32(w.data, uint32(v))
		}
	case []any:
		w.head(11, len(v))
		for _, e := range v {
			w.value(e)
		}
	case map[string]any:
		w.head(7, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			w.value(key)
			w.value(v[key])
		}
	default:
		panic(fmt.Sprintf("no value of a database: %T", v))
	}
}
