package filter

import (
	"strconv"
	"time"

	"weir/http"
)

// ssiDefaultTime is the format of dates where config sets none.
const ssiDefaultTime = "%A, %d-%b-%Y %H:%M:%S %Z"

// ssiDate is $date_local or $date_gmt.
func ssiDate(gmt bool) func(*http.Request, string) http.Value {
	return func(r *http.Request, _ string) http.Value {
		format := []byte(ssiDefaultTime)
		if g, ok := http.Load[*page](r); ok && g.timefmt != nil {
			format = g.timefmt
		}
		now := r.Loop().Wall()
		if string(format) == "%s" {
			return http.Value{B: strconv.AppendInt(r.Alloc(20)[:0], now.Unix(), 10)}
		}
		zone := "GMT"
		if gmt {
			now = now.UTC()
		} else {
			now = now.Local()
			zone, _ = now.Zone()
		}
		v := appendTime(nil, format, now, zone)
		return http.Value{B: v, Missing: len(v) == 0}
	}
}

// appendTime appends a time in a format of strftime(3), with the names of the C locale.
func appendTime(dst, format []byte, t time.Time, zone string) []byte {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			dst = append(dst, format[i])
			continue
		}
		f := timeField{t: t, zone: zone}
		end := f.parse(format, i+1)
		if end == len(format) || !f.append(format[end]) {
			end = min(end, len(format)-1)
			dst = append(dst, format[i:end+1]...) // it is no conversion
		}
		dst = append(dst, f.out...)
		i = end
	}
	return dst
}

// A timeField is one conversion being written.
type timeField struct {
	t     time.Time
	zone  string
	pad   byte // what flags say: '-', '_', '0', or 0 for what is usual
	upper bool
	out   []byte
}

// parse reads flags and modifiers behind a "%"; the conversion's letter is at the place returned.
func (f *timeField) parse(format []byte, at int) int {
	for ; at < len(format); at++ {
		switch c := format[at]; c {
		case '-', '_', '0':
			f.pad = c
		case '^':
			f.upper = true
		case '#':
		case 'E', 'O':
			if at+1 < len(format) && isLetter(format[at+1]) {
				return at + 1
			}
			return at
		default:
			return at
		}
	}
	return at
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// append writes a conversion; false if there is none of this letter.
func (f *timeField) append(c byte) bool {
	t := f.t
	_, week := t.ISOWeek()
	switch c {
	case '%':
		f.text("%")
	case 'n':
		f.text("\n")
	case 't':
		f.text("\t")
	case 'C':
		f.number(t.Year()/100, 2, '0')
	case 'd':
		f.number(t.Day(), 2, '0')
	case 'e':
		f.number(t.Day(), 2, '_')
	case 'g':
		y, _ := t.ISOWeek()
		f.number(y%100, 2, '0')
	case 'G':
		y, _ := t.ISOWeek()
		f.number(y, 4, '0')
	case 'H':
		f.number(t.Hour(), 2, '0')
	case 'I':
		f.number((t.Hour()+11)%12+1, 2, '0')
	case 'j':
		f.number(t.YearDay(), 3, '0')
	case 'k':
		f.number(t.Hour(), 2, '_')
	case 'l':
		f.number((t.Hour()+11)%12+1, 2, '_')
	case 'm':
		f.number(int(t.Month()), 2, '0')
	case 'M':
		f.number(t.Minute(), 2, '0')
	case 's':
		f.number(int(t.Unix()), 1, '0')
	case 'S':
		f.number(t.Second(), 2, '0')
	case 'u':
		f.number((int(t.Weekday())+6)%7+1, 1, '0')
	case 'U':
		f.number((t.YearDay()+6-int(t.Weekday()))/7, 2, '0')
	case 'V':
		f.number(week, 2, '0')
	case 'w':
		f.number(int(t.Weekday()), 1, '0')
	case 'W':
		f.number((t.YearDay()+6-(int(t.Weekday())+6)%7)/7, 2, '0')
	case 'y':
		f.number(t.Year()%100, 2, '0')
	case 'Y':
		f.number(t.Year(), 1, '0')
	case 'Z':
		f.text(f.zone)
	default:
		layout := timeLayout(c)
		if layout == "" {
			return false
		}
		f.text(t.Format(layout))
	}
	return true
}

// timeLayout is a conversion in the words of package time; "" if it has none for it.
func timeLayout(c byte) string {
	switch c {
	case 'a':
		return "Mon"
	case 'A':
		return "Monday"
	case 'b', 'h':
		return "Jan"
	case 'B':
		return "January"
	case 'c':
		return "Mon Jan _2 15:04:05 2006"
	case 'D', 'x':
		return "01/02/06"
	case 'F':
		return "2006-01-02"
	case 'p':
		return "PM"
	case 'P':
		return "pm"
	case 'r':
		return "03:04:05 PM"
	case 'R':
		return "15:04"
	case 'T', 'X':
		return "15:04:05"
	case 'z':
		return "-0700"
	}
	return ""
}

func (f *timeField) text(s string) {
	at := len(f.out)
	f.out = append(f.out, s...)
	if !f.upper {
		return
	}
	for i, c := range f.out[at:] {
		if 'a' <= c && c <= 'z' {
			f.out[at+i] = c - 'a' + 'A'
		}
	}
}

// number writes n in at least width characters.
func (f *timeField) number(n, width int, pad byte) {
	if f.pad != 0 {
		pad = f.pad
	}
	digits := strconv.Itoa(n)
	if pad != '-' {
		if pad == '_' {
			pad = ' '
		}
		for k := len(digits); k < width; k++ {
			f.out = append(f.out, pad)
		}
	}
	f.out = append(f.out, digits...)
}
