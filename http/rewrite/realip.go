package rewrite

import (
	"bytes"
	"net/netip"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/field"
)

// realIP holds the settings of one place.
type realIP struct {
	from      []netip.Prefix
	unix      bool // connections over unix sockets are trusted
	proxy     bool // the address is that of the PROXY protocol header
	header    field.ID
	name      []byte
	recursive bool
}

// RealIP is nginx's realip module: behind a trusted proxy the client is who the proxy says.
var RealIP = http.Define(http.Spec[realIP]{
	Name: "http_realip",
	Doc:  "Takes the client's address from a header field that a trusted proxy sets.",
	Directives: []conf.Directive[realIP]{
		{
			Name: "set_real_ip_from", In: conf.HTTP | conf.Server | conf.Location, Repeat: true,
			Syntax: "<address:string>", Doc: "An address, a network, or `unix:`, whose word about the client is taken.",
			Example: "set_real_ip_from 192.0.2.0/24;",
			Set:     addTrusted,
		},
		{
			Name: "real_ip_header", In: conf.HTTP | conf.Server | conf.Location, Syntax: "<field:string>", Default: "X-Real-IP",
			Doc: "The header field that holds the client's address; of several addresses, the last. With `proxy_protocol` it is the address of the PROXY protocol header.",
			Set: func(c *realIP, call *conf.Call) error {
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
			Set: conf.Flag(func(c *realIP) *bool { return &c.recursive }),
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
	Install: func(c *realIP, in *http.Install) error {
		if len(c.from) == 0 && !c.unix {
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

func addTrusted(c *realIP, call *conf.Call) error {
	word := call.Arg(0)
	if word == "unix:" {
		c.unix = true
		return nil
	}
	if p, ok := call.Network(0); ok {
		c.from = append(c.from, p)
		return nil
	}
	if strings.Contains(word, "/") {
		return call.Errorf(0, "invalid parameter \"%s\"", word)
	}
	found, err := call.Lookup(word)
	if err != nil || len(found) == 0 {
		return call.Errorf(0, "host not found in set_real_ip_from \"%s\"", word)
	}
	for _, a := range found {
		c.from = append(c.from, netip.PrefixFrom(a, a.BitLen()))
	}
	return nil
}

// replaced says that the client's address was changed.
type replaced struct{}

func wasReplaced(r *http.Request) bool {
	_, ok := http.Load[replaced](r)
	return ok
}

// run changes the client's address, once for a request.
func (c *realIP) run(r *http.Request) http.Verdict {
	if wasReplaced(r) || !c.trusts(r.From.Addr(), r.Client.Socket.Unix) {
		return http.Next
	}
	if c.proxy {
		c.takeProxy(r)
		return http.Next
	}
	if c.header == field.XForwardedFor {
		c.takeForwarded(r)
		return http.Next
	}
	for i := range r.In { // of several such fields nginx knows the first only
		f := &r.In[i]
		if f.ID == c.header && (c.header != 0 || bytes.EqualFold(f.Name, c.name)) {
			c.take(r, f.Value)
			break
		}
	}
	return http.Next
}

// takeForwarded takes the address of X-Forwarded-For, of which there may be several fields: together they are one list.
func (c *realIP) takeForwarded(r *http.Request) {
	for i := len(r.In) - 1; i >= 0; i-- {
		f := &r.In[i]
		if f.ID == c.header && (!c.take(r, f.Value) || !c.recursive) {
			break
		}
	}
}

// takeProxy takes the address and port of the PROXY protocol header.
func (c *realIP) takeProxy(r *http.Request) {
	h := r.Client.Proxy
	if h == nil {
		return
	}
	if a, ok := conf.ParseAddrPort(h.SrcAddr); ok {
		c.replace(r, netip.AddrPortFrom(a.Addr(), h.SrcPort))
	}
}

// take reads a list of addresses from its end; it reports whether a further field may be asked. As in nginx, only spaces and commas
// stand between addresses.
func (c *realIP) take(r *http.Request, list []byte) (more bool) {
	for {
		list = bytes.TrimRight(list, " ,")
		last := list
		if i := bytes.LastIndexAny(list, ", "); i >= 0 {
			last, list = list[i+1:], list[:i]
		} else {
			list = nil
		}
		a, ok := conf.ParseAddrPort(string(last))
		if !ok {
			return false
		}
		if r.Debugs() {
			r.Debugf("realip: \"%s\"", last)
		}
		c.replace(r, a)
		if !c.recursive || !c.trusts(a.Addr(), false) {
			return false
		}
		if len(list) == 0 {
			return true
		}
	}
}

func (c *realIP) replace(r *http.Request, a netip.AddrPort) {
	r.From = a
	http.Store(r, replaced{}, http.UntilRedirect)
}

func (c *realIP) trusts(a netip.Addr, unix bool) bool {
	if unix || !a.IsValid() {
		return c.unix
	}
	a = a.Unmap()
	for _, p := range c.from {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
