package cycle

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/conf"
	"weir/http/build"
	"weir/logs"
)

// MainConf holds the settings outside of every block.
type MainConf struct {
	User            string
	Group           string
	Workers         int // loops; 0: one per CPU
	Daemon          bool
	MasterProcess   bool
	Pid             string
	RlimitNofile    uint64
	RlimitCore      int64
	Priority        int
	Affinity        []string
	Processors      []int // of Affinity
	ShutdownTimeout time.Duration
	WorkingDir      string
	Env             []string
	pools           []string // names of thread_pool
}

// EventsConf holds the settings of the events block.
type EventsConf struct {
	Connections     int
	Use             string
	DebugConnection logs.DebugPeers
}

// MainModule is nginx's core module.
var MainModule = conf.Define("core", "The process itself: loops, user, pid, limits.", []conf.Directive[MainConf]{
	{
		Name: "worker_processes", In: conf.Main, Syntax: "auto | <number>", Default: "1",
		Doc:     "How many event loops serve connections; `auto` is one per CPU. They share one process.",
		Example: "worker_processes auto;",
		Set:     setWorkers,
	},
	{
		Name: "load_module", In: conf.Main, Syntax: "<file:string>", Repeat: true, Support: conf.Ignored,
		Doc: `what weir has is built in. A module that it does not have is warned of, and any directive of it is an error of its
own.`,
		Example: "load_module modules/ngx_http_auth_request_module.so;",
		Set:     loadModule,
	},
	{
		Name: "user", In: conf.Main, Syntax: "<user:string> [<group:string>]", Default: "nobody",
		Doc: `The user and group that the worker runs as, when the master is root; without a group, the one of the same name as the user.
The master opens addresses, log files and whatever the configuration names before; the worker reads the files that it serves.`,
		Example: "user www-data;",
		Set:     setUser,
	},
	{
		Name: "daemon", In: conf.Main, Syntax: "on | off", Default: "on",
		Doc: "Whether weir goes to the background.",
		Set: conf.Flag(func(c *MainConf) *bool { return &c.Daemon }),
	},
	{
		Name: "master_process", In: conf.Main, Syntax: "on | off", Default: "on",
		Doc: `Whether a master process watches over the worker that serves: binds addresses and opens logs with its rights, replaces a
worker that dies, and upgrades the binary. With **off** one process does it all, as the user that starts it.`,
		Set: conf.Flag(func(c *MainConf) *bool { return &c.MasterProcess }),
	},
	{
		Name: "pid", In: conf.Main, Syntax: "<path>",
		Doc: "The file that holds the process number; `off` writes none.",
		Set: conf.String(func(c *MainConf) *string { return &c.Pid }),
	},
	{
		Name: "lock_file", In: conf.Main, Syntax: "<path>", Default: "logs/nginx.lock", Support: conf.Ignored,
		Doc: "weir needs no lock file.",
	},
	{
		Name: "worker_rlimit_nofile", In: conf.Main, Syntax: "<number>",
		Doc: "The limit of open files of the worker.",
		Set: func(c *MainConf, call *conf.Call) error {
			n, err := strconv.ParseUint(call.Arg(0), 10, 63)
			if err != nil {
				return call.Invalid(0, "invalid number")
			}
			c.RlimitNofile = n
			return nil
		},
	},
	{
		Name: "worker_rlimit_core", In: conf.Main, Syntax: "<size:offset>",
		Doc: "The limit of the size of a core file.",
		Set: conf.Offset(func(c *MainConf) *int64 { return &c.RlimitCore }),
	},
	{
		Name: "worker_priority", In: conf.Main, Syntax: "<nice:string>", Default: "0", Repeat: true,
		Doc: "The scheduling priority, as nice(1) has it: negative is more.",
		Set: func(c *MainConf, call *conf.Call) error {
			n, err := strconv.Atoi(call.Arg(0))
			switch {
			case c.Priority != 0: // 0 is as good as nothing
				return call.Errorf(-1, "\"%s\" directive is duplicate", call.Name())
			case err != nil:
				return call.Invalid(0, "invalid number")
			}
			c.Priority = n
			return nil
		},
	},
	{
		Name: "worker_cpu_affinity", In: conf.Main, Syntax: "<mask:string> ...",
		Doc: `The processors that the worker may run on: those of all masks together, since loops move between processors; **auto** is all of
them, or those of its mask.`,
		Example: "worker_cpu_affinity 0101;",
		Set:     setAffinityWords,
	},
	{
		Name: "worker_shutdown_timeout", In: conf.Main, Syntax: "<time>",
		Doc: "How long a worker that shuts down gracefully waits for its connections before it closes them.",
		Set: conf.Time(func(c *MainConf) *time.Duration { return &c.ShutdownTimeout }),
	},
	{
		Name: "working_directory", In: conf.Main, Syntax: "<path>",
		Doc: "The working directory of the worker, where core files go.",
		Set: conf.String(func(c *MainConf) *string { return &c.WorkingDir }),
	},
	{
		Name: "env", In: conf.Main, Syntax: "<variable:string>", Repeat: true,
		Doc: `An environment variable that the worker and a new binary keep, or get with *name*=*value*. Of all others only TZ is kept.`,
		Set: conf.Strings(func(c *MainConf) *[]string { return &c.Env }),
	},
	{
		Name: "timer_resolution", In: conf.Main, Syntax: "<time>", Support: conf.Ignored,
		Doc: "weir reads the clock once per wake-up.",
	},
	{
		Name: "pcre_jit", In: conf.Main, Syntax: "on | off", Default: "off", Support: conf.Ignored,
		Doc: "weir's regular expressions are not PCRE's.",
	},
	{
		Name: "debug_points", In: conf.Main, Syntax: "abort | stop", Support: conf.Ignored,
		Doc: "there are no debug points.",
	},
	{
		Name: "thread_pool", In: conf.Main, Syntax: "! 2-3 <name> threads=<number> [max_queue=<number>]", Support: conf.Ignored, Repeat: true,
		Doc: "slow reads run on goroutines.",
		Set: checkThreadPool,
	},
})

// checkThreadPool checks what nginx does: parameters of another name it does not look at.
func checkThreadPool(c *MainConf, call *conf.Call) error {
	if slices.Contains(c.pools, call.Arg(0)) {
		return call.Errorf(0, "duplicate thread pool \"%s\"", call.Arg(0))
	}
	c.pools = append(c.pools, call.Arg(0))
	threads := false
	for i := 1; i < call.Len(); i++ {
		key, value, _ := strings.Cut(call.Arg(i), "=")
		if key != "threads" && key != "max_queue" || !strings.Contains(call.Arg(i), "=") {
			continue
		}
		n, err := conf.ParseInt(value)
		if err != nil || n == 0 && key == "threads" {
			return call.Errorf(i, "invalid %s value \"%s\"", key, call.Arg(i))
		}
		threads = threads || key == "threads"
	}
	if !threads {
		return call.Errorf(-1, "\"thread_pool\" must have \"threads\" parameter")
	}
	return nil
}

func setWorkers(c *MainConf, call *conf.Call) error {
	if call.Arg(0) == "auto" {
		c.Workers = call.Tree().Facts().Processors
		return nil
	}
	n, err := strconv.Atoi(call.Arg(0))
	if err != nil || n < 0 {
		return call.Errorf(0, "invalid value \"%s\"", call.Arg(0))
	}
	c.Workers = max(n, 1)
	return nil
}

// EventsModule is nginx's events module.
var EventsModule = conf.Define("events", "How connections are waited for.", []conf.Directive[EventsConf]{
	{
		Name: "events", In: conf.Main, Syntax: "{ ... }", Opens: conf.Events,
		Doc: "The block of settings that concern connections.",
	},
	{
		Name: "worker_connections", In: conf.Events, Syntax: "! 1 <number>", Default: "512",
		Doc: "How many connections a loop may hold, of clients and upstreams together.",
		Set: func(c *EventsConf, call *conf.Call) (err error) {
			if c.Connections, err = conf.ParseInt(call.Arg(0)); err != nil {
				return call.Errorf(0, "invalid number \"%s\"", call.Arg(0))
			}
			return nil
		},
	},
	{
		Name: "use", In: conf.Events, Syntax: "<method:string>",
		Doc: "How readiness is waited for: weir knows `epoll`.",
		Set: func(c *EventsConf, call *conf.Call) error {
			switch m := call.Arg(0); m {
			case "epoll":
				c.Use = m
				return nil
			default:
				return call.Errorf(0, "invalid event type \"%s\"", m)
			}
		},
	},
	{
		Name: "multi_accept", In: conf.Events, Syntax: "on | off", Default: "off", Support: conf.Ignored,
		Doc: "weir accepts what is waiting, and spreads it over its loops.",
	},
	{
		Name: "accept_mutex", In: conf.Events, Syntax: "on | off", Default: "off", Support: conf.Ignored,
		Doc: "the kernel wakes one loop for a new connection.",
	},
	{
		Name: "accept_mutex_delay", In: conf.Events, Syntax: "<time>", Default: "500ms", Support: conf.Ignored,
		Doc: "see `accept_mutex`.",
	},
	{
		Name: "debug_connection", In: conf.Events, Syntax: "<address:string>", Repeat: true,
		Doc: `Logs the connections of some clients at level debug, whatever the level of the error logs is.

The clients are those with an *address*, of a network (192.0.2.0/24), with the addresses that a host name has when the configuration is
read, or, with **unix:**, those of Unix sockets. What is asked of upstream servers on their behalf is logged with it, to the error_log of
the place that the request is in.`,
		Example: "debug_connection 192.0.2.0/24;",
		Set:     func(c *EventsConf, call *conf.Call) error { return c.DebugConnection.Add(call, call.Lookup) },
	},
	{
		Name: "worker_aio_requests", In: conf.Events, Syntax: "<number>", Default: "32", Support: conf.Ignored,
		Doc: "slow reads run on goroutines.",
	},
})

// HTTPModule opens the blocks that the modules of http stand in.
var HTTPModule = conf.Define("http", "The blocks of the HTTP server.", []conf.Directive[struct{}]{
	{Name: "http", In: conf.Main, Syntax: "{ ... }", Opens: conf.HTTP, Doc: "The block of everything about HTTP."},
	{Name: "server", In: conf.HTTP, Syntax: "{ ... }", Opens: conf.Server, Repeat: true, Doc: "One server: the addresses and names it answers to, and what it does."},
	{
		Name: "location", In: conf.Server | conf.Location, Syntax: "! 1-2 [= | ~ | ~* | ^~] <uri> { ... }\n! 1 @<name> { ... }", Opens: conf.Location, Repeat: true,
		Doc: `What holds for some URIs: those that begin with a *prefix*; that *are* it, after "="; that match a regular expression, after "~"
or "~*"; "^~" before a prefix keeps regular expressions out; "@name" is led to by name only.`,
		Example: "location ~ \\.php$ { return 404; }",
		Declare: build.DeclareLocation,
	},
})

// pidOff reports whether no pid file is wanted.
func pidOff(path string) bool { return strings.EqualFold(path, "off") }
