package proxy

import (
	"errors"

	"weir/certs"
	"weir/conf"
	"weir/http"
	"weir/http/ssl"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
)

// A tlsUse is what a request wants of the TLS of its peers; it is worked out once, however many are asked.
type tlsUse struct {
	on     bool
	name   ssl.UpstreamName
	secure upstream.Secure // what a kept connection must be
}

// secureFor works out how the peers of this request are spoken to.
func (x *exchange) secureFor() {
	x.tls = tlsUse{}
	switch {
	case !x.dest.tls:
	case x.h.fixedTLS.on && !x.dest.made && x.h.pass.find == nil:
		x.tls = x.h.fixedTLS
	default:
		x.tls = newTLSUse(x.h.tls, x.h.tls.Of(x.r, x.dest.name))
	}
	x.tls.secure.Protocol = x.h.pass.alpn
}

func newTLSUse(u *ssl.Upstream, n ssl.UpstreamName) tlsUse {
	return tlsUse{on: true, name: n, secure: upstream.Secure{Settings: u.ID(), Names: n.Asked + "\x00" + n.Verified + "\x00" + n.Cert + "\x00" + n.Key}}
}

// handshake puts TLS on a connection just made, up to until: connecting and the handshake have one time together.
func (x *exchange) handshake(c *loop.Conn, until loop.Time) (Faults, http.Verdict) {
	r, u, n := x.r, x.h.tls, &x.tls.name
	server := certs.Server{Name: n.Asked, Protocols: x.h.offered}
	if n.Cert != "" {
		var err error
		if server.Pair, err = u.Pair(r, n); err != nil {
			r.Log(logs.Error, err.Error())
			return 0, http.StatusInternal
		}
	}
	if !x.h.stays {
		server.Watched = r.Wire.Source()
	}
	server.Key = x.attempt.Group().Name + "\x00" + x.peer.Name + "\x00" + x.tls.secure.Names
	r.Doing = "SSL handshaking to upstream"
	k := &certs.Conn{}
	if err := k.Dial(r.Task, c, until, u.Client, server); err != nil {
		return x.handshakeFailed(err)
	}
	if !u.Verifies() {
		return 0, http.Next
	}
	sent := k.State().Peer
	if bad := u.Verify(r.Task, sent); bad != nil {
		r.Logf(logs.Error, "upstream SSL certificate verify error: (%d:%s)", bad.Code, bad.Error())
		return faultError, http.Next
	}
	if !certs.MatchesHost(sent[0], n.Verified) {
		r.Logf(logs.Error, "upstream SSL certificate does not match \"%s\"", n.Verified)
		return faultError, http.Next
	}
	return 0, http.Next
}

// handshakeFailed says what a failed handshake leads to, and logs it in nginx's words.
func (x *exchange) handshakeFailed(err error) (Faults, http.Verdict) {
	switch err {
	case loop.ErrTimeout:
		return faultTimeout, http.Next
	case loop.ErrWatched:
		_ = x.clientGone()
		return 0, http.StatusClientClosed
	case loop.ErrStopped:
		return 0, http.Abort
	}
	x.r.Log(logs.Error, certs.HandshakeText(err))
	return faultError, http.Next
}

// tlsFailed logs an error of the TLS of a connection to a peer.
func (x *exchange) tlsFailed(call string, err error) {
	does := "SSL_read()"
	if call == "writev()" {
		does = "SSL_write()"
	}
	x.r.Log(logs.Error, does+" failed (SSL: "+certs.Reason(err)+")")
}

// blameSSL gives an error about TLS without a place that of the nearest directive that can be meant.
func blameSSL(b *conf.Block, prefix string, err error) error {
	var placed *conf.Error
	if errors.As(err, &placed) && placed.Node != nil {
		return err
	}
	at := conf.Spot{Node: b.Nearest(prefix+"ssl_verify", prefix+"ssl_protocols", prefix+"pass"), Arg: -1}
	return at.Errorf("%v", err).Unplaced()
}
