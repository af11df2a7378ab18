package h1

import (
	"testing"

	"weir/http"
)

// smuggling are heads whose framing two servers could read in two ways, and a few that are sound.
var smuggling = []struct {
	name, fields string
	version      http.Version
	kind         BodyKind
	length       int64
	err          error // of a request
	peer         error // of a response
}{
	{"no body", "A: b", http.HTTP11, BodyNone, 0, nil, nil},
	{"length", "Content-Length: 10", http.HTTP11, BodyLength, 10, nil, nil},
	{"length 0", "Content-Length: 0", http.HTTP10, BodyLength, 0, nil, nil},
	{"leading zeros", "Content-Length: 0010", http.HTTP11, BodyLength, 10, nil, nil},
	{"largest length", "Content-Length: 9223372036854775807", http.HTTP11, BodyLength, 1<<63 - 1, nil, nil},
	{"chunked", "Transfer-Encoding: chunked", http.HTTP11, BodyChunked, 0, nil, nil},
	{"chunked in capitals", "TRANSFER-ENCODING: CHUNKED", http.HTTP11, BodyChunked, 0, nil, nil},
	{"chunked in HTTP/1.2", "Transfer-Encoding: chunked", 1002, BodyChunked, 0, nil, nil},

	{"length too large", "Content-Length: 9223372036854775808", http.HTTP11, 0, 0, FaultLength, FaultLength},
	{"length negative", "Content-Length: -1", http.HTTP11, 0, 0, FaultLength, FaultLength},
	{"length with sign", "Content-Length: +1", http.HTTP11, 0, 0, FaultLength, FaultLength},
	{"length empty", "Content-Length:", http.HTTP11, 0, 0, FaultLength, FaultLength},
	{"length hexadecimal", "Content-Length: 0x10", http.HTTP11, 0, 0, FaultLength, FaultLength},
	{"length list", "Content-Length: 5, 5", http.HTTP11, 0, 0, FaultLength, FaultLength},
	{"length with space", "Content-Length: 1 0", http.HTTP11, 0, 0, FaultLength, FaultLength},
	{"length behind a tab", "Content-Length:\t5", http.HTTP11, 0, 0, FaultLength, FaultLength},
	{"two lengths", "Content-Length: 5\r\nContent-Length: 6", http.HTTP11, 0, 0, FaultDuplicate, FaultDuplicate},
	{"two equal lengths", "Content-Length: 5\r\ncontent-length: 5", http.HTTP11, 0, 0, FaultDuplicate, FaultDuplicate},
	{"CL.TE", "Content-Length: 5\r\nTransfer-Encoding: chunked", http.HTTP11, 0, 0, FaultBothLengths, FaultBothLengths},
	{"TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 5", http.HTTP11, 0, 0, FaultBothLengths, FaultBothLengths},
	{"bad CL with TE", "Content-Length: x\r\nTransfer-Encoding: chunked", http.HTTP11, 0, 0, FaultLength, FaultBothLengths},
	{"two TEs", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", http.HTTP11, 0, 0, FaultDuplicate, FaultDuplicate},
	{"TE in HTTP/1.0", "Transfer-Encoding: chunked", http.HTTP10, 0, 0, FaultCoding10, nil},
	{"CL and TE in HTTP/1.0", "Content-Length: 5\r\nTransfer-Encoding: chunked", http.HTTP10, 0, 0, FaultCoding10, FaultBothLengths},
	{"TE list", "Transfer-Encoding: gzip, chunked", http.HTTP11, 0, 0, FaultCoding, FaultCoding},
	{"TE identity", "Transfer-Encoding: identity", http.HTTP11, 0, 0, FaultCoding, FaultCoding},
	{"TE unknown", "Transfer-Encoding: xchunked", http.HTTP11, 0, 0, FaultCoding, FaultCoding},
	{"TE empty", "Transfer-Encoding:", http.HTTP11, 0, 0, FaultCoding, FaultCoding},
	{"TE behind a tab", "Transfer-Encoding:\tchunked", http.HTTP11, 0, 0, FaultCoding, FaultCoding},
	{"TE with vertical tab", "Transfer-Encoding: \x0bchunked", http.HTTP11, 0, 0, FaultCoding, FaultCoding},
	{"TE with parameter", "Transfer-Encoding: chunked;a=b", http.HTTP11, 0, 0, FaultCoding, FaultCoding},
	{"TE in quotes", "Transfer-Encoding: \"chunked\"", http.HTTP11, 0, 0, FaultCoding, FaultCoding},
	{"unknown TE with CL", "Transfer-Encoding: x\r\nContent-Length: 5", http.HTTP11, 0, 0, FaultCoding, FaultBothLengths},
	{"name with underscore is another", "Content_Length: 5", http.HTTP11, BodyNone, 0, nil, nil},
}

func fieldsOf(t *testing.T, text string) http.Fields {
	t.Helper()
	buf := []byte(text + "\r\n\r\n")
	var h head
	if done, err := h.ParseFields(buf); !done || err != nil {
		t.Fatal(done, err)
	}
	return h.Fields(buf, nil)
}

func TestBodyFraming(t *testing.T) {
	for _, tt := range smuggling {
		t.Run(tt.name, func(t *testing.T) {
			f := fieldsOf(t, tt.fields)
			kind, length, err := BodyFraming(f, tt.version)
			if kind != tt.kind || length != tt.length || err != tt.err {
				t.Errorf("request: got %v %v %v, want %v %v %v", kind, length, err, tt.kind, tt.length, tt.err)
			}
			if _, _, err = ResponseFraming(f); err != tt.peer {
				t.Errorf("response: got %v, want %v", err, tt.peer)
			}
		})
	}
}

func TestFaultStatus(t *testing.T) {
	for f, want := range map[Fault]int{
		FaultCoding: 501, FaultCoding10: 400, FaultBothLengths: 400, FaultDuplicate: 400, FaultLength: 400,
		FaultVersion: 505, FaultURITooLong: 414, FaultFieldTooLong: 494, FaultTooManyFields: 494, FaultRequest: 400,
	} {
		if got := f.Status(); got != want {
			t.Errorf("%v: status %d, want %d", f, got, want)
		}
	}
	for f := Fault(1); f < faultCount; f++ {
		if faults[f].text == "" || f.Status() < 400 {
			t.Errorf("fault %d has no text or status", f)
		}
	}
}

func TestDuplicate(t *testing.T) {
	tests := []struct{ name, fields, want string }{
		{"none", "Host: a\r\nCookie: b\r\nCookie: c\r\nX: 1\r\nX: 2", ""},
		{"host", "Host: a\r\nX: 1\r\nhost: b", `sent duplicate host header: "host: b", previous value: "Host: a"`},
		{"length", "Content-Length: 1\r\nContent-Length: 2", `sent duplicate header line: "Content-Length: 2", previous value: "Content-Length: 1"`},
		{"first of two", "Expect: a\r\nHost: a\r\nHost: b\r\nExpect: b", `sent duplicate host header: "Host: b", previous value: "Host: a"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if again, first := Duplicate(fieldsOf(t, tt.fields)); again != nil {
				got = string(AppendDuplicate(nil, again, first))
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestAppendFraming(t *testing.T) {
	tests := []struct {
		fields string
		peer   bool
		want   string
	}{
		{"Transfer-Encoding: x", false, `sent unknown "Transfer-Encoding": "x"`},
		{"Content-Length: x", false, `sent invalid "Content-Length" header`},
		{"Content-Length: x", true, `sent invalid "Content-Length" header: "Content-Length: x"`},
		{"A: b\r\nContent-Length: 1\r\nContent-length: 2", true, `sent duplicate header line: "Content-length: 2", previous value: "Content-Length: 1"`},
		{"Transfer-Encoding: a\r\nTransfer-Encoding: b", false, `sent duplicate header line: "Transfer-Encoding: b", previous value: "Transfer-Encoding: a"`},
		{"Content-Length: 1\r\nTransfer-Encoding: chunked", true, `sent "Content-Length" and "Transfer-Encoding" headers at the same time`},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			f := fieldsOf(t, tt.fields)
			_, _, err := BodyFraming(f, http.HTTP11)
			if tt.peer {
				_, _, err = ResponseFraming(f)
			}
			if got := string(AppendFraming(nil, f, err.(Fault), tt.peer)); got != tt.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestHasToken(t *testing.T) {
	for _, tt := range []struct {
		value, token string
		want         bool
	}{
		{"close", "close", true},
		{"Keep-Alive, CLOSE", "close", true},
		{"xclosex", "close", true},
		{"clos", "close", false},
		{"cclose", "close", true},
		{"", "close", false},
		{"keep alive", "keep-alive", false},
	} {
		if got := HasToken([]byte(tt.value), tt.token); got != tt.want {
			t.Errorf("%q in %q: %v", tt.token, tt.value, got)
		}
	}
}
