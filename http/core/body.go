package core

import (
	"time"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/load"
)

// bodyFile is client_body_in_file_only.
type bodyFile uint8

const (
	bodyInMemory bodyFile = iota // as long as it fits
	bodyKept                     // on: the file stays
	bodyCleaned                  // clean: the file goes with the request
)

func bodyDirectives() []conf.Directive[coreConf] {
	return []conf.Directive[coreConf]{
		{
			Name: "client_max_body_size", In: inLoc, Syntax: "<size:offset>", Default: "1m",
			Doc:     "The largest request body that is accepted; a larger one is answered 413. 0 turns the check off.",
			Example: "client_max_body_size 20m;",
			Set:     conf.Offset(func(c *coreConf) *int64 { return &c.MaxBody }),
		},
		{
			Name: "client_body_buffer_size", In: inLoc, Syntax: "<size>", Default: "8k",
			Doc: "How much of a request body is kept in memory; what is larger goes to a temporary file.",
			Set: conf.Size(func(c *coreConf) *int64 { return &c.BodyBuffer }),
		},
		{
			Name: "client_body_timeout", In: inLoc, Syntax: "<time>", Default: "60s",
			Doc: "The longest pause between two reads of a request body; after it the request ends with 408.",
			Set: conf.Time(func(c *coreConf) *time.Duration { return &c.BodyTimeout }),
		},
		{
			Name: "client_body_temp_path", In: inLoc, Syntax: "<path> [<level:number>] [<level:number>] [<level:number>]", Default: "client_body_temp",
			Doc: "The folder for request bodies that do not fit in memory, with up to three levels of folders below it.",
			Set: load.TempPathSlot(func(c *coreConf) **disk.TempPath { return &c.BodyTemp }),
		},
		{
			Name: "client_body_in_file_only", In: inLoc, Syntax: "on | clean | off", Default: "off",
			Doc: "Whether every request body is saved in a file, and whether the file stays after the request.",
			Set: conf.Enum(func(c *coreConf) *bodyFile { return &c.bodyFile },
				map[string]bodyFile{"off": bodyInMemory, "on": bodyKept, "clean": bodyCleaned}),
		},
		{
			Name: "client_body_in_single_buffer", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Accepted for nginx's sake: weir always keeps a body in memory in one buffer.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.bodySingle }),
		},
		{
			Name: "lingering_close", In: inLoc, Syntax: "off | on | always", Default: "on",
			Doc: "Whether weir reads on for a while before it closes a connection on which a client may still be sending.",
			Set: conf.Enum(func(c *coreConf) *http.LingerMode { return &c.Lingering },
				map[string]http.LingerMode{"off": http.LingerOff, "on": http.LingerOn, "always": http.LingerAlways}),
		},
		{
			Name: "lingering_time", In: inLoc, Syntax: "<time>", Default: "30s",
			Doc: "How long a lingering close may last in all.",
			Set: conf.Time(func(c *coreConf) *time.Duration { return &c.LingeringTime }),
		},
		{
			Name: "lingering_timeout", In: inLoc, Syntax: "<time>", Default: "5s",
			Doc: "How long a lingering close waits for more bytes of the client.",
			Set: conf.Time(func(c *coreConf) *time.Duration { return &c.LingeringIdle }),
		},
		{
			Name: "reset_timedout_connection", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Whether connections that timed out, or end with 444, are closed by a reset that frees their memory at once.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.ResetTimedOut }),
		},
	}
}
