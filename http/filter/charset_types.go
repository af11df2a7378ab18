package filter

import (
	"strings"

	"weir/conf"
	"weir/http/field"
)

// mediaTypes are the types of responses that a filter works on.
type mediaTypes struct {
	any   bool
	names []string // lower case
}

// add stores the words of a directive that lists types. The first of them all is text/html, which need
// not be named.
func (m *mediaTypes) add(call *conf.Call) error {
	if len(m.names) == 0 {
		m.names = append(m.names, "text/html")
	}
	for i := range call.Len() {
		name := call.Arg(i)
		switch {
		case name == "*":
			m.any = true
			return nil
		case m.lists([]byte(name)):
			if !call.IsDefault() {
				call.Warnf(i, "duplicate MIME type \"%s\"", name)
			}
		default:
			m.names = append(m.names, strings.ToLower(name))
		}
	}
	return nil
}

func (m *mediaTypes) lists(name []byte) bool {
	for _, have := range m.names {
		if field.EqualFold(name, have) {
			return true
		}
	}
	return false
}

// has reports whether a response of this Content-Type is one of them; one without a type is none.
func (m *mediaTypes) has(contentType []byte) bool {
	return m.any || len(contentType) > 0 && m.lists(contentType)
}
