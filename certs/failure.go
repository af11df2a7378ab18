package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"weir/logs"
)

// ErrRejected is what an Owner says to a client that it does not serve (ssl_reject_handshake).
var ErrRejected = errors.New("handshake rejected")

// HandshakeText is what nginx logs of a failed handshake, or the nearest to it.
func HandshakeText(err error) string {
	var no syscall.Errno
	switch {
	case errors.Is(err, ErrRejected):
		return "handshake rejected"
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return "peer closed connection in SSL handshake"
	case errors.As(err, &no) && (no == syscall.ECONNRESET || no == syscall.EPIPE):
		return "peer closed connection in SSL handshake " + string(logs.AppendErrno(nil, no))
	case errors.As(err, &no):
		return "SSL_do_handshake() failed " + string(logs.AppendErrno(nil, no))
	}
	return "SSL_do_handshake() failed (SSL: " + Reason(err) + ")"
}

// Reason is an error of crypto/tls in the words of OpenSSL, if it has such.
func Reason(err error) string {
	var header tls.RecordHeaderError
	if errors.As(err, &header) {
		for _, method := range []string{"GET ", "POST ", "HEAD ", "PUT "} {
			if strings.HasPrefix(string(header.RecordHeader[:]), method) {
				return "error:0A00009C:SSL routines::http request"
			}
		}
		return "error:0A00010B:SSL routines::wrong version number"
	}
	text := err.Error()
	if remote, ok := strings.CutPrefix(text, "remote error: tls: "); ok {
		if a, known := alerts[remote]; known {
			return fmt.Sprintf("error:0A%06X:SSL routines::%s:SSL alert number %d", 1000+a.number, a.text, a.number)
		}
		return remote
	}
	for _, r := range reasons {
		if strings.Contains(text, r.part) {
			return r.text
		}
	}
	return strings.TrimPrefix(strings.TrimPrefix(text, "local error: "), "tls: ")
}

// reasons are what OpenSSL says where the text of an error of crypto/tls has such a part.
var reasons = []struct{ part, text string }{
	{"client offered only unsupported versions", "error:0A000102:SSL routines::unsupported protocol"},
	{"server selected unsupported protocol version", "error:0A000102:SSL routines::unsupported protocol"},
	{"no cipher suite supported", "error:0A0000C1:SSL routines::no shared cipher"},
	{"cipher suite supported by both", "error:0A0000C1:SSL routines::no shared cipher"},
	{"unsupported application protocols", "error:0A0000EB:SSL routines::no application protocol"},
	{"peer doesn't support any of the certificate's signature algorithms", "error:0A000076:SSL routines::no suitable signature algorithm"},
	{"no ECDHE curve supported", "error:0A000065:SSL routines::no suitable key share"},
	{"no key exchanges supported", "error:0A000065:SSL routines::no suitable key share"},
	{"bad record MAC", "error:0A000119:SSL routines::decryption failed or bad record mac"},
	{"oversized record", "error:0A000092:SSL routines::data length too long"},
	{"exceeds maximum of", "error:0A000098:SSL routines::excessive message size"},
	{"unexpected message", "error:0A0000F4:SSL routines::unexpected message"},
	{"client using inappropriate protocol fallback", "error:0A000175:SSL routines::inappropriate fallback"},
	{"error decoding message", "error:0A00009F:SSL routines::length mismatch"},
	{"invalid signature by the client certificate", "error:0A00007B:SSL routines::bad signature"},
	{"client's Finished message is incorrect", "error:0A000095:SSL routines::digest check failed"},
	{"invalid PSK binder", "error:0A0000FD:SSL routines::binder does not verify"},
}

type alert struct {
	number int
	text   string
}

// alerts are the alerts of a peer by the text of crypto/tls.
var alerts = map[string]alert{
	"unexpected message": {10, "ssl/tls alert unexpected message"}, "bad record MAC": {20, "ssl/tls alert bad record mac"},
	"handshake failure": {40, "sslv3 alert handshake failure"}, "bad certificate": {42, "sslv3 alert bad certificate"},
	"unsupported certificate": {43, "sslv3 alert unsupported certificate"}, "revoked certificate": {44, "sslv3 alert certificate revoked"},
	"expired certificate": {45, "sslv3 alert certificate expired"}, "unknown certificate": {46, "sslv3 alert certificate unknown"},
	"illegal parameter": {47, "sslv3 alert illegal parameter"}, "unknown certificate authority": {48, "tlsv1 alert unknown ca"},
	"access denied": {49, "tlsv1 alert access denied"}, "error decoding message": {50, "tlsv1 alert decode error"},
	"error decrypting message": {51, "tlsv1 alert decrypt error"}, "protocol version not supported": {70, "tlsv1 alert protocol version"},
	"insufficient security level": {71, "tlsv1 alert insufficient security"}, "internal error": {80, "tlsv1 alert internal error"},
	"user canceled": {90, "tlsv1 alert user cancelled"}, "no renegotiation": {100, "tlsv1 alert no renegotiation"},
	"unsupported extension": {110, "tlsv1 unsupported extension"}, "unrecognized name": {112, "tlsv1 unrecognized name"},
	"bad certificate status response": {113, "tlsv1 bad certificate status response"},
	"certificate required":            {116, "tlsv13 alert certificate required"},
	"no application protocol":         {120, "tlsv1 alert no application protocol"},
}
