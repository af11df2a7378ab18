package http

// A Verdict is what a step of the pipeline says of a request: go on, answered, look again, or a
// status to answer with. Every verdict of 100 and above is an HTTP status.
type Verdict int

const (
	// Next lets the request go on to the next step.
	Next Verdict = 0
	// Done says the response was sent, or cannot be: nothing more runs but the log.
	Done Verdict = -1
	// Redirected says that r.URI was replaced: a location must be found anew (see
	// Request.InternalRedirect).
	Redirected Verdict = -2
	// Jumped says that r.Loc is a named location now, to be run from its rewrite phase on.
	Jumped Verdict = -3
	// Allowed is the verdict of an access module that lets the request pass: with "satisfy any" no other is asked.
	Allowed Verdict = -4
	// Abort closes the connection without another byte, as status 444 does.
	Abort Verdict = 444
)

// Statuses that more than one module answers with. 497 and 499 are nginx's own: clients never see them.
const (
	StatusClientClosed      = 499 // the client went away while an upstream worked
	StatusHTTPToHTTPS       = 497
	StatusRequestTimeout    = 408
	StatusBadRequest        = 400
	StatusForbidden         = 403
	StatusNotFound          = 404
	StatusNotAllowed        = 405
	StatusTooLarge          = 413
	StatusInternal          = 500
	StatusNotImplemented    = 501
	StatusBadGateway        = 502
	StatusUnavailable       = 503
	StatusGatewayTimeout    = 504
	StatusInsufficientSpace = 507
)

// Phase is a stage of a request's way. Steps run phase by phase, within a phase in the order of
// cycle/modules.go.
type Phase uint8

const (
	PostRead      Phase = iota // before anything: realip
	ServerRewrite              // rewrite directives of the server block
	Rewrite                    // rewrite directives of the location
	PreAccess                  // limit_conn, limit_req
	Access                     // allow, deny, auth_*
	PreContent                 // try_files, mirror
	Content                    // the answer
	phases
)

// A Step is one module's part in a phase, with its settings bound.
type Step func(*Request) Verdict

// NginxVersion is the version of nginx whose behaviour weir has.
const NginxVersion = "1.31.5"
