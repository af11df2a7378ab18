package http

import (
	"bytes"

	"weir/http/field"
	"weir/http/url"
	"weir/logs"
)

// Admission: how the head that a wire has read becomes a checked request, the same for every wire. A wire calls
//
//	r.Bind(port)             the default server of the address is in charge
//	r.AdmitMethod(name)      where the wire has not found the method itself
//	r.AdmitTarget(target)    the path and its arguments, as that server wants them
//	r.AdmitHost(port, host)  an authority: now the server of that name is in charge
//	r.AdmitField(port, &f)   every field, in the order they came; Host is one of them
//	r.AdmitLength()          and
//	r.AdmitExpect()          once all are there
//
// and refuses the request with what one of them says. Which parts must be there, and how the body is framed, is the wire's
// to know. All of them are for the loop and the task of the request only, and keep what they are given: the bytes must
// live as long as the request.

// AdmitMethod takes a method. The fault is FaultMethod.
func (r *Request) AdmitMethod(name []byte) error {
	for _, c := range name {
		if !IsMethodByte(c) {
			return FaultMethod
		}
	}
	if len(name) == 0 {
		return FaultMethod
	}
	r.Method, r.MethodName = LookupMethod(name), name
	return nil
}

// AdmitTarget takes a target, "/path?arguments", and splits and normalises it. The fault is FaultRequest.
func (r *Request) AdmitTarget(target []byte) error {
	shape, ok := url.Scan(target)
	if !ok {
		return FaultRequest
	}
	r.Plain = target[0] == '/' && !shape.Fragment
	return r.SetTarget(target, shape)
}

// SetTarget is AdmitTarget for a target of which the wire knows the shape. Without arguments a "?" counts for nothing.
func (r *Request) SetTarget(target []byte, shape url.Shape) error {
	var room []byte
	if shape.Complex {
		room = r.Alloc(len(target) + 1)[:0]
	}
	path, args, ext, ok := shape.Split(room, target, r.Server.Core.MergeSlashes)
	if !ok {
		r.Target, r.URI, r.Args, r.Exten = nil, []byte{}, nil, nil
		return FaultRequest
	}
	if len(args) == 0 {
		args = nil
	}
	r.Target, r.URI, r.Args, r.Exten = target, path, args, ext
	r.Escaped = shape.Escaped
	return nil
}

// AdmitHost takes the host, with or without a port, that the request is for, and puts its server in charge, unless one
// was taken before. The fault is FaultHost or FaultMisdirected.
func (r *Request) AdmitHost(port *Port, host []byte) error {
	name, number, ok := url.SplitHost(r.Alloc(len(host))[:0], host)
	if !ok {
		return FaultHost
	}
	if r.HostName != nil {
		return nil
	}
	r.HostName, r.HostPort = name, number
	negotiated := r.Server
	r.ChooseServer(port)
	if r.Client.TLS != nil && r.Client.TLS.Misdirected(r) {
		r.Server = negotiated
		return FaultMisdirected
	}
	return nil
}

// AdmitField takes a field whose name and value have no bytes that cannot be in a field (see field.CheckName and
// field.CheckValue). It is left out if its name is one that ignore_invalid_headers ignores. After an error, of which the
// log knows already, the request must be refused with its status.
func (r *Request) AdmitField(port *Port, f *Field) *Fault {
	core := r.Server.Core
	noToken := f.Flags&field.NoToken != 0 // nobody can say what the next server takes it for
	if noToken || core.IgnoreInvalid && !f.Valid(core.Underscores) {
		r.Log(logs.Info, "client sent invalid header line: \""+string(f.Name)+": "+string(f.Value)+"\"")
		if noToken {
			return FaultField
		}
		return nil
	}
	if len(r.In) >= core.MaxHeaders {
		r.LogFault(FaultTooManyFields)
		return FaultTooManyFields
	}
	if f.ID.Once() {
		if first := r.In.Find(f.ID); first != nil {
			r.Log(logs.Info, string(field.AppendDuplicate([]byte("client "), f, first)))
			return FaultDuplicate
		}
	}
	r.In = append(r.In, *f)
	if f.ID == field.ContentLength || f.ID == field.TransferEncoding {
		r.In[len(r.In)-1].Value = bytes.Trim(f.Value, " \t") // tabs are allowed around a value (RFC 9110, section 5.5)
	}
	if f.ID == field.Host {
		if err := r.AdmitHost(port, f.Value); err != nil {
			fault := err.(*Fault)
			r.LogFault(fault)
			return fault
		}
	}
	if r.debug {
		r.Debugf("http header: \"%s: %s\"", f.Name, f.Value)
	}
	return nil
}

// AdmitLength takes Content-Length into r.Body.Length. The fault is FaultLength.
func (r *Request) AdmitLength() error {
	value := r.In.Get(field.ContentLength)
	if value == nil {
		return nil
	}
	n, ok := field.ParseLength(value)
	if !ok {
		return FaultLength
	}
	r.Body.Length = n
	return nil
}

// AdmitExpect takes Expect into r.Body.Expect.
func (r *Request) AdmitExpect() {
	if value := r.In.Get(field.Expect); value != nil {
		r.Body.Expect = field.EqualFold(value, "100-continue")
	}
}

// LogFault logs what is wrong with the head of a request.
func (r *Request) LogFault(f *Fault) { r.Log(logs.Info, f.Error()) }

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
