package http

// Reason is what nginx writes after a status, "" if it has no words for it. Some are older than the
// RFCs' words: clients and scripts know them.
func Reason(status int) string {
	switch status {
	case 100:
		return "Continue"
	case 101:
		return "Switching Protocols"
	case 103:
		return "Early Hints"
	case 200:
		return "OK"
	case 201:
		return "Created"
	case 202:
		return "Accepted"
	case 204:
		return "No Content"
	case 206:
		return "Partial Content"
	case 301:
		return "Moved Permanently"
	case 302:
		return "Moved Temporarily"
	case 303:
		return "See Other"
	case 304:
		return "Not Modified"
	case 307:
		return "Temporary Redirect"
	case 308:
		return "Permanent Redirect"
	}
	if status >= 400 && status < 400+len(errorReasons) {
		return errorReasons[status-400]
	}
	if status >= 500 && status < 500+len(failureReasons) {
		return failureReasons[status-500]
	}
	return ""
}

var errorReasons = [30]string{
	"Bad Request", "Unauthorized", "Payment Required", "Forbidden", "Not Found", "Not Allowed",
	"Not Acceptable", "Proxy Authentication Required", "Request Time-out", "Conflict", "Gone",
	"Length Required", "Precondition Failed", "Request Entity Too Large", "Request-URI Too Large",
	"Unsupported Media Type", "Requested Range Not Satisfiable",
	21: "Misdirected Request", 29: "Too Many Requests",
}

var failureReasons = [8]string{
	"Internal Server Error", "Not Implemented", "Bad Gateway", "Service Temporarily Unavailable",
	"Gateway Time-out", "HTTP Version Not Supported", 7: "Insufficient Storage",
}
