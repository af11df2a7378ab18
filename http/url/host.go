package url

// SplitHost checks a host with an optional port, as in a Host field or a request line, and splits
// it. The name is in lower case and without a dot at its end; brackets of an IPv6 address stay. The
// port is nil if there is none, and may be empty: "a:" is a host to nginx.
//
// Without capital letters the name is borrowed from host, else it is appended to dst.
func SplitHost(dst, host []byte) (name, port []byte, ok bool) {
	end, upper, ok := scanName(host)
	if !ok {
		return nil, nil, false
	}
	if end < len(host) {
		if port = host[end+1:]; host[end] != ':' || !validPort(port) {
			return nil, nil, false
		}
	}
	if end > 0 && host[end-1] == '.' {
		end--
	}
	if end == 0 {
		return nil, nil, false
	}
	name = host[:end:end]
	if upper {
		base := len(dst)
		dst = append(dst, name...)
		name = dst[base:len(dst):len(dst)]
		for i, c := range name {
			if HostClasses[c] == HostUpper {
				name[i] = c | 0x20
			}
		}
	}
	return name, port, true
}

// scanName finds the end of the name and whether it has capital letters.
func scanName(host []byte) (end int, upper, ok bool) {
	literal := len(host) > 0 && host[0] == '['
	i := 0
	if literal {
		i = 1
	}
	for ; i < len(host); i++ {
		c := host[i]
		switch HostClasses[c] {
		case HostName, HostPlain:
		case HostUpper:
			upper = true
		case HostDot:
			if i > 0 && host[i-1] == '.' {
				return 0, false, false
			}
		case HostPercent:
			if literal || !plainEscape(host[i+1:]) {
				return 0, false, false
			}
		case HostComma: // two hosts, to some
			if !literal {
				return 0, false, false
			}
		case HostColon:
			if !literal {
				return i, upper, true
			}
		default:
			if literal && c == ']' {
				return i + 1, upper, true
			}
			return 0, false, false
		}
	}
	return i, upper, !literal
}

// validPort reports whether b is a port or nothing: digits that make no more than 65535.
func validPort(b []byte) bool {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
		if n = n*10 + int(c-'0'); n > 65535 {
			return false
		}
	}
	return true
}

// plainEscape reports whether two hexadecimal digits stand for a byte that has no meaning in a host: a letter, a digit,
// one of "-._~", or a part of a character beyond ASCII.
func plainEscape(b []byte) bool {
	c := escaped(b)
	return c >= 0x80 || isLetter(int(c)) || isDigit(int(c)) || c == '-' || c == '.' || c == '_' || c == '~'
}
