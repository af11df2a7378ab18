package conf

import (
	"fmt"
	"strings"
)

// isType reports whether a name in a syntax line is that of a type of values.
func isType(name string) bool {
	switch name {
	case "string", "text", "name", "number", "size", "offset", "time", "seconds", "path", "regex", "addr", "uri", "rate":
		return true
	}
	return false
}

// accepts reports whether s is such a value.
func (v *value) accepts(s string) bool {
	var err error
	switch v.typ {
	case "number":
		var n int
		if n, err = ParseInt(s); err == nil && v.ranged {
			return n >= v.min && (v.max < 0 || n <= v.max)
		}
	case "size":
		_, err = ParseSize(s)
	case "offset":
		_, err = ParseOffset(s)
	case "time":
		_, err = ParseTime(s)
	case "seconds":
		_, err = ParseSeconds(s)
	case "rate":
		return isRate(s)
	case "name", "addr":
		return s != ""
	}
	return err == nil
}

func isRate(s string) bool {
	n, ok := strings.CutSuffix(s, "r/m")
	if !ok {
		n = strings.TrimSuffix(s, "r/s") // also what is meant without a unit
	}
	v, err := ParseInt(n)
	return err == nil && v > 0
}

// wrong makes nginx's sentence for a word that does not fit. alone says that the directive takes
// one typed word and nothing else, which nginx reads by its simplest functions.
func (m *matching) wrong(arg int, e *elem, alone bool) *fault {
	s := m.args[arg].Text
	x := &fault{arg: arg}
	for _, a := range e.atoms {
		if a.literal() {
			x.near = append(x.near, a.text)
		}
	}
	switch v := e.lastValue(); {
	case e.isFlag():
		x.text = fmt.Sprintf("invalid value \"%s\" in \"%s\" directive, it must be \"on\" or \"off\"", s, m.name)
	case v == nil && e.allKeyed():
		x.text = fmt.Sprintf("invalid parameter \"%s\"", s)
	case v == nil:
		x.text = fmt.Sprintf("invalid value \"%s\"", s)
	case v.typ == "rate":
		x.text = fmt.Sprintf("invalid rate \"%s\"", s)
	case v.ranged && isNumber(s):
		x.text = v.bounds()
	case v.typ == "number" && alone:
		x.text = fmt.Sprintf("\"%s\" directive invalid number", m.name)
	default:
		x.text = fmt.Sprintf("\"%s\" directive invalid value", m.name)
	}
	return x
}

func isNumber(s string) bool {
	_, err := ParseInt(s)
	return err == nil
}

func (v *value) bounds() string {
	if v.max < 0 {
		return fmt.Sprintf("value must be equal to or greater than %d", v.min)
	}
	return fmt.Sprintf("value must be between %d and %d", v.min, v.max)
}

// isFlag reports whether the choice is on and off and nothing else.
func (e *elem) isFlag() bool {
	if len(e.atoms) != 2 || !e.literals() {
		return false
	}
	a, b := e.atoms[0].text, e.atoms[1].text
	return a == "on" && b == "off" || a == "off" && b == "on"
}

func (e *elem) allKeyed() bool {
	for _, a := range e.atoms {
		if a.key == "" {
			return false
		}
	}
	return true
}

// lastValue is the value among the words of the choice, nil when all are fixed.
func (e *elem) lastValue() *value {
	for i := len(e.atoms) - 1; i >= 0; i-- {
		for _, alt := range e.atoms[i].alts {
			for _, p := range alt {
				if p.val != nil && e.atoms[i].key == "" {
					return p.val
				}
			}
		}
	}
	return nil
}

// keySentence is nginx's sentence for a bad value of a keyword: some keywords have their own.
func keySentence(key, arg string) string {
	switch key {
	case "rate", "backlog", "rcvbuf", "sndbuf":
		return fmt.Sprintf("invalid %s \"%s\"", key, arg)
	case "zone":
		return fmt.Sprintf("invalid zone size \"%s\"", arg)
	case "keys_zone":
		return fmt.Sprintf("invalid keys zone size \"%s\"", arg)
	case "burst", "delay", "inactive", "max_size", "min_free":
		return fmt.Sprintf("invalid %s value \"%s\"", key, arg)
	}
	return fmt.Sprintf("invalid parameter \"%s\"", arg)
}
