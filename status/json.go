package status

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// What is answered is made of these, and of strings, numbers and truth values. Members keep their order, which maps would lose.
type (
	object []member
	list   []any
	member struct {
		name  string
		value any
	}
)

// pick leaves the members of these names.
func (o object) pick(names []string) object {
	return slices.DeleteFunc(o, func(m member) bool { return !slices.Contains(names, m.name) })
}

// find returns the object that is the member of this name.
func (o object) find(name string) (object, bool) {
	for _, m := range o {
		if m.name == name {
			return m.value.(object), true
		}
	}
	return nil, false
}

func (o object) values() list {
	values := list{}
	for _, m := range o {
		values = append(values, m.value)
	}
	return values
}

func (o object) names() list {
	names := list{}
	for _, m := range o {
		names = append(names, m.name)
	}
	return names
}

// appendJSON appends a value in JSON (RFC 8259).
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		b = append(b, '{')
		for i, m := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, m.name), ':')
			b = appendJSON(b, m.value)
		}
		return append(b, '}')
	case list:
		b = append(b, '[')
		for i, x := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, x)
		}
		return append(b, ']')
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case uint64:
		return strconv.AppendUint(b, v, 10)
	case time.Time:
		return append(v.UTC().AppendFormat(append(b, '"'), "2006-01-02T15:04:05.000Z"), '"')
	}
	panic("bug: no JSON for this kind of value")
}

// appendString appends a string in quotes. Bytes that are no UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range s { // of bytes that are no UTF-8 c is utf8.RuneError
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return append(b, '"')
}
