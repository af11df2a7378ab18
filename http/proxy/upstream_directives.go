package proxy

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/http/ssl"
	"weir/load"
)

const inLoc = conf.HTTP | conf.Server | conf.Location

// optionDirectives makes the directives of upstreamConf under a prefix, "proxy_" or "fastcgi_". of finds
// it in the settings of a module; faults are the words of next_upstream. The directives of without, and those of
// words that the module does not have, are left out.
func optionDirectives[C any](prefix string, of func(*C) *upstreamConf, faults []faultWord, without ...string) []conf.Directive[C] {
	d := slices.Concat(
		timeoutDirectives(of), bufferDirectives(prefix, of), passDirectives(prefix, of), nextDirectives(of, faults),
		storeDirectives(prefix, of), socketDirectives(of),
	)
	if !slices.Contains(without, "cache") {
		d = append(d, cacheDirectives(prefix, of, faults)...)
	}
	return prefixed(prefix, slices.DeleteFunc(d, func(d conf.Directive[C]) bool { return slices.Contains(without, d.Name) }))
}

// sslDirectives makes the directives about TLS with peers, for the modules that have them.
func sslDirectives[C any](prefix string, of func(*C) *upstreamConf) []conf.Directive[C] {
	return prefixed(prefix, ssl.UpstreamDirectives(prefix, func(c *C) *ssl.UpstreamConf { return &of(c).SSL }))
}

// prefixed completes directives that are the same in several modules.
func prefixed[C any](prefix string, d []conf.Directive[C]) []conf.Directive[C] {
	for i := range d {
		d[i].Name = prefix + d[i].Name
		if d[i].In == 0 {
			d[i].In = inLoc
		}
		if d[i].Example != "" {
			d[i].Example = prefix + d[i].Example
		}
	}
	return d
}

func timeoutDirectives[C any](of func(*C) *upstreamConf) []conf.Directive[C] {
	return []conf.Directive[C]{
		{
			Name: "connect_timeout", Syntax: "<time>", Default: "60s",
			Doc: "The longest time for making a connection to a peer.",
			Set: conf.Time(func(c *C) *time.Duration { return &of(c).ConnectTimeout }),
		},
		{
			Name: "send_timeout", Syntax: "<time>", Default: "60s",
			Doc: "The longest pause between two writes of a request to a peer.",
			Set: conf.Time(func(c *C) *time.Duration { return &of(c).SendTimeout }),
		},
		{
			Name: "read_timeout", Syntax: "<time>", Default: "60s",
			Doc: "The longest pause between two reads of a peer's response.",
			Set: conf.Time(func(c *C) *time.Duration { return &of(c).ReadTimeout }),
		},
	}
}

func bufferDirectives[C any](prefix string, of func(*C) *upstreamConf) []conf.Directive[C] {
	return []conf.Directive[C]{
		{
			Name: "buffering", Syntax: "on | off", Default: "on",
			Doc: `Whether a response is read as fast as the peer sends it, into memory and then a temporary file, while the client takes its time.

Off, each part is passed on as it comes, and the peer waits for the client. A peer may change it with **X-Accel-Buffering**.`,
			Set: conf.Flag(func(c *C) *bool { return &of(c).Buffering }),
		},
		{
			Name: "request_buffering", Syntax: "on | off", Default: "on",
			Doc: "Whether a request body is read to its end before a peer is asked. Off, it is passed on as it comes, and no other peer can be asked once some of it was sent.",
			Set: conf.Flag(func(c *C) *bool { return &of(c).RequestBuffering }),
		},
		{
			Name: "buffer_size", Syntax: "<size>", Default: "4k",
			Doc: "The largest head of a response; the first part of the body is read with it.",
			Set: conf.Size(func(c *C) *int64 { return &of(c).BufferSize }),
		},
		{
			Name: "buffers", Syntax: "<number> <size>", Default: "8 4k",
			Doc:     "How much of a response's body is held in memory while the client is slow: so many times the size.",
			Example: "buffers 16 8k;",
			Set:     func(c *C, call *conf.Call) error { return setBuffers(&of(c).Buffers, call) },
		},
		{
			Name: "busy_buffers_size", Syntax: "<size>",
			Doc: "How much of the response may wait for the client while more of it is read.",
			Set: sizeOrUnset(func(c *C) *int64 { return &of(c).BusySize }),
		},
		{
			Name: "max_temp_file_size", Syntax: "<size>",
			Doc: "How much of a response may go to a temporary file when it does not fit in memory; 0 turns the files off. 1 GB if it is not set.",
			Set: sizeOrUnset(func(c *C) *int64 { return &of(c).MaxTempFile }),
		},
		{
			Name: "temp_file_write_size", Syntax: "<size>",
			Doc: "How much is written to a temporary file at a time.",
			Set: sizeOrUnset(func(c *C) *int64 { return &of(c).TempWrite }),
		},
		{
			Name: "temp_path", Syntax: "<path> [<level:number>] [<level:number>] [<level:number>]",
			Default: prefix + "temp 1 2",
			Doc:     "The folder of temporary files for responses, with up to three levels of folders below it.",
			Set:     load.TempPathSlot(func(c *C) **disk.TempPath { return &of(c).TempPath }),
		},
		{
			Name: "limit_rate", Syntax: "<rate:text>", Default: "0",
			Doc: "Bytes a second at which a response is read from a peer; 0 is no limit. It has an effect with buffering on.",
			Set: func(c *C, call *conf.Call) error { return setLimitRate(&of(c).LimitRate, call) },
		},
	}
}

// sizeOrUnset stores a size plus one: 0 then means that the directive was not used.
func sizeOrUnset[C any](f func(*C) *int64) func(*C, *conf.Call) error {
	size := conf.Size(f)
	return func(c *C, call *conf.Call) error {
		err := size(c, call)
		*f(c)++
		return err
	}
}

func setBuffers(b *buffers, call *conf.Call) error {
	n, err := conf.ParseInt(call.Arg(0))
	if err != nil || n == 0 {
		return call.Invalid(0, "invalid value")
	}
	size, err := conf.ParseSize(call.Arg(1))
	if err != nil || size == 0 {
		return call.Invalid(1, "invalid value")
	}
	*b = buffers{n, size}
	return nil
}

func setLimitRate(x **http.Text, call *conf.Call) error {
	text, err := http.CompileText(call, 0, call.Arg(0))
	if err != nil {
		return err
	}
	if s, ok := text.Const(); ok {
		n, err := conf.ParseSize(s)
		if err != nil {
			return call.Invalid(0, "invalid value")
		}
		if n == 0 {
			text = nil
		}
	}
	*x = text
	return nil
}

func passDirectives[C any](prefix string, of func(*C) *upstreamConf) []conf.Directive[C] {
	return []conf.Directive[C]{
		{
			Name: "ignore_client_abort", Syntax: "on | off", Default: "off",
			Doc: "Whether a peer is left to finish when the client has closed its connection.",
			Set: conf.Flag(func(c *C) *bool { return &of(c).IgnoreAbort }),
		},
		{
			Name: "intercept_errors", Syntax: "on | off", Default: "off",
			Doc: "Whether responses of 300 and above are replaced by what `error_page` says of their status.",
			Set: conf.Flag(func(c *C) *bool { return &of(c).InterceptErrors }),
		},
		{
			Name: "pass_request_headers", Syntax: "on | off", Default: "on",
			Doc: "Whether the fields of the request are passed on.",
			Set: conf.Flag(func(c *C) *bool { return &of(c).PassHeaders }),
		},
		{
			Name: "pass_request_body", Syntax: "on | off", Default: "on",
			Doc: "Whether the body of the request is passed on.",
			Set: conf.Flag(func(c *C) *bool { return &of(c).PassBody }),
		},
		{
			Name: "force_ranges", Syntax: "on | off", Default: "off",
			Doc: "Whether ranges are cut from responses that do not offer them.",
			Set: conf.Flag(func(c *C) *bool { return &of(c).ForceRanges }),
		},
		{
			Name: "hide_header", Syntax: "<field:string>", Repeat: true,
			Doc:     "A response field that is not passed on, besides those that never are unless `" + prefix + "pass_header` says so.",
			Example: "hide_header X-Powered-By;",
			Set:     conf.Strings(func(c *C) *[]string { return &of(c).Hide }),
		},
		{
			Name: "pass_header", Syntax: "<field:string>", Repeat: true,
			Doc:     "A response field that is passed on although it would be hidden: Date, Server, X-Pad, X-Accel-… or one of `" + prefix + "hide_header`.",
			Example: "pass_header Server;",
			Set:     conf.Strings(func(c *C) *[]string { return &of(c).Pass }),
		},
		{
			Name: "ignore_headers", Repeat: true,
			Syntax: "X-Accel-Redirect | X-Accel-Expires | X-Accel-Limit-Rate | X-Accel-Buffering | X-Accel-Charset | Expires | Cache-Control | Set-Cookie | Vary ...",
			Doc:    "Response fields that have no effect here.",
			Set: conf.Bits(func(c *C) *ignored { return &of(c).Ignore }, map[string]ignored{
				"X-Accel-Redirect": ignoreRedirect, "X-Accel-Expires": ignoreAccelExpires,
				"X-Accel-Limit-Rate": ignoreLimitRate, "X-Accel-Buffering": ignoreBuffering,
				"X-Accel-Charset": ignoreCharset, "Expires": ignoreExpires,
				"Cache-Control": ignoreCacheControl, "Set-Cookie": ignoreSetCookie, "Vary": ignoreVary,
			}),
		},
	}
}

func nextDirectives[C any](of func(*C) *upstreamConf, words []faultWord) []conf.Directive[C] {
	names := make([]string, len(words))
	faults := make(map[string]Faults, len(words))
	for i, w := range words {
		names[i], faults[w.name] = w.name, w.fault
	}
	doc := "What is a reason to ask the next peer of the group."
	if _, ok := faults["non_idempotent"]; ok {
		doc += "\n\nA POST, LOCK or PATCH that was already sent is not sent again, unless **non_idempotent** is given."
	}
	return []conf.Directive[C]{
		{
			Name: "next_upstream", Repeat: true, Default: "error timeout", Syntax: strings.Join(names, " | ") + " ...",
			Doc: doc, Example: "next_upstream error timeout " + names[2] + ";",
			Set: conf.Bits(func(c *C) *Faults { return &of(c).Next }, faults),
		},
		{
			Name: "next_upstream_tries", Syntax: "<number>", Default: "0",
			Doc: "How many peers are asked at most; 0 is no limit.",
			Set: conf.Int(func(c *C) *int { return &of(c).NextTries }),
		},
		{
			Name: "next_upstream_timeout", Syntax: "<time>", Default: "0",
			Doc: "For how long other peers are asked; 0 is no limit.",
			Set: conf.Time(func(c *C) *time.Duration { return &of(c).NextTimeout }),
		},
	}
}

func socketDirectives[C any](of func(*C) *upstreamConf) []conf.Directive[C] {
	return []conf.Directive[C]{
		{
			Name: "bind", Syntax: "off\n! 1-2 <address:text> [transparent]",
			Doc:     "The local address that connections to peers come from. With **transparent** it may be one that is not the machine's own.",
			Example: "bind 127.0.0.1;",
			Set:     func(c *C, call *conf.Call) error { return setBind(&of(c).Bind, call) },
			Declare: declareBind,
		},
		{
			Name: "socket_keepalive", Syntax: "on | off", Default: "off",
			Doc: "Whether SO_KEEPALIVE is set on connections to peers.",
			Set: conf.Flag(func(c *C) *bool { return &of(c).SocketKeepalive }),
		},
		{
			Name: "socket_rcvbuf", Syntax: "<size>", Default: "0",
			Doc: "The receive buffer of connections to peers; 0 leaves it to the kernel.",
			Set: conf.Size(func(c *C) *int64 { return &of(c).RecvBuf }),
		},
		{
			Name: "socket_sndbuf", Syntax: "<size>", Default: "0",
			Doc: "The send buffer of connections to peers; 0 leaves it to the kernel.",
			Set: conf.Size(func(c *C) *int64 { return &of(c).SendBuf }),
		},
		{
			Name: "send_lowat", Syntax: "<size>", Default: "0", Support: conf.Warned,
			Doc: "Linux does not have it for sockets.",
		},
	}
}

// declareBind asks for the rights that an address needs which is not the machine's.
func declareBind(call *conf.Call) error {
	if call.Arg(1) == "transparent" {
		load.Of(call).NeedRawSockets()
	}
	return nil
}

func setBind(b *bind, call *conf.Call) error {
	*b = bind{}
	if call.Len() == 1 && call.Arg(0) == "off" {
		return nil
	}
	text, err := http.CompileText(call, 0, call.Arg(0))
	if err != nil {
		return err
	}
	if s, ok := text.Const(); ok {
		if b.addr, ok = parseBind(s); !ok {
			return call.Errorf(0, "invalid address \"%s\"", s)
		}
	} else {
		b.text = text
	}
	if call.Len() == 2 {
		if call.Arg(1) != "transparent" {
			return call.Errorf(1, "invalid parameter \"%s\"", call.Arg(1))
		}
		b.transparent = true
	}
	return nil
}

// parseBind reads an address with or without a port: 10.0.0.1, 10.0.0.1:80, ::1, [::1], [::1]:80.
func parseBind(s string) (netip.AddrPort, bool) {
	inner := s
	if len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' {
		inner = s[1 : len(s)-1]
	}
	if a, err := netip.ParseAddr(inner); err == nil {
		return netip.AddrPortFrom(a, 0), a.Zone() == "" && (inner == s || a.Is6())
	}
	ap, err := netip.ParseAddrPort(s)
	return ap, err == nil && ap.Port() > 0 && ap.Addr().Zone() == ""
}
