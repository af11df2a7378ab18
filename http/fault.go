package http

// A Fault is what is wrong with the head of a message, as an error that costs no memory. Its text is nginx's sentence.
// Wires have faults of their own besides these, which any head can have.
type Fault struct {
	text   string
	status int
}

// NewFault makes a fault of what nginx logs after "client " (or "upstream ") and the status that a request with it is
// answered with, which may be one of nginx's own, such as 494. For package-level variables.
func NewFault(text string, status int) *Fault { return &Fault{text, status} }

// Error is nginx's sentence about a client.
func (f *Fault) Error() string { return "client " + f.text }

// Text is the sentence without "client " before it, for a caller who builds log lines.
func (f *Fault) Text() string { return f.text }

// Status is what a request with this fault is answered with.
func (f *Fault) Status() int { return f.status }

var (
	FaultMethod        = NewFault("sent invalid method", 400)
	FaultRequest       = NewFault("sent invalid request", 400) // a target that cannot be normalised
	FaultHost          = NewFault("sent invalid host header", 400)
	FaultNoHost        = NewFault(`sent HTTP/1.1 request without "Host" header`, 400)
	FaultField         = NewFault("sent invalid header line", 400)
	FaultTooManyFields = NewFault("sent too many header lines", 494)
	FaultDuplicate     = NewFault("sent duplicate header line", 400)
	FaultMisdirected   = NewFault("attempted to request the server name different from the one that was negotiated", 421)
	FaultLength        = NewFault(`sent invalid "Content-Length" header`, 400)
)
