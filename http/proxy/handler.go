package proxy

import (
	"errors"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/ssl"
	"weir/loop"
	"weir/upstream"
)

// A handler is a location with proxy_pass, fastcgi_pass or their kin, ready to run: what it knows of its peers
// and of how their answers are taken. It does not change once the configuration is built.
type handler struct {
	conf   *upstreamConf
	pass   passSpec
	sizes  sizes
	shared *shared
	tag    uint64 // of connections kept for this location only
	keys   hashKeys
	// stickies are the groups that tie clients to peers.
	stickies map[*upstream.Spec]*sticky
	groups   *upstream.Set
	names    *upstream.ResolverConf
	tls      *ssl.Upstream // nil: no destination can want it
	fixed    destination
	// fixedTLS is how peers are spoken to, if it is the same for all requests.
	fixedTLS tlsUse
	offered  []string // by ALPN
	hidden   nameSet
	dial     loop.DialOptions
	// stays says that a peer is left to finish when the client has gone: as proxy_ignore_client_abort says, or
	// because the response is stored.
	stays bool
}

// A passSpec is what the module of a protocol says of a location of its own.
type passSpec struct {
	prefix string // of its directives: "proxy_"
	schema string // before the peer's name in log lines: "http://"
	url    string // of the directive that leads to the peer, as written
	// protocol returns the protocol for one request: old, which served another one, made ready, or a new one if
	// old is nil or of another kind.
	protocol func(old protocol) protocol
	// target is where requests go, if that is known at load, with what dest has to say besides. Otherwise
	// find works it out; any other verdict than Next is the request's answer.
	target *upstream.Spec
	dest   destination
	find   func(r *http.Request, set *upstream.Set) (destination, http.Verdict)
	// key is the key of a response in the cache where none is configured; nil: it is empty.
	key  func(c *call) []byte
	tls  bool   // some destination may want TLS
	alpn string // of the protocol, offered in the handshake; connections of the same group are told apart by it. "": none

	hidden                 []string // fields of responses that clients do not get to see
	sendsBody, sendsChunks bool     // the client's body is passed on; one of unknown length as it comes
	fetches                bool     // requests are GET or HEAD, and have no body
	// duplex says that peers may answer while the request is sent: the rest of it goes on while the response is read.
	duplex bool
	// connects says that requests are CONNECT, and that a connection is the whole answer of a peer.
	connects bool
}

// A destination is where one request goes.
type destination struct {
	host  []byte // for Host and $proxy_host
	port  []byte // for $proxy_port
	uri   []byte // what follows the address
	group *upstream.Group
	start []byte // what keys of the cache begin with: the URL up to the URI

	tls    bool
	name   string // of the host, for TLS
	schema string // before the peer's name in log lines, if it is not that of the module: "https://"

	// made says that group is made for this request alone: of unresolved, when the request is ready to be sent.
	made       bool
	unresolved upstream.Target
}

// install makes a handler for the location. Its sizes are those that checkSizes has checked.
func (s passSpec) install(in *http.Install, c *upstreamConf, z sizes) (err error) {
	b := in.Builder
	h := &handler{
		conf: c, pass: s, sizes: z, shared: http.Of[modules](b).of(s.prefix), fixed: s.dest,
		tag: connectionTag(c, s.url, in), names: b.Resolver(in.Block),
		stays: c.IgnoreAbort || c.Store.set(),
		dial: loop.DialOptions{
			Bind: c.Bind.addr, Transparent: c.Bind.transparent,
			SendBuf: int(c.SendBuf), RecvBuf: int(c.RecvBuf), Keepalive: c.SocketKeepalive, NoDelay: true,
		},
	}
	h.hidden = h.shared.hiddenBy(c, s.hidden)
	if s.alpn != "" {
		h.offered = []string{s.alpn}
	}
	if s.tls {
		if h.tls, err = ssl.BuildUpstream(b, &c.SSL, s.prefix); err != nil {
			return blameSSL(in.Block, s.prefix, err)
		}
		if n, ok := h.tls.Fixed(s.dest.name); ok && s.find == nil {
			h.fixedTLS = newTLSUse(h.tls, n)
		}
	}
	b.AtEnd(func() error { c.SSL.Forget(); return nil })
	in.Handler(h.serve)
	http.Of[passes](b).add(in.Loc, h)
	if strings.HasSuffix(in.Loc.Name, "/") {
		in.SlashRedirect()
	}
	b.AtEnd(func() error { return h.resolve(b) })
	return nil
}

// checkSizes completes and checks the sizes of buffers, as nginx does for every block, and asks for the folder of what does not fit.
func checkSizes(in *http.Install, c *upstreamConf, prefix string) (sizes, error) {
	z, culprit, err := c.sizes(prefix)
	if err != nil {
		return z, blame(in.Block, prefix, culprit, err)
	}
	if c.TempPath != nil {
		in.Builder.Folder(c.TempPath.Dir)
	}
	return z, nil
}

// resolve finds the group that the location leads to, when all groups are known.
func (h *handler) resolve(b *http.Builder) (err error) {
	h.groups = b.Groups()
	if h.keys, err = http.Of[hashTexts](b).compile(b); err != nil {
		return err
	}
	if h.stickies, err = http.Of[stickies](b).compile(b); err != nil {
		return err
	}
	if t := h.pass.target; t != nil {
		h.fixed.group = h.groups.Group(t)
	}
	return nil
}

// hashKeys are the texts of "hash" by group.
type hashKeys map[*upstream.Spec]*http.Text

// hashTexts is hashKeys of a build, compiled once.
type hashTexts struct {
	asked bool
	keys  hashKeys
}

// checkGroups has the texts of all groups compiled, also of those that no location leads to.
func checkGroups(b *http.Builder) {
	t := http.Of[hashTexts](b)
	if t.asked {
		return
	}
	t.asked = true
	b.AtEnd(func() error {
		_, err := t.compile(b)
		_, other := http.Of[stickies](b).compile(b)
		return errors.Join(err, other)
	})
}

func (t *hashTexts) compile(b *http.Builder) (hashKeys, error) {
	if t.keys != nil {
		return t.keys, nil
	}
	t.keys = hashKeys{}
	for _, spec := range b.Upstreams().Specs() {
		if spec.Key.Source == "" {
			continue
		}
		at := conf.Spot{Node: spec.Key.Node}
		text, err := b.Vars.CompileAt(at, spec.Key.Source)
		if err != nil {
			return nil, at.Errorf("%v", err)
		}
		t.keys[spec] = text
	}
	return t.keys, nil
}

// serve is the handler of the location.
func (h *handler) serve(r *http.Request) http.Verdict {
	if h.pass.fetches && r.Method&(http.GET|http.HEAD) == 0 {
		return http.StatusNotAllowed
	}
	if h.pass.connects && r.Method != http.CONNECT {
		return http.StatusNotAllowed
	}
	x := h.take(r)
	if h.pass.find != nil {
		var v http.Verdict
		if x.dest, v = h.pass.find(r, h.groups); v != http.Next {
			return v
		}
	} else {
		x.dest = h.fixed
	}
	if h.pass.fetches {
		if v := r.DiscardBody(); v != http.Next {
			return v
		}
		r.SetContentType() // the peer knows of none
	} else if v := x.readBody(); v != http.Next {
		return v
	}
	if h.conf.Cache.On {
		if v, done := x.lookUp(); done {
			return v
		}
	}
	if v := x.proto.createRequest(&x.call); v != http.Next {
		x.finish()
		return v
	}
	return x.run()
}
