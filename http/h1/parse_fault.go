package h1

// A Fault is what is wrong with a message, as an error that costs no memory. Its text is nginx's
// sentence; AppendFault adds the line in question where nginx shows it.
type Fault uint8

const (
	FaultMethod        Fault = iota + 1 // request line: method
	FaultRequest                        // request line: anything else, or a URI that cannot be normalised
	FaultVersion                        // request line: HTTP/2.0 and above
	FaultMethod09                       // request line: HTTP/0.9 with a method other than GET
	FaultURITooLong                     // request line: longer than MaxLine
	FaultLineHost                       // request line: host of an absolute URI
	FaultHost                           // Host field
	FaultNoHost                         // HTTP/1.1 without Host
	FaultField                          // field that cannot be read
	FaultFieldTooLong                   // field longer than MaxLine
	FaultTooLarge                       // head larger than all buffers
	FaultTooManyFields                  // more than MaxFields fields
	FaultDuplicate                      // a field that may be sent once was sent twice
	FaultLength                         // Content-Length is no number
	FaultBothLengths                    // Content-Length with Transfer-Encoding
	FaultCoding                         // Transfer-Encoding other than chunked
	FaultCoding10                       // Transfer-Encoding in HTTP/1.0
	FaultChunk                          // chunked framing
	FaultStatusLine                     // response: no status line
	FaultEarlyHints10                   // response: 103 in HTTP/1.0

	faultCount
)

// statusTooLarge is nginx's own status for heads that are too large; clients see 400.
const statusTooLarge = 494

// faults has a sentence and a status for each fault. What follows "client" or "upstream" is the same
// for both sides where both can be at fault.
var faults = [faultCount]struct {
	text   string
	status int
}{
	FaultMethod:        {"sent invalid method", 400},
	FaultRequest:       {"sent invalid request", 400},
	FaultVersion:       {"sent invalid version", 505},
	FaultMethod09:      {"sent invalid method in HTTP/0.9 request", 400},
	FaultURITooLong:    {"sent too long URI", 414},
	FaultLineHost:      {"sent invalid host in request line", 400},
	FaultHost:          {"sent invalid host header", 400},
	FaultNoHost:        {`sent HTTP/1.1 request without "Host" header`, 400},
	FaultField:         {"sent invalid header line", 400},
	FaultFieldTooLong:  {"sent too long header line", statusTooLarge},
	FaultTooLarge:      {"sent too large request", statusTooLarge},
	FaultTooManyFields: {"sent too many header lines", statusTooLarge},
	FaultDuplicate:     {"sent duplicate header line", 400},
	FaultLength:        {`sent invalid "Content-Length" header`, 400},
	FaultBothLengths:   {`sent "Content-Length" and "Transfer-Encoding" headers at the same time`, 400},
	FaultCoding:        {`sent unknown "Transfer-Encoding"`, 501},
	FaultCoding10:      {`sent HTTP/1.0 request with "Transfer-Encoding" header`, 400},
	FaultChunk:         {"sent invalid chunked body", 400},
	FaultStatusLine:    {"sent no valid HTTP/1.0 header", 502},
	FaultEarlyHints10:  {"sent HTTP/1.0 response with early hints", 502},
}

// Error is nginx's sentence about a client.
func (f Fault) Error() string {
	if f == 0 || f >= faultCount {
		return "client sent invalid request"
	}
	return "client " + faults[f].text
}

// Text is the sentence without "client " before it, for a caller who builds log lines.
func (f Fault) Text() string {
	if f >= faultCount {
		f = FaultRequest
	}
	return faults[f].text
}

// Status is what a request with this fault is answered with: a status of nginx, which may be its own
// 494.
func (f Fault) Status() int {
	if f == 0 || f >= faultCount {
		return 400
	}
	return faults[f].status
}
