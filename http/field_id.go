package http

// A HeaderID stands for the name of a header field that the server has to find quickly. It is found once,
// when the field is read.
type HeaderID uint8

const (
	// HdrUnknown is any name that is not in the table.
	HdrUnknown HeaderID = iota
	HdrHost
	HdrConnection
	HdrContentLength
	HdrContentType
	HdrTransferEncoding
	HdrIfModifiedSince
	HdrIfUnmodifiedSince
	HdrIfMatch
	HdrIfNoneMatch
	HdrIfRange
	HdrRange
	HdrUserAgent
	HdrReferer
	HdrExpect
	HdrUpgrade
	HdrAcceptEncoding
	HdrVia
	HdrAuthorization
	HdrKeepAlive
	HdrXForwardedFor
	HdrTE
	HdrCookie
	HdrAccept
	HdrAcceptLanguage
	HdrDate
	HdrServer
	HdrLocation
	HdrRefresh
	HdrSetCookie
	HdrLastModified
	HdrETag
	HdrCacheControl
	HdrExpires
	HdrPragma
	HdrVary
	HdrContentRange
	HdrContentEncoding
	HdrAcceptRanges
	HdrWWWAuthenticate
	HdrTrailer
	HdrLink
	HdrProxyConnection
	HdrXAccelExpires
	HdrXAccelRedirect
	HdrXAccelLimitRate
	HdrXAccelBuffering
	HdrXAccelCharset
	HdrAge
	HdrDepth
	HdrDestination
	HdrOverwrite
	HdrStatus
	HdrContentDisposition
	HdrProxyAuthorization
	HdrProxyAuthenticate
	HdrXRealIP
	HdrXForwardedProto
	HdrXForwardedHost
	HdrForwarded
	HdrProxy
	HdrHTTP2Settings
	HdrOrigin
	HdrSecWebSocketKey
	HdrEarlyData
	HdrPriority
	HdrContentLanguage
	HdrContentLocation
	HdrStrictTransportSecurity
	HdrAltSvc
	HdrRetryAfter
	HdrAllow
	HdrXRequestID
	HdrAccessControlAllowOrigin

	headerCount = iota
)

// headerNames are the names as nginx writes them.
var headerNames = [headerCount]string{
	HdrHost:                     "Host",
	HdrConnection:               "Connection",
	HdrContentLength:            "Content-Length",
	HdrContentType:              "Content-Type",
	HdrTransferEncoding:         "Transfer-Encoding",
	HdrIfModifiedSince:          "If-Modified-Since",
	HdrIfUnmodifiedSince:        "If-Unmodified-Since",
	HdrIfMatch:                  "If-Match",
	HdrIfNoneMatch:              "If-None-Match",
	HdrIfRange:                  "If-Range",
	HdrRange:                    "Range",
	HdrUserAgent:                "User-Agent",
	HdrReferer:                  "Referer",
	HdrExpect:                   "Expect",
	HdrUpgrade:                  "Upgrade",
	HdrAcceptEncoding:           "Accept-Encoding",
	HdrVia:                      "Via",
	HdrAuthorization:            "Authorization",
	HdrKeepAlive:                "Keep-Alive",
	HdrXForwardedFor:            "X-Forwarded-For",
	HdrTE:                       "TE",
	HdrCookie:                   "Cookie",
	HdrAccept:                   "Accept",
	HdrAcceptLanguage:           "Accept-Language",
	HdrDate:                     "Date",
	HdrServer:                   "Server",
	HdrLocation:                 "Location",
	HdrRefresh:                  "Refresh",
	HdrSetCookie:                "Set-Cookie",
	HdrLastModified:             "Last-Modified",
	HdrETag:                     "ETag",
	HdrCacheControl:             "Cache-Control",
	HdrExpires:                  "Expires",
	HdrPragma:                   "Pragma",
	HdrVary:                     "Vary",
	HdrContentRange:             "Content-Range",
	HdrContentEncoding:          "Content-Encoding",
	HdrAcceptRanges:             "Accept-Ranges",
	HdrWWWAuthenticate:          "WWW-Authenticate",
	HdrTrailer:                  "Trailer",
	HdrLink:                     "Link",
	HdrProxyConnection:          "Proxy-Connection",
	HdrXAccelExpires:            "X-Accel-Expires",
	HdrXAccelRedirect:           "X-Accel-Redirect",
	HdrXAccelLimitRate:          "X-Accel-Limit-Rate",
	HdrXAccelBuffering:          "X-Accel-Buffering",
	HdrXAccelCharset:            "X-Accel-Charset",
	HdrAge:                      "Age",
	HdrDepth:                    "Depth",
	HdrDestination:              "Destination",
	HdrOverwrite:                "Overwrite",
	HdrStatus:                   "Status",
	HdrContentDisposition:       "Content-Disposition",
	HdrProxyAuthorization:       "Proxy-Authorization",
	HdrProxyAuthenticate:        "Proxy-Authenticate",
	HdrXRealIP:                  "X-Real-IP",
	HdrXForwardedProto:          "X-Forwarded-Proto",
	HdrXForwardedHost:           "X-Forwarded-Host",
	HdrForwarded:                "Forwarded",
	HdrProxy:                    "Proxy",
	HdrHTTP2Settings:            "HTTP2-Settings",
	HdrOrigin:                   "Origin",
	HdrSecWebSocketKey:          "Sec-WebSocket-Key",
	HdrEarlyData:                "Early-Data",
	HdrPriority:                 "Priority",
	HdrContentLanguage:          "Content-Language",
	HdrContentLocation:          "Content-Location",
	HdrStrictTransportSecurity:  "Strict-Transport-Security",
	HdrAltSvc:                   "Alt-Svc",
	HdrRetryAfter:               "Retry-After",
	HdrAllow:                    "Allow",
	HdrXRequestID:               "X-Request-ID",
	HdrAccessControlAllowOrigin: "Access-Control-Allow-Origin",
}

// String returns the name as it is usually written, "" for HdrUnknown.
func (id HeaderID) String() string {
	if int(id) >= len(headerNames) {
		return ""
	}
	return headerNames[id]
}

// headerBytes are the names as bytes, so that adding a field costs no memory.
var headerBytes = func() (b [headerCount][]byte) {
	for i, name := range headerNames {
		b[i] = []byte(name)
	}
	return b
}()

// Bytes returns the name as it is usually written, nil for HdrUnknown. It must not be changed.
func (id HeaderID) Bytes() []byte {
	if int(id) >= len(headerBytes) {
		return nil
	}
	return headerBytes[id]
}
