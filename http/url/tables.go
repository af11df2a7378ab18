package url

// A Class says what a byte means in a target.
type Class uint8

// Classes of bytes in a target.
const (
	Plain Class = iota
	Slash
	Dot
	Percent
	Hash
	Query
	End // space, CR, LF, other control bytes, DEL
)

// Classes of bytes in a host.
const (
	HostBad   uint8 = iota
	HostPlain       // nginx takes it in Host
	HostName        // and in the request line: letters, digits, "-"
	HostUpper       // likewise, but it is made lower case
	HostDot
	HostPercent // only in a name, not in an IP literal
	HostColon
	HostComma // only in an IP literal
)

// The tables are made when the program starts and never change.
var (
	// Classes has the class of each byte of a target.
	Classes = makeClasses()
	// HostClasses has the class of each byte of a host.
	HostClasses = makeHostClasses()
	hexValues   = makeHexValues()
)

func isLetter(c int) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80 }

func isDigit(c int) bool { return c >= '0' && c <= '9' }

func makeClasses() (t [256]Class) {
	for c := range t {
		if c <= ' ' || c == 0x7f {
			t[c] = End
		}
	}
	t['/'], t['.'], t['%'], t['#'], t['?'] = Slash, Dot, Percent, Hash, Query
	return t
}

func makeHostClasses() (t [256]uint8) {
	for c := range t {
		if isLetter(c) || isDigit(c) {
			t[c] = HostName
		}
		if c >= 'A' && c <= 'Z' {
			t[c] = HostUpper
		}
	}
	for _, c := range "_~!$&'()*+;=" {
		t[c] = HostPlain
	}
	t['-'], t['.'], t['%'], t[':'], t[','] = HostName, HostDot, HostPercent, HostColon, HostComma
	return t
}

// Unhex is the value of a hexadecimal digit, -1 for anything else.
func Unhex(c byte) int { return int(hexValues[c]) }

func makeHexValues() (t [256]int8) {
	for c := range t {
		t[c] = -1
	}
	for c := range int8(10) {
		t['0'+c] = c
	}
	for c := range int8(6) {
		t['a'+c], t['A'+c] = c+10, c+10
	}
	return t
}
