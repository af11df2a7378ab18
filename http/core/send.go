package core

import (
	"time"

	"weir/conf"
	"weir/http"
)

// tokenMode is server_tokens.
type tokenMode uint8

const (
	tokensOff tokenMode = iota
	tokensOn
	tokensBuild
)

func sendDirectives() []conf.Directive[coreConf] {
	return []conf.Directive[coreConf]{
		{
			Name: "sendfile", In: inLocIf, Syntax: "on | off", Default: "off",
			Doc: "Whether files go to the client by sendfile(2). Small hot files are answered from memory either way.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.Sendfile }),
		},
		{
			Name: "sendfile_max_chunk", In: inLoc, Syntax: "<size>", Default: "2m",
			Doc: "How much one sendfile(2) call may send, so that one fast client does not hold a loop.",
			Set: conf.Size(func(c *coreConf) *int64 { return &c.SendfileMaxChunk }),
		},
		{
			Name: "tcp_nopush", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Whether the head of a response shares a packet with the first bytes of a file that goes by sendfile. Answers from memory are sent in one piece either way.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.TCPNoPush }),
		},
		{
			Name: "tcp_nodelay", In: inLoc, Syntax: "on | off", Default: "on",
			Doc: "Whether TCP_NODELAY is set on kept connections.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.TCPNoDelay }),
		},
		{
			Name: "send_timeout", In: inLoc, Syntax: "<time>", Default: "60s",
			Doc: "The longest pause between two successful writes to a client; after it the connection is closed.",
			Set: conf.Time(func(c *coreConf) *time.Duration { return &c.SendTimeout }),
		},
		{
			Name: "postpone_output", In: inLoc, Syntax: "<size>", Default: "1460",
			Doc: "How many bytes of a response are gathered before they are sent, if more are to follow.",
			Set: conf.Size(func(c *coreConf) *int64 { return &c.PostponeOutput }),
		},
		{
			Name: "limit_rate", In: inLocIf, Syntax: "<rate:text>", Default: "0",
			Doc:     "Bytes a second that a response may be sent at; 0 is no limit. Each request counts by itself.",
			Example: "limit_rate 100k;",
			Set:     rateSlot(func(c *coreConf) **http.Text { return &c.LimitRate }),
		},
		{
			Name: "limit_rate_after", In: inLocIf, Syntax: "<size:text>", Default: "0",
			Doc: "How much of a response is sent before `limit_rate` begins to hold.",
			Set: rateSlot(func(c *coreConf) **http.Text { return &c.LimitRateAfter }),
		},
		{
			Name: "chunked_transfer_encoding", In: inLoc, Syntax: "on | off", Default: "on",
			Doc: "Whether HTTP/1.1 responses of unknown length are chunked; off, their end is the end of the connection.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.ChunkedEncoding }),
		},
		{
			Name: "etag", In: inLoc, Syntax: "on | off", Default: "on",
			Doc: "Whether files get an `ETag` made of their time and size.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.ETag }),
		},
		{
			Name: "if_modified_since", In: inLoc, Syntax: "off | exact | before", Default: "exact",
			Doc: "How `If-Modified-Since` is compared with the time of the response.",
			Set: conf.Enum(func(c *coreConf) *http.ModifiedMode { return &c.IfModifiedSince },
				map[string]http.ModifiedMode{"off": http.ModifiedOff, "exact": http.ModifiedExact, "before": http.ModifiedBefore}),
		},
		{
			Name: "max_ranges", In: inLoc, Syntax: "<number>", Default: "2147483647",
			Doc: "How many ranges a request may ask for; beyond it the whole is sent. 0 turns ranges off.",
			Set: conf.Int(func(c *coreConf) *int { return &c.MaxRanges }),
		},
		{
			Name: "server_tokens", In: inLoc, Syntax: "on | off | build", Default: "on",
			Doc:     "What `Server` and the error pages tell of weir: its name alone, or its version as well.",
			Example: "server_tokens off;",
			Set: conf.Enum(func(c *coreConf) *tokenMode { return &c.tokens },
				map[string]tokenMode{"on": tokensOn, "off": tokensOff, "build": tokensBuild}),
		},
		{
			Name: "send_lowat", In: inLoc, Syntax: "<size>", Default: "0", Support: conf.Warned,
			Doc: "Linux does not have it for sockets.",
		},
		{
			Name: "subrequest_output_buffer_size", In: inLoc, Syntax: "<size>", Default: "4k",
			Doc: "How large the answer of a subrequest may be that is kept in memory, as that of an SSI include with `set`.",
			Set: conf.Size(func(c *coreConf) *int64 { return &c.SubBuffer }),
		},
		{
			Name: "early_hints", In: inLoc, Syntax: "<text> ...", Repeat: true,
			Doc:     "Passes on an upstream's 103 (Early Hints) responses when one of the values is neither empty nor \"0\".",
			Example: "early_hints $http_sec_fetch_mode;",
			Set:     http.TextsSlot(func(c *coreConf) *[]*http.Text { return &c.EarlyHints }),
		},
	}
}

// rateSlot is a slot for a size that may hold variables; a constant one is checked at load.
func rateSlot(f func(*coreConf) **http.Text) func(*coreConf, *conf.Call) error {
	text := http.TextSlot(f)
	return func(c *coreConf, call *conf.Call) error {
		if err := text(c, call); err != nil {
			return err
		}
		if s, ok := (*f(c)).Const(); ok {
			if _, err := conf.ParseSize(s); err != nil {
				return call.Errorf(-1, "\"%s\" directive invalid value", call.Node.Name())
			}
			if s == "0" {
				*f(c) = nil
			}
		}
		return nil
	}
}
