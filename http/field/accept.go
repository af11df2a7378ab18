package field

import "bytes"

// AcceptsCoding is the weight, in thousandths, that an Accept-Encoding gives to a coding by its name in lower case: 0 if the client does
// not take it. It is read as nginx reads it for gzip: the coding must be named ("*" is not enough), and of what it says the first
// counts; a weight that is none is 0.
func AcceptsCoding(value []byte, coding string) int {
	for i := 0; i+len(coding) <= len(value); i++ {
		if !EqualFold(value[i:i+len(coding)], coding) {
			continue
		}
		if i == 0 || value[i-1] == ',' || value[i-1] == ' ' {
			return codingWeight(value[i+len(coding):])
		}
		i += len(coding) - 1
	}
	return 0
}

// codingWeight reads what follows a coding: "; q=0.5".
func codingWeight(s []byte) int {
	const most = 1000
	s = bytes.TrimLeft(s, " ")
	if len(s) == 0 || s[0] == ',' {
		return most
	}
	if s[0] != ';' {
		return 0
	}
	s = bytes.TrimLeft(s[1:], " ")
	if len(s) == 0 {
		return most
	}
	if s[0]|0x20 != 'q' || len(s) < 3 || s[1] != '=' {
		return 0
	}
	s = s[2:]
	if end := bytes.IndexAny(s, ", "); end >= 0 {
		s = s[:end]
	}
	return quality(s)
}

// quality reads "0", "1" and fractions between them of up to three digits (RFC 9110, section 12.4.2).
func quality(s []byte) int {
	if len(s) == 0 || s[0] != '0' && s[0] != '1' || len(s) > 5 {
		return 0
	}
	q := int(s[0]-'0') * 1000
	if len(s) == 1 {
		return q
	}
	if s[1] != '.' {
		return 0
	}
	unit := 100
	for _, c := range s[2:] {
		if c < '0' || c > '9' {
			return 0
		}
		q += int(c-'0') * unit
		unit /= 10
	}
	if q > 1000 {
		return 0
	}
	return q
}

// IsMSIE reports whether a User-Agent is any MSIE that is not Opera.
func IsMSIE(ua []byte) bool {
	_, after, ok := bytes.Cut(ua, []byte("MSIE "))
	return ok && len(after) > 2 && !bytes.Contains(ua, []byte("Opera"))
}
