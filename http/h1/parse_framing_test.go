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
	err          error
}{
	{"no body", "A: b", http.HTTP11, BodyNone, 0, nil},
	{"length", "Content-Length: 10", http.HTTP11, BodyLength, 10, nil},
	{"length 0", "Content-Length: 0", http.HTTP10, BodyLength, 0, nil},
	{"leading zeros", "Content-Length: 0010", http.HTTP11, BodyLength, 10, nil},
	{"largest length", "Content-Length: 9223372036854775807", http.HTTP11, BodyLength, 1<<63 - 1, nil},
	{"chunked", "Transfer-Encoding: chunked", http.HTTP11, BodyChunked, 0, nil},
	{"chunked in capitals", "TRANSFER-ENCODING: CHUNKED", http.HTTP11, BodyChunked, 0, nil},
	{"chunked in HTTP/1.2", "Transfer-Encoding: chunked", 1002, BodyChunked, 0, nil},

	{"length too large", "Content-Length: 9223372036854775808", http.HTTP11, 0, 0, http.FaultLength},
	{"length negative", "Content-Length: -1", http.HTTP11, 0, 0, http.FaultLength},
	{"length with sign", "Content-Length: +1", http.HTTP11, 0, 0, http.FaultLength},
	{"length empty", "Content-Length:", http.HTTP11, 0, 0, http.FaultLength},
	{"length hexadecimal", "Content-Length: 0x10", http.HTTP11, 0, 0, http.FaultLength},
	{"length list", "Content-Length: 5, 5", http.HTTP11, 0, 0, http.FaultLength},
	{"length with space", "Content-Length: 1 0", http.HTTP11, 0, 0, http.FaultLength},
	{"length behind a tab", "Content-Length:\t5", http.HTTP11, 0, 0, http.FaultLength},
	{"two lengths", "Content-Length: 5\r\nContent-Length: 6", http.HTTP11, 0, 0, http.FaultDuplicate},
	{"two equal lengths", "Content-Length: 5\r\ncontent-length: 5", http.HTTP11, 0, 0, http.FaultDuplicate},
	{"CL.TE", "Content-Length: 5\r\nTransfer-Encoding: chunked", http.HTTP11, 0, 0, FaultBothLengths},
	{"TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 5", http.HTTP11, 0, 0, FaultBothLengths},
	{"bad CL with TE", "Content-Length: x\r\nTransfer-Encoding: chunked", http.HTTP11, 0, 0, http.FaultLength},
	{"two TEs", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", http.HTTP11, 0, 0, http.FaultDuplicate},
	{"TE in HTTP/1.0", "Transfer-Encoding: chunked", http.HTTP10, 0, 0, FaultCoding10},
	{"CL and TE in HTTP/1.0", "Content-Length: 5\r\nTransfer-Encoding: chunked", http.HTTP10, 0, 0, FaultCoding10},
	{"TE list", "Transfer-Encoding: gzip, chunked", http.HTTP11, 0, 0, FaultCoding},
	{"TE identity", "Transfer-Encoding: identity", http.HTTP11, 0, 0, FaultCoding},
	{"TE unknown", "Transfer-Encoding: xchunked", http.HTTP11, 0, 0, FaultCoding},
	{"TE empty", "Transfer-Encoding:", http.HTTP11, 0, 0, FaultCoding},
	{"TE behind a tab", "Transfer-Encoding:\tchunked", http.HTTP11, 0, 0, FaultCoding},
	{"TE with vertical tab", "Transfer-Encoding: \x0bchunked", http.HTTP11, 0, 0, FaultCoding},
	{"TE with parameter", "Transfer-Encoding: chunked;a=b", http.HTTP11, 0, 0, FaultCoding},
	{"TE in quotes", "Transfer-Encoding: \"chunked\"", http.HTTP11, 0, 0, FaultCoding},
	{"unknown TE with CL", "Transfer-Encoding: x\r\nContent-Length: 5", http.HTTP11, 0, 0, FaultCoding},
	{"name with underscore is another", "Content_Length: 5", http.HTTP11, BodyNone, 0, nil},
}

func fieldsOf(t *testing.T, text string) http.Fields {
	t.Helper()
	buf := []byte(text + "\r\n\r\n")
	h := head{peer: true}
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
				t.Errorf("got %v %v %v, want %v %v %v", kind, length, err, tt.kind, tt.length, tt.err)
			}
		})
	}
}

func TestFaultStatus(t *testing.T) {
	for f, want := range map[*http.Fault]int{
		FaultCoding: 501, FaultCoding10: 400, FaultBothLengths: 400, http.FaultDuplicate: 400, http.FaultLength: 400,
		FaultVersion: 505, FaultURITooLong: 414, FaultFieldTooLong: 494, http.FaultTooManyFields: 494, http.FaultRequest: 400,
	} {
		if got := f.Status(); got != want {
			t.Errorf("%v: status %d, want %d", f, got, want)
		}
	}
}

func TestAppendFraming(t *testing.T) {
	for fields, want := range map[string]string{
		"Transfer-Encoding: x":                            `sent unknown "Transfer-Encoding": "x"`,
		"Content-Length: x":                               `sent invalid "Content-Length" header`,
		"A: b\r\nContent-Length: 1\r\nContent-length: 2":  `sent duplicate header line: "Content-length: 2", previous value: "Content-Length: 1"`,
		"Transfer-Encoding: a\r\nTransfer-Encoding: b":    `sent duplicate header line: "Transfer-Encoding: b", previous value: "Transfer-Encoding: a"`,
		"Content-Length: 1\r\nTransfer-Encoding: chunked": `sent "Content-Length" and "Transfer-Encoding" headers at the same time`,
	} {
		f := fieldsOf(t, fields)
		_, _, err := BodyFraming(f, http.HTTP11)
		if got := string(AppendFraming(nil, f, err.(*http.Fault))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
