package logs

// Escape is how log_format escapes the values of variables.
type Escape uint8

// The words of log_format's escape parameter.
const (
	EscapeDefault Escape = iota
	EscapeJSON
	EscapeNone
)

// ParseEscape reads the value of escape=.
func ParseEscape(s string) (Escape, bool) {
	switch s {
	case "default":
		return EscapeDefault, true
	case "json":
		return EscapeJSON, true
	case "none":
		return EscapeNone, true
	}
	return EscapeDefault, false
}

// AppendMissing adds what stands for a variable without a value: "-" by default, else nothing.
func AppendMissing(dst []byte, e Escape) []byte {
	if e == EscapeDefault {
		return append(dst, '-')
	}
	return dst
}

// AppendEscaped adds a value so that it stays on its line. By default quotes, backslashes, control
// characters and all bytes from 0x7f up become \xXX; for JSON what JSON asks for is escaped, in its
// way. It allocates only when dst is short.
func AppendEscaped[T []byte | string](dst []byte, v T, e Escape) []byte {
	switch e {
	case EscapeJSON:
		return appendJSON(dst, v)
	case EscapeNone:
		return append(dst, v...)
	}
	from := 0
	for i := 0; i < len(v); i++ {
		if c := v[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			dst = append(dst, v[from:i]...)
			dst = append(dst, '\\', 'x', upperHex[c>>4], upperHex[c&15])
			from = i + 1
		}
	}
	return append(dst, v[from:]...)
}

const upperHex = "0123456789ABCDEF"

func appendJSON[T []byte | string](dst []byte, v T) []byte {
	from := 0
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, v[from:i]...)
		from = i + 1
		if short := jsonShort(c); short != 0 {
			dst = append(dst, '\\', short)
			continue
		}
		dst = append(dst, '\\', 'u', '0', '0', upperHex[c>>4], upperHex[c&15])
	}
	return append(dst, v[from:]...)
}

// jsonShort is the letter that JSON has for a character after a backslash, or 0.
func jsonShort(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case '\t':
		return 't'
	case '\b':
		return 'b'
	case '\f':
		return 'f'
	}
	return 0
}
