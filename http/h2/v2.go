package h2

import (
	"weir/conf"
	"weir/http"
)

// v2Conf holds the settings of HTTP/2 for one place. What concerns a whole connection is that of the default server of its
// address, from when it began.
type v2Conf struct {
	enable     bool
	streams    int   // http2_max_concurrent_streams
	preread    int64 // http2_body_preread_size: the window of a new stream
	chunk      int64 // http2_chunk_size
	recvBuffer int64 // http2_recv_buffer_size
	unused     int64
	index      int
}

const (
	inServer = conf.HTTP | conf.Server
	inLoc    = conf.HTTP | conf.Server | conf.Location
)

// Module is nginx's http v2 module.
var Module = http.Define(http.Spec[v2Conf]{
	Name: "http_v2",
	Doc:  "HTTP/2 for clients: over TLS, and without it for clients that know that the server speaks it.",
	Directives: []conf.Directive[v2Conf]{
		{
			Name: "http2", In: inServer, Syntax: "on | off", Default: "off",
			Doc: "Whether HTTP/2 is spoken. Without TLS a connection that begins with the preface of HTTP/2 speaks it, and any other HTTP/1; " +
				"with TLS the client chooses. It counts for an address if its default server says so; requests for a server that does not are answered 421.",
			Example: "http2 on;",
			Set:     conf.Flag(func(c *v2Conf) *bool { return &c.enable }),
		},
		{
			Name: "http2_max_concurrent_streams", In: inServer, Syntax: "<number>", Default: "128",
			Doc: "How many requests of one connection may be at work at a time; further ones are refused, for the client to send again.",
			Set: conf.Int(func(c *v2Conf) *int { return &c.streams }),
		},
		{
			Name: "http2_body_preread_size", In: inServer, Syntax: "<size>", Default: "64k",
			Doc: "How much of a request's body is taken before anybody reads it.",
			Set: func(c *v2Conf, call *conf.Call) error {
				if err := conf.Size(func(c *v2Conf) *int64 { return &c.preread })(c, call); err != nil {
					return err
				}
				if c.preread > maxWindow {
					return call.Errorf(-1, "the maximum body preread buffer size is %d", maxWindow)
				}
				return nil
			},
		},
		{
			Name: "http2_chunk_size", In: inLoc, Syntax: "<size>", Default: "8k",
			Doc: "How much of a response's body goes into one frame at most.",
			Set: func(c *v2Conf, call *conf.Call) error {
				if err := conf.Size(func(c *v2Conf) *int64 { return &c.chunk })(c, call); err != nil {
					return err
				}
				if c.chunk == 0 {
					return call.Errorf(-1, "the http2 chunk size cannot be zero")
				}
				c.chunk = min(c.chunk, maxFrame)
				return nil
			},
		},
		{
			Name: "http2_recv_buffer_size", In: conf.HTTP, Syntax: "<size>", Default: "256k",
			Doc: "How much is read from a connection at a time, up to 64k. The memory is a loop's, not the connection's.",
			Set: func(c *v2Conf, call *conf.Call) error {
				if err := conf.Size(func(c *v2Conf) *int64 { return &c.recvBuffer })(c, call); err != nil {
					return err
				}
				if c.recvBuffer <= stateBuffer {
					return call.Invalid(0, "value is too small")
				}
				return nil
			},
		},
		{
			Name: "http2_pool_size", In: inServer, Syntax: "<size>", Default: "4k", Support: conf.Ignored,
			Doc: "weir sizes its memory by itself.",
			Set: func(c *v2Conf, call *conf.Call) error {
				if err := conf.Size(func(c *v2Conf) *int64 { return &c.unused })(c, call); err != nil {
					return err
				}
				switch {
				case c.unused < 112:
					return call.Errorf(-1, "the pool size must be no less than 112")
				case c.unused%16 != 0:
					return call.Errorf(-1, "the pool size must be a multiple of 16")
				}
				return nil
			},
		},
		{
			Name: "http2_streams_index_size", In: inServer, Syntax: "<number>", Default: "32", Support: conf.Ignored,
			Doc: "weir sizes its tables by itself.",
			Set: func(c *v2Conf, call *conf.Call) error {
				if err := conf.Int(func(c *v2Conf) *int { return &c.index })(c, call); err != nil {
					return err
				}
				if c.index == 0 || c.index&(c.index-1) != 0 {
					return call.Invalid(0, "must be a power of two")
				}
				return nil
			},
		},
		obsolete("http2_recv_timeout", inServer, "client_header_timeout"),
		obsolete("http2_idle_timeout", inServer, "keepalive_timeout"),
		obsolete("http2_max_requests", inServer, "keepalive_requests"),
		obsolete("http2_max_field_size", inServer, "large_client_header_buffers"),
		obsolete("http2_max_header_size", inServer, "large_client_header_buffers"),
		obsolete("http2_max_concurrent_pushes", inServer, ""),
		obsolete("http2_push", inLoc, ""),
		obsolete("http2_push_preload", inLoc, ""),
	},
	Variables: []http.Var{{
		Name: "http2", Doc: "`h2` for a request over HTTP/2 with TLS, `h2c` without; else empty.",
		Get: func(r *http.Request, _ string) http.Value {
			switch {
			case r.Version != http.HTTP20:
				return http.Value{}
			case r.Client.TLS != nil:
				return http.Value{B: protocolTLS}
			}
			return http.Value{B: protocolClear}
		},
	}},
	Install: func(c *v2Conf, in *http.Install) error {
		in.Loc.HTTP2 = c
		return nil
	},
})

var (
	protocolTLS   = []byte("h2")
	protocolClear = []byte("h2c")
)

// obsolete is a directive that nginx has no more. Without another that has its task it is about pushes.
func obsolete(name string, in conf.Context, instead string) conf.Directive[v2Conf] {
	return conf.Directive[v2Conf]{
		Name: name, In: in, Syntax: "<value:string>", Repeat: true, Support: conf.Obsolete, Instead: instead, Doc: "servers do not push any more.",
	}
}

// confOf is what the directives say for a place.
func confOf(l *http.Location) *v2Conf {
	if c, ok := l.HTTP2.(*v2Conf); ok {
		return c
	}
	return &v2Conf{streams: 128, preread: 64 << 10, chunk: 8 << 10, recvBuffer: 64 << 10}
}

// largestFrame is the largest frame that connections of an address take, which they are told: one that holds a field as large as
// large_client_header_buffers allow. Who has raised http2_body_preread_size has clients that send much at a time.
func largestFrame(server *http.Server, conf *v2Conf) int {
	n := max(server.Core.LargeSize, defaultFrame)
	if conf.preread > defaultWindow+1 {
		n = max(n, conf.preread)
	}
	return int(min(n, maxFrame))
}
