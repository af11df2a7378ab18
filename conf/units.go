package conf

import (
	"errors"
	"math"
	"time"
)

var errInvalid = errors.New("invalid value")

// ParseInt reads a number without sign, as nginx does.
func ParseInt(s string) (int, error) {
	n, err := digits(s)
	return int(n), err
}

// digits reads a number of at least one digit and nothing else.
func digits(s string) (int64, error) {
	if s == "" {
		return 0, errInvalid
	}
	var n int64
	for i := range len(s) {
		d := int64(s[i]) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, errInvalid
		}
		n = n*10 + d
	}
	return n, nil
}

// ParseSize reads a number of bytes in memory: digits and k or m, in either case.
func ParseSize(s string) (int64, error) {
	if s != "" && (s[len(s)-1] == 'g' || s[len(s)-1] == 'G') {
		return 0, errInvalid
	}
	return ParseOffset(s)
}

// ParseOffset reads a number of bytes of a file or body, which may have g as well.
func ParseOffset(s string) (int64, error) {
	shift := 0
	if s != "" {
		switch s[len(s)-1] {
		case 'k', 'K':
			shift = 10
		case 'm', 'M':
			shift = 20
		case 'g', 'G':
			shift = 30
		}
	}
	if shift != 0 {
		s = s[:len(s)-1]
	}
	n, err := digits(s)
	if err != nil || n > math.MaxInt64>>shift {
		return 0, errInvalid
	}
	return n << shift, nil
}

// A timeUnit is a letter of a time; larger units come first.
type timeUnit struct {
	name  string
	value int64 // in the smallest unit that a time of this kind has
}

// units of times in seconds and in milliseconds. Times with milliseconds know neither years nor
// months.
var (
	secondUnits = []timeUnit{
		{"y", 365 * 86400}, {"M", 30 * 86400}, {"w", 7 * 86400}, {"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1},
	}
	milliUnits = []timeUnit{
		{"w", 7 * 86400e3}, {"d", 86400e3}, {"h", 3600e3}, {"m", 60e3}, {"s", 1e3}, {"ms", 1},
	}
)

// ParseTime reads a time in nginx's form: "30", "1h 30m", "500ms". A number alone is seconds. A
// time longer than a time.Duration can be is cut to its largest value.
func ParseTime(s string) (time.Duration, error) {
	n, err := parseUnits(s, milliUnits, 1000)
	return scaled(n, time.Millisecond), err
}

// ParseSeconds reads a time of whole seconds, which may have years (y) and months (M) but no
// milliseconds.
func ParseSeconds(s string) (time.Duration, error) {
	n, err := parseUnits(s, secondUnits, 1)
	return scaled(n, time.Second), err
}

func scaled(n int64, unit time.Duration) time.Duration {
	if n > math.MaxInt64/int64(unit) {
		return math.MaxInt64
	}
	return time.Duration(n) * unit
}

// parseUnits adds up parts whose units must become smaller. A last part without a unit is seconds.
func parseUnits(s string, units []timeUnit, second int64) (int64, error) {
	var total int64
	next := 0 // units before this one are used up
	seen := false
	for s != "" {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		value, scale, rest := int64(0), second, s[n:]
		if n > 0 {
			var err error
			if value, err = digits(s[:n]); err != nil {
				return 0, err
			}
			seen = true
		}
		switch i := unitAt(rest, units); {
		case rest == "":
		case second == 1 && len(rest) > 1 && rest[:2] == "ms": // seconds have no parts
			return 0, errInvalid
		case i >= next:
			scale = units[i].value
			next = i + 1
			rest = rest[len(units[i].name):]
		case rest[0] == ' ' && next <= secondIndex(units): // a blank ends a number of seconds
			next = len(units)
		default:
			return 0, errInvalid
		}
		if value > math.MaxInt64/scale || total > math.MaxInt64-value*scale {
			return 0, errInvalid
		}
		total += value * scale
		for rest != "" && rest[0] == ' ' {
			rest = rest[1:]
		}
		s = rest
	}
	if !seen {
		return 0, errInvalid
	}
	return total, nil
}

// unitAt is the number of the unit that s begins with, or -1.
func unitAt(s string, units []timeUnit) int {
	found := -1
	for i, u := range units {
		if len(s) >= len(u.name) && s[:len(u.name)] == u.name && (found < 0 || len(u.name) > len(units[found].name)) {
			found = i
		}
	}
	return found
}

func secondIndex(units []timeUnit) int {
	return unitAt("s", units)
}
