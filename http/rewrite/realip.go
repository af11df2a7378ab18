package rewrite

import (
	"bytes"
	"net/netip"

	"weir/client"
	"weir/conf"
	"weir/http"
	"weir/http/field"
)

// realIPConf holds the settings of one block.
type realIPConf struct {
	from      client.Trusted
	proxy     bool // the address is that of the PROXY protocol header
	header    field.ID
	name      []byte
	recursive bool
}

// RealIP is nginx's realip module: behind a trusted proxy the client is who the proxy says.
var RealIP = http.Define(http.Spec[realIPConf]{
	Name: "http_realip",
	Doc:  "Takes the client's address from a header field that a trusted proxy sets.",
	Directives: []conf.Directive[realIPConf]{
		client.TrustedDirective(conf.HTTP|conf.Server|conf.Location, func(c *realIPConf) *client.Trusted { return &c.from }),
		{
			Name: "real_ip_header", In: conf.HTTP | conf.Server | conf.Location, Syntax: "<field:string>", Default: "X-Real-IP",
			Doc: "The header field that holds the client's address; of several addresses, the last. With `proxy_protocol` it is the address of the PROXY protocol header.",
			Set: func(c *realIPConf, call *conf.Call) error {
				if call.Arg(0) == "proxy_protocol" {
					c.proxy = true
					return nil
				}
				c.name = []byte(call.Arg(0))
				c.header = field.Lookup(c.name)
				return nil
			},
		},
		{
			Name: "real_ip_recursive", In: conf.HTTP | conf.Server | conf.Location, Syntax: "on | off", Default: "off",
			Doc: "Whether trusted addresses at the end of the list are passed over, so that the last untrusted one is the client.",
			Set: conf.Flag(func(c *realIPConf) *bool { return &c.recursive }),
		},
	},
	Variables: []http.Var{
		{Name: "realip_remote_addr", Doc: "Address of the connection, before realip changed it.", Get: func(r *http.Request, _ string) http.Value {
			return http.Value{B: r.Client.AppendPeer(r.Alloc(48)[:0])}
		}},
		{Name: "realip_remote_port", Doc: "Port of the connection, before realip changed it.", Get: func(r *http.Request, _ string) http.Value {
			if peer := r.Client.Peer(); peer.IsValid() {
				return r.Number(int64(peer.Port()))
			}
			return http.Value{}
		}},
	},
	Install: func(c *realIPConf, in *http.Install) error {
		if c.from.Empty() {
			return nil
		}
		if in.InServer() {
			in.Step(http.PostRead, c.run)
		} else {
			in.Step(http.PreAccess, c.run)
		}
		return nil
	},
})

// replaced says that the client's address was changed.
type replaced struct{}

// run changes the client's address, once for a request, wherever it is led later.
func (c *realIPConf) run(r *http.Request) http.Verdict {
	if _, done := http.Load[replaced](r.Main()); done || !c.from.Has(c.peer(r)) {
		return http.Next
	}
	switch {
	case c.proxy:
		if h := r.Client.Proxy; h != nil {
			if a, ok := h.Source(); ok {
				replace(r, a)
			}
		}
	case c.header == field.XForwardedFor:
		c.takeForwarded(r)
	default:
		for i := range r.In { // of several such fields nginx knows the first only
			f := &r.In[i]
			if f.ID == c.header && (c.header != 0 || bytes.EqualFold(f.Name, c.name)) {
				c.take(r, f.Value)
				break
			}
		}
	}
	return http.Next
}

// peer is the address that must be trusted: none for a unix socket.
func (c *realIPConf) peer(r *http.Request) netip.Addr {
	if r.Client.Socket.Unix {
		return netip.Addr{}
	}
	return r.From.Addr()
}

// takeForwarded takes the address of X-Forwarded-For, of which there may be several fields: together they are one list.
func (c *realIPConf) takeForwarded(r *http.Request) {
	for i := len(r.In) - 1; i >= 0; i-- {
		f := &r.In[i]
		if f.ID == c.header && !c.take(r, f.Value) {
			break
		}
	}
}

// take takes the address of a list; it reports whether a further field may be asked.
func (c *realIPConf) take(r *http.Request, list []byte) (more bool) {
	return c.from.Last(list, c.recursive, func(a netip.AddrPort) {
		if r.Debugs() {
			r.Debugf("realip: \"%s\"", a.Addr())
		}
		replace(r, a)
	})
}

func replace(r *http.Request, a netip.AddrPort) {
	r.From = a
	http.Store(r.Main(), replaced{}, http.UntilEnd)
}
