package h1

import "weir/http/field"

// extState is where in a chunk's extensions the next byte is (RFC 9112, section 7.1.1): any number of
// ";" name [ "=" ( token | quoted string ) ], with spaces around each part.
type extState uint8

const (
	extGap      extState = iota // spaces before ";"
	extStart                    // spaces before a name
	extName                     // a name
	extNameGap                  // spaces behind it
	extEquals                   // spaces before a value
	extToken                    // a token
	extQuoted                   // a quoted string
	extEscape                   // what follows a backslash in it
	extValueEnd                 // behind it
)

// next takes a byte; it reports false when no extension may have it there.
func (s *extState) next(c byte) bool {
	space := c == ' ' || c == '\t'
	token := field.NameClasses[c] < field.NameColon && field.NameClasses[c]&uint8(field.NoToken) == 0
	if !space && field.NameClasses[c]&field.NameStop != 0 { // a control byte
		return false
	}
	switch *s {
	case extGap, extValueEnd:
		if c == ';' {
			*s = extStart
			return true
		}
		return space
	case extStart, extName, extNameGap:
		switch {
		case token && *s != extNameGap:
			*s = extName
		case space && *s == extName:
			*s = extNameGap
		case c == '=' && *s != extStart:
			*s = extEquals
		case c == ';' && *s != extStart:
			*s = extStart
		default:
			return space
		}
		return true
	case extQuoted:
		switch c {
		case '"':
			*s = extValueEnd
		case '\\':
			*s = extEscape
		}
		return true
	case extEscape:
		*s = extQuoted
		return true
	}
	switch { // extEquals, extToken
	case token:
		*s = extToken
	case c == '"' && *s == extEquals:
		*s = extQuoted
	case *s == extToken:
		*s = extValueEnd
		return s.next(c)
	default:
		return space
	}
	return true
}

// ends reports whether the line may end here.
func (s extState) ends() bool {
	return s == extName || s == extNameGap || s == extToken || s == extValueEnd
}

// trailerState is where in a trailer field the next byte is.
type trailerState uint8

const (
	trailerStart trailerState = iota // the first byte of a line
	trailerName
	trailerValue
	trailerCR
)

// next takes a byte; it reports false when no field may have it there.
func (s *trailerState) next(c byte) bool {
	class := field.NameClasses[c]
	switch {
	case c == '\n':
		*s = trailerStart
		return true
	case c == '\r':
		was := *s
		*s = trailerCR
		return was != trailerName // a colon is missing
	case *s == trailerCR:
		return false
	case *s == trailerValue:
		return class&field.NameStop == 0 || c == ' ' || c == '\t'
	case c == ':':
		was := *s
		*s = trailerValue
		return was == trailerName
	}
	*s = trailerName
	return class&(field.NameStop|uint8(field.NoToken)) == 0
}
