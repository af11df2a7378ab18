package proxy

import (
	"slices"

	"weir/conf"
	"weir/http"
)

// tunnelConf are the tunnel_* directives of one block.
type tunnelConf struct {
	upstreamConf
	pass *address
}

// Tunnel is nginx's http tunnel module: a forward proxy for CONNECT.
var Tunnel = http.Define(http.Spec[tunnelConf]{
	Name:       "http_tunnel",
	Doc:        "Connects clients that send CONNECT with the server they name.",
	Directives: tunnelDirectives(),
	Install:    installTunnel,
})

// tunnelDefault is where a tunnel leads if tunnel_pass does not say: to whom the client wants.
const tunnelDefault = "$host:$request_port"

func tunnelDirectives() []conf.Directive[tunnelConf] {
	own := conf.Directive[tunnelConf]{
		Name: "tunnel_pass", In: conf.Server | inPassCGI, Syntax: "[<address:text>]", Inherit: conf.IntoNameless,
		Doc: `Answers **CONNECT** of HTTP/1.1 by a connection to the server at *address*, and passes bytes both ways until either side closes. Other methods are refused with 405 here; without this directive, CONNECT is.

*address* is a name or an IP address with a port, a group of "upstream", or a unix socket. Without it, it is ` + "`" + tunnelDefault + "`" + `, the server that the client asks for: say with "allow", "auth_basic" or "map" who may go where, or everybody may go everywhere.`,
		Example: "server { listen 3128; allow 10.0.0.0/8; deny all; tunnel_pass; }",
		Set:     setTunnelPass,
		Declare: func(call *conf.Call) error {
			if call.Len() == 0 {
				return nil
			}
			return declareAddress("")(call)
		},
	}
	has := []string{
		"tunnel_bind", "tunnel_socket_keepalive", "tunnel_socket_rcvbuf", "tunnel_socket_sndbuf", "tunnel_send_lowat",
		"tunnel_connect_timeout", "tunnel_send_timeout", "tunnel_read_timeout", "tunnel_buffer_size",
		"tunnel_next_upstream", "tunnel_next_upstream_tries", "tunnel_next_upstream_timeout",
	}
	faults := []faultWord{{"error", faultError}, {"timeout", faultTimeout}, {"off", faultOff}}
	shared := optionDirectives("tunnel_", func(c *tunnelConf) *upstreamConf { return &c.upstreamConf }, faults)
	return append(slices.DeleteFunc(shared, func(d conf.Directive[tunnelConf]) bool { return !slices.Contains(has, d.Name) }), own)
}

func setTunnelPass(c *tunnelConf, call *conf.Call) error {
	if call.Len() > 0 {
		return setAddress(&c.pass, "", call)
	}
	text, err := http.CompileText(call, -1, tunnelDefault)
	c.pass = &address{text: text}
	return err
}

func installTunnel(c *tunnelConf, in *http.Install) error {
	if c.pass == nil || in.Loc.Nameless && in.HasHandler() {
		return nil
	}
	in.Loc.Server.Tunnels = true
	s := passSpec{prefix: "tunnel_", url: c.pass.url, protocol: newTunnelProtocol, hidden: []string{"Date", "Server"}, connects: true}
	c.pass.fill(&s)
	return s.install(in, &c.upstreamConf, sizes{})
}

// tunnelProtocol is CONNECT (RFC 9110, section 9.3.6): nothing is sent before the client's own bytes, and a connection is all the peer
// has to say (protocol).
type tunnelProtocol struct{}

func newTunnelProtocol(old protocol) protocol { return reuse[tunnelProtocol](old) }

// createRequest implements protocol: there is none.
func (*tunnelProtocol) createRequest(c *call) http.Verdict {
	c.head = c.head[:0]
	return http.Next
}

// restart implements protocol.
func (*tunnelProtocol) restart(*call) {}

// frame implements protocol: there is no body.
func (*tunnelProtocol) frame(_ *call, _ []byte, n int64, last bool) frame {
	return frame{n: n, end: last}
}

// parseHead implements protocol: a peer that has taken the connection has agreed.
func (*tunnelProtocol) parseHead(c *call) headState {
	c.reply.status, c.reply.upgrade = 200, true
	return headDone
}

// startBody implements protocol: what comes is the tunnel's.
func (*tunnelProtocol) startBody(*call) bool { return true }

// want implements protocol.
func (*tunnelProtocol) want() int64 { return 0 }

// body implements protocol: there is none.
func (*tunnelProtocol) body(_ *call, raw []byte) (data []byte, used int, err error) {
	return nil, len(raw), nil
}

// appendHead implements protocol: nothing of it is stored.
func (*tunnelProtocol) appendHead(dst []byte, _ *call) []byte { return dst }

// rewrite implements protocol.
func (*tunnelProtocol) rewrite(_ *call, f *http.Field) ([]byte, bool) { return f.Value, false }

// forget implements protocol.
func (*tunnelProtocol) forget() {}
