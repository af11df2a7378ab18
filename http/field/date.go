package field

const (
	secondsPerDay = 86400
	dateSize      = len("Mon, 02 Jan 2006 15:04:05 GMT")
	dayNames      = "ThuFriSatSunMonTueWed" // 1970 began on a Thursday
	monthNames    = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// AppendDate appends seconds since 1970 as "Mon, 02 Jan 2006 15:04:05 GMT" (RFC 9110, section
// 5.6.7): always 29 bytes, for times in the years 1970 to 9999.
func AppendDate(dst []byte, unix int64) []byte {
	days, secs := unix/secondsPerDay, unix%secondsPerDay
	if secs < 0 {
		days, secs = days-1, secs+secondsPerDay
	}
	y, m, d := civil(days)
	wd := int((days%7+7)%7) * 3
	dst = append(dst, dayNames[wd:wd+3]...)
	dst = append(dst, ", "...)
	dst = append2(dst, d)
	dst = append(dst, ' ')
	dst = append(dst, monthNames[(m-1)*3:m*3]...)
	dst = append(dst, ' ')
	dst = append2(append2(dst, y/100%100), y%100)
	dst = append(dst, ' ')
	dst = append(append2(dst, int(secs/3600)), ':')
	dst = append(append2(dst, int(secs/60%60)), ':')
	dst = append2(dst, int(secs%60))
	return append(dst, " GMT"...)
}

// AppendCookieDate appends seconds since 1970 as cookies have it since Netscape: "Mon, 02-Jan-06 15:04:05 GMT", with the whole year from 2038
// on.
func AppendCookieDate(dst []byte, unix int64) []byte {
	const firstLong = 2145916800 // 2038
	at := len(dst)
	dst = AppendDate(dst, unix)
	d := dst[at:]
	d[7], d[11] = '-', '-'
	if unix >= firstLong {
		return dst
	}
	return append(dst[:at+12], d[14:]...)
}

func append2(dst []byte, n int) []byte {
	return append(dst, '0'+byte(n/10), '0'+byte(n%10))
}

// civil turns days since 1970 into a Gregorian date. Years are counted from March on, so that the
// leap day is the last of its year; an era is 400 years.
func civil(days int64) (year, month, day int) {
	const daysPerEra = 146097
	z := days + 719468 // days since 1 March 0
	era := z / daysPerEra
	if z < 0 {
		era = (z - daysPerEra + 1) / daysPerEra
	}
	doe := int(z - era*daysPerEra)
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	year, month, day = yoe+int(era)*400, mp+3, doy-(153*mp+2)/5+1
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

// daysOf is the inverse of civil.
func daysOf(year, month, day int) int64 {
	if month <= 2 {
		year, month = year-1, month+12
	}
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	yoe := year - era*400
	doe := yoe*365 + yoe/4 - yoe/100 + (153*(month-3)+2)/5 + day - 1
	return int64(era)*146097 + int64(doe) - 719468
}

// ParseDate reads any of the three forms of RFC 9110, section 5.6.7. As nginx it looks neither at
// the name of the day nor at what follows the seconds.
func ParseDate(b []byte) (unix int64, ok bool) {
	i, asctime := 0, false
	for i < len(b) && b[i] != ',' && !asctime {
		asctime = b[i] == ' '
		i++
	}
	if !asctime {
		i++ // the comma
	}
	for i < len(b) && b[i] == ' ' {
		i++
	}
	if len(b)-i < 18 {
		return 0, false
	}
	c := dateCursor{b: b[i:]}
	var year, month, day, clock int
	switch {
	case asctime: // Sun Nov  6 08:49:37 1994
		month = c.month()
		c.expect(' ')
		day = c.paddedDay()
		clock = c.clock()
		c.expect(' ')
		year = c.digits(4)
	case c.b[2] == '-': // Sunday, 06-Nov-94 08:49:37 GMT
		day = c.digits(2)
		c.expect('-')
		month = c.month()
		c.expect('-')
		if year = c.digits(2) + 1900; year < 1970 {
			year += 100
		}
		clock = c.clock()
	default: // Sun, 06 Nov 1994 08:49:37 GMT
		day = c.digits(2)
		c.expect(' ')
		month = c.month()
		c.expect(' ')
		year = c.digits(4)
		clock = c.clock()
	}
	if c.bad || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	return daysOf(year, month, day)*secondsPerDay + int64(clock), true
}

// daysIn is the number of days in a month.
func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// A dateCursor reads the parts of a date one after the other and remembers whether one was wrong.
type dateCursor struct {
	b   []byte
	bad bool
}

// next takes n bytes.
func (c *dateCursor) next(n int) []byte {
	if len(c.b) < n {
		c.bad = true
		return nil
	}
	p := c.b[:n]
	c.b = c.b[n:]
	return p
}

func (c *dateCursor) expect(ch byte) {
	if p := c.next(1); p == nil || p[0] != ch {
		c.bad = true
	}
}

func (c *dateCursor) digits(n int) (v int) {
	for _, ch := range c.next(n) {
		if ch < '0' || ch > '9' {
			c.bad = true
			return 0
		}
		v = v*10 + int(ch-'0')
	}
	return v
}

// paddedDay reads a day of asctime: "6", " 6" or "16".
func (c *dateCursor) paddedDay() int {
	if len(c.b) > 0 && c.b[0] == ' ' {
		c.b = c.b[1:]
	}
	if len(c.b) > 1 && c.b[1] == ' ' {
		return c.digits(1)
	}
	return c.digits(2)
}

// month reads the name of a month: 1 to 12.
func (c *dateCursor) month() int {
	p := c.next(3)
	for m := 0; p != nil && m < 12; m++ {
		if string(p) == monthNames[m*3:m*3+3] {
			return m + 1
		}
	}
	c.bad = true
	return 1
}

// clock reads " 08:49:37" as seconds of the day.
func (c *dateCursor) clock() int {
	c.expect(' ')
	h := c.digits(2)
	c.expect(':')
	m := c.digits(2)
	c.expect(':')
	s := c.digits(2)
	if h > 23 || m > 59 || s > 59 {
		c.bad = true
	}
	return h*3600 + m*60 + s
}
