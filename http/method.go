package http

// Method is a request method as a bit, so that sets of methods are one number.
type Method uint32

const (
	MethodOther Method = 1 << iota
	GET
	HEAD
	POST
	PUT
	DELETE
	MKCOL
	COPY
	MOVE
	OPTIONS
	PROPFIND
	PROPPATCH
	LOCK
	UNLOCK
	PATCH
	TRACE
	CONNECT
)

// IsMethodByte reports whether a method may have this byte.
func IsMethodByte(c byte) bool { return c >= 'A' && c <= 'Z' || c == '_' || c == '-' }

// LookupMethod returns the method with this name, MethodOther if it is not one of nginx's.
func LookupMethod(name []byte) Method {
	switch string(name) {
	case "GET":
		return GET
	case "HEAD":
		return HEAD
	case "POST":
		return POST
	case "PUT":
		return PUT
	case "DELETE":
		return DELETE
	case "OPTIONS":
		return OPTIONS
	case "PATCH":
		return PATCH
	case "CONNECT":
		return CONNECT
	case "TRACE":
		return TRACE
	case "MKCOL":
		return MKCOL
	case "COPY":
		return COPY
	case "MOVE":
		return MOVE
	case "LOCK":
		return LOCK
	case "UNLOCK":
		return UNLOCK
	case "PROPFIND":
		return PROPFIND
	case "PROPPATCH":
		return PROPPATCH
	}
	return MethodOther
}
