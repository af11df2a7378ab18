package field

// A ID stands for the name of a header field that the server has to find quickly. It is found once,
// when the field is read.
type ID uint8

const (
	// Unknown is any name that is not in the table.
	Unknown ID = iota
	Host
	Connection
	ContentLength
	ContentType
	TransferEncoding
	IfModifiedSince
	IfUnmodifiedSince
	IfMatch
	IfNoneMatch
	IfRange
	Range
	UserAgent
	Referer
	Expect
	Upgrade
	AcceptEncoding
	Via
	Authorization
	KeepAlive
	XForwardedFor
	TE
	Cookie
	Accept
	AcceptLanguage
	Date
	Server
	Location
	Refresh
	SetCookie
	LastModified
	ETag
	CacheControl
	Expires
	Pragma
	Vary
	ContentRange
	ContentEncoding
	AcceptRanges
	WWWAuthenticate
	Trailer
	Link
	ProxyConnection
	XAccelExpires
	XAccelRedirect
	XAccelLimitRate
	XAccelBuffering
	XAccelCharset
	Age
	Depth
	Destination
	Overwrite
	Status
	ContentDisposition
	ProxyAuthorization
	ProxyAuthenticate
	XRealIP
	XForwardedProto
	XForwardedHost
	Forwarded
	Proxy
	HTTP2Settings
	Origin
	SecWebSocketKey
	EarlyData
	Priority
	ContentLanguage
	ContentLocation
	StrictTransportSecurity
	AltSvc
	RetryAfter
	Allow
	XRequestID
	AccessControlAllowOrigin

	count = iota
)

// names are the names as nginx writes them.
var names = [count]string{
	Host:                     "Host",
	Connection:               "Connection",
	ContentLength:            "Content-Length",
	ContentType:              "Content-Type",
	TransferEncoding:         "Transfer-Encoding",
	IfModifiedSince:          "If-Modified-Since",
	IfUnmodifiedSince:        "If-Unmodified-Since",
	IfMatch:                  "If-Match",
	IfNoneMatch:              "If-None-Match",
	IfRange:                  "If-Range",
	Range:                    "Range",
	UserAgent:                "User-Agent",
	Referer:                  "Referer",
	Expect:                   "Expect",
	Upgrade:                  "Upgrade",
	AcceptEncoding:           "Accept-Encoding",
	Via:                      "Via",
	Authorization:            "Authorization",
	KeepAlive:                "Keep-Alive",
	XForwardedFor:            "X-Forwarded-For",
	TE:                       "TE",
	Cookie:                   "Cookie",
	Accept:                   "Accept",
	AcceptLanguage:           "Accept-Language",
	Date:                     "Date",
	Server:                   "Server",
	Location:                 "Location",
	Refresh:                  "Refresh",
	SetCookie:                "Set-Cookie",
	LastModified:             "Last-Modified",
	ETag:                     "ETag",
	CacheControl:             "Cache-Control",
	Expires:                  "Expires",
	Pragma:                   "Pragma",
	Vary:                     "Vary",
	ContentRange:             "Content-Range",
	ContentEncoding:          "Content-Encoding",
	AcceptRanges:             "Accept-Ranges",
	WWWAuthenticate:          "WWW-Authenticate",
	Trailer:                  "Trailer",
	Link:                     "Link",
	ProxyConnection:          "Proxy-Connection",
	XAccelExpires:            "X-Accel-Expires",
	XAccelRedirect:           "X-Accel-Redirect",
	XAccelLimitRate:          "X-Accel-Limit-Rate",
	XAccelBuffering:          "X-Accel-Buffering",
	XAccelCharset:            "X-Accel-Charset",
	Age:                      "Age",
	Depth:                    "Depth",
	Destination:              "Destination",
	Overwrite:                "Overwrite",
	Status:                   "Status",
	ContentDisposition:       "Content-Disposition",
	ProxyAuthorization:       "Proxy-Authorization",
	ProxyAuthenticate:        "Proxy-Authenticate",
	XRealIP:                  "X-Real-IP",
	XForwardedProto:          "X-Forwarded-Proto",
	XForwardedHost:           "X-Forwarded-Host",
	Forwarded:                "Forwarded",
	Proxy:                    "Proxy",
	HTTP2Settings:            "HTTP2-Settings",
	Origin:                   "Origin",
	SecWebSocketKey:          "Sec-WebSocket-Key",
	EarlyData:                "Early-Data",
	Priority:                 "Priority",
	ContentLanguage:          "Content-Language",
	ContentLocation:          "Content-Location",
	StrictTransportSecurity:  "Strict-Transport-Security",
	AltSvc:                   "Alt-Svc",
	RetryAfter:               "Retry-After",
	Allow:                    "Allow",
	XRequestID:               "X-Request-ID",
	AccessControlAllowOrigin: "Access-Control-Allow-Origin",
}

// String returns the name as it is usually written, "" for Unknown.
func (id ID) String() string {
	if int(id) >= len(names) {
		return ""
	}
	return names[id]
}

// bytes are the names as bytes, so that adding a field costs no memory.
var nameBytes = func() (b [count][]byte) {
	for i, name := range names {
		b[i] = []byte(name)
	}
	return b
}()

// Bytes returns the name as it is usually written, nil for Unknown. It must not be changed.
func (id ID) Bytes() []byte {
	if int(id) >= len(nameBytes) {
		return nil
	}
	return nameBytes[id]
}
