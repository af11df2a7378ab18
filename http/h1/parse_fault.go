package h1

import "weir/http"

// statusTooLarge is nginx's own status for heads that are too large; clients see 400.
const statusTooLarge = 494

// What can be wrong with a head of HTTP/1 besides what can be with any: see http.Fault.
var (
	FaultVersion      = http.NewFault("sent invalid version", 505)                    // HTTP/2.0 and above
	FaultMethod09     = http.NewFault("sent invalid method in HTTP/0.9 request", 400) // other than GET
	FaultURITooLong   = http.NewFault("sent too long URI", 414)                       // a request line longer than MaxLine
	FaultLineHost     = http.NewFault("sent invalid host in request line", 400)       // of an absolute URI
	FaultFieldTooLong = http.NewFault("sent too long header line", statusTooLarge)    // longer than MaxLine
	FaultTooLarge     = http.NewFault("sent too large request", statusTooLarge)       // a head larger than all buffers
	FaultCoding       = http.NewFault(`sent unknown "Transfer-Encoding"`, 501)        // other than chunked
	FaultChunk        = http.NewFault("sent invalid chunked body", 400)               // chunked framing
	FaultStatusLine   = http.NewFault("sent no valid HTTP/1.0 header", 502)           // a response without a status line
	FaultEarlyHints10 = http.NewFault("sent HTTP/1.0 response with early hints", 502) // 103 in HTTP/1.0
	FaultCoding10     = http.NewFault(`sent HTTP/1.0 request with "Transfer-Encoding" header`, 400)
	FaultBothLengths  = http.NewFault(`sent "Content-Length" and "Transfer-Encoding" headers at the same time`, 400)
)
