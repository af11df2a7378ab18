package h1

import (
	"strconv"

	"weir/http"
	"weir/http/field"
)

// AppendStatusLine appends the first line of a response. reason is what follows "HTTP/1.1 " when an
// upstream server said so, status and all; without it the words are nginx's. Statuses that nginx has
// no words for are followed by a space and nothing.
func AppendStatusLine(dst []byte, status int, reason []byte) []byte {
	if reason == nil && uint(status) < uint(len(statusLines)) && statusLines[status] != "" {
		return append(dst, statusLines[status]...)
	}
	dst = append(dst, statusStart...)
	if reason != nil {
		return append(appendClean(dst, reason), "\r\n"...)
	}
	if status < 100 {
		dst = append(dst, "00"[:2-min(status/10, 1)]...)
	}
	dst = strconv.AppendInt(dst, int64(status), 10)
	return append(dst, " \r\n"...)
}

const statusStart = "HTTP/1.1 "

// statusLines are whole lines by status, made when the program starts; "" for those without words.
var statusLines = makeStatusLines()

func makeStatusLines() (lines [600]string) {
	for status := range lines {
		if reason := http.Reason(status); reason != "" && status >= 200 {
			lines[status] = statusStart + strconv.Itoa(status) + " " + reason + "\r\n"
		}
	}
	return lines
}

// AppendField appends a field with its line's end. CR, LF and NUL in the value, which would make
// another field or response of it, are written as spaces (RFC 9110, section 5.5).
func AppendField(dst, name, value []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = appendClean(dst, value)
	return append(dst, "\r\n"...)
}

// appendClean appends b with spaces for CR, LF and NUL.
func appendClean(dst, b []byte) []byte {
	base := len(dst)
	dst = append(dst, b...)
	out := dst[base:]
	for i := field.NextControl(out, 0); i < len(out); i = field.NextControl(out, i+1) {
		if c := out[i]; c == '\r' || c == '\n' || c == 0 {
			out[i] = ' '
		}
	}
	return dst
}

// AppendChunkHead appends the line before a chunk of n bytes. "\r\n" must follow the data.
func AppendChunkHead(dst []byte, n int64) []byte {
	return append(strconv.AppendInt(dst, n, 16), "\r\n"...)
}
