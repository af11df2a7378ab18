package conf

import (
	"strings"
	"time"
)

// The functions here make setters for directives that only store a value. F finds the field.

// Flag stores on or off.
func Flag[C any](f func(*C) *bool) func(*C, *Call) error {
	return func(c *C, call *Call) error {
		s := call.Arg(0)
		switch {
		case strings.EqualFold(s, "on"):
			*f(c) = true
		case strings.EqualFold(s, "off"):
			*f(c) = false
		default:
			return call.Errorf(0, "invalid value \"%s\" in \"%s\" directive, it must be \"on\" or \"off\"", s, call.Name())
		}
		return nil
	}
}

// Int stores a number.
func Int[C any](f func(*C) *int) func(*C, *Call) error {
	return func(c *C, call *Call) error {
		n, err := ParseInt(call.Arg(0))
		if err != nil {
			return call.Invalid(0, "invalid number")
		}
		*f(c) = n
		return nil
	}
}

// Size stores a number of bytes in memory.
func Size[C any](f func(*C) *int64) func(*C, *Call) error {
	return parsed(f, ParseSize)
}

// Offset stores a number of bytes of a file or body.
func Offset[C any](f func(*C) *int64) func(*C, *Call) error {
	return parsed(f, ParseOffset)
}

// Time stores a time that may have milliseconds.
func Time[C any](f func(*C) *time.Duration) func(*C, *Call) error {
	return parsed(f, ParseTime)
}

// Seconds stores a time of whole seconds; it also takes years and months.
func Seconds[C any](f func(*C) *time.Duration) func(*C, *Call) error {
	return parsed(f, ParseSeconds)
}

func parsed[C, T any](f func(*C) *T, parse func(string) (T, error)) func(*C, *Call) error {
	return func(c *C, call *Call) error {
		v, err := parse(call.Arg(0))
		if err != nil {
			return call.Invalid(0, "invalid value")
		}
		*f(c) = v
		return nil
	}
}

// String stores a word.
func String[C any](f func(*C) *string) func(*C, *Call) error {
	return func(c *C, call *Call) error {
		*f(c) = call.Arg(0)
		return nil
	}
}

// Strings adds all words to a list.
func Strings[C any](f func(*C) *[]string) func(*C, *Call) error {
	return func(c *C, call *Call) error {
		list := f(c)
		for _, w := range call.Args() {
			*list = append(*list, w.Text)
		}
		return nil
	}
}

// Enum stores what one word stands for. Upper and lower case are the same.
func Enum[C, T any](f func(*C) *T, values map[string]T) func(*C, *Call) error {
	return func(c *C, call *Call) error {
		v, ok := lookupFold(values, call.Arg(0))
		if !ok {
			return call.Errorf(0, "invalid value \"%s\"", call.Arg(0))
		}
		*f(c) = v
		return nil
	}
}

// Bits stores the union of what the words stand for. Upper and lower case are the same.
func Bits[C any, T ~int | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64](f func(*C) *T, values map[string]T) func(*C, *Call) error {
	return func(c *C, call *Call) error {
		bits := f(c)
		for i, w := range call.Args() {
			v, ok := lookupFold(values, w.Text)
			if !ok {
				return call.Errorf(i, "invalid value \"%s\"", w.Text)
			}
			if v != 0 && *bits&v == v {
				call.Warnf(i, "duplicate value \"%s\"", w.Text)
			}
			*bits |= v
		}
		return nil
	}
}

func lookupFold[T any](values map[string]T, s string) (T, bool) {
	if v, ok := values[s]; ok {
		return v, true
	}
	for k, v := range values {
		if strings.EqualFold(k, s) {
			return v, true
		}
	}
	var none T
	return none, false
}

// CheckBuffers checks a number of buffers and their size, neither of which may be 0, for a directive without effect.
func CheckBuffers[C any]() func(*C, *Call) error {
	return func(_ *C, call *Call) error {
		if n, err := ParseInt(call.Arg(0)); err != nil || n == 0 {
			return call.Invalid(0, "invalid value")
		}
		if n, err := ParseSize(call.Arg(1)); err != nil || n == 0 {
			return call.Invalid(1, "invalid value")
		}
		return nil
	}
}
