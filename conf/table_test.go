package conf

import "time"

// seen is the settings of the modules of the tests: what was stored, in order.
type seen struct {
	list    []string
	flag    bool
	num     int
	size    int64
	time    time.Duration
	seconds time.Duration
	bits    uint
	enum    int
	path    string
	words   []string
}

func record(c *seen, call *Call) error {
	s := call.Name()
	for _, w := range call.Args() {
		s += " " + w.Text
	}
	c.list = append(c.list, s)
	return nil
}

const (
	inHTTP = HTTP | Server | Location
	inIf   = inHTTP | LocationIf
)

// d is a directive that records itself.
func d(name string, in Context, syntax string) Directive[seen] {
	return Directive[seen]{Name: name, In: in, Syntax: syntax, Set: record, Doc: "A directive of the tests."}
}

type directiveOf = Directive[seen]

func block(name string, in Context, syntax string, opens Context) Directive[seen] {
	return Directive[seen]{Name: name, In: in, Syntax: syntax, Opens: opens, Repeat: in&Main == 0, Doc: "A block of the tests."}
}

func (x Directive[C]) with(f func(*Directive[C])) Directive[C] {
	f(&x)
	return x
}

func repeat(x *directiveOf) { x.Repeat = true }

// testModules are enough of nginx to compare verdicts with it.
func testModules() []*Module {
	return []*Module{coreModule(), httpModule(), rulesModule(), upstreamModule(), streamModule()}
}

func coreModule() *Module {
	return Define("core", "The main block.", []directiveOf{
		block("events", Main, "{ ... }", Events),
		block("http", Main, "{ ... }", HTTP),
		block("stream", Main, "{ ... }", Stream),
		d("daemon", Main, "on | off"),
		d("user", Main, "<user:name> [<group:name>]"),
		d("worker_processes", Main, "auto | <number>"),
		d("worker_priority", Main, "! 1 <number>"),
		d("timer_resolution", Main, "<time>").with(func(x *directiveOf) { x.Set = Time(func(c *seen) *time.Duration { return &c.time }) }),
		d("working_directory", Main, "<path>"),
		d("pid", Main, "<path>"),
		d("error_log", Main|inHTTP|Stream|StreamServer, "<path> [debug | info | notice | warn | error | crit | alert | emerg]").with(repeat),
		d("worker_connections", Events, "<number>"),
		d("multi_accept", Events, "on | off"),
		d("accept_mutex_delay", Events, "<time>"),
	})
}

func httpModule() *Module {
	return Define("http_core", "Requests.", []directiveOf{
		block("server", HTTP, "{ ... }", Server),
		block("location", Server|Location, "! 1-2 [= | ~ | ~* | ^~] <uri> { ... }", Location),
		block("if", Server, "! 1- (<condition>) { ... }", ServerIf),
		block("if", Location, "! 1- (<condition>) { ... }", LocationIf),
		block("limit_except", Location, "<method> ... { ... }", LimitExcept),
		block("types", inHTTP, "{ <type> <extension> ...; }", Types),
		block("map", HTTP, "<source:text> <variable:name> { ... }", Map),
		d("listen", Server, "<addr> [default_server] [ssl] [http2] [backlog=<number>] [rcvbuf=<size>] [reuseport] [so_keepalive=on|off|[<idle:time>]:[<interval:time>]:[<count:number>]]").with(repeat),
		d("server_name", Server, "<name> ...").with(repeat),
		d("root", inIf, "<path:text>").with(func(x *directiveOf) { x.Group, x.Default = "root", "html" }),
		d("alias", Location, "<path:text>").with(func(x *directiveOf) { x.Group = "root" }),
		d("sendfile", inIf, "on | off").with(func(x *directiveOf) { x.Default, x.Set = "off", Flag(func(c *seen) *bool { return &c.flag }) }),
		d("client_max_body_size", inHTTP, "<size:offset>").with(func(x *directiveOf) { x.Default, x.Set = "1m", Offset(func(c *seen) *int64 { return &c.size }) }),
		d("client_body_timeout", inHTTP, "<time>").with(func(x *directiveOf) { x.Default, x.Set = "60s", Time(func(c *seen) *time.Duration { return &c.time }) }),
		d("keepalive_requests", inHTTP, "<number>").with(func(x *directiveOf) { x.Default, x.Set = "1000", Int(func(c *seen) *int { return &c.num }) }),
		d("keepalive_disable", inHTTP, "none | msie6 | safari ...2").with(func(x *directiveOf) {
			x.Default, x.Set = "msie6", Bits(func(c *seen) *uint { return &c.bits }, map[string]uint{"none": 1, "msie6": 2, "safari": 4})
		}),
		d("satisfy", inHTTP, "all | any").with(func(x *directiveOf) {
			x.Default, x.Set = "all", Enum(func(c *seen) *int { return &c.enum }, map[string]int{"all": 1, "any": 2})
		}),
		d("resolver_timeout", inHTTP, "<time>"),
		d("open_file_cache_valid", inHTTP, "<seconds>").with(func(x *directiveOf) {
			x.Default, x.Set = "60s", Seconds(func(c *seen) *time.Duration { return &c.seconds })
		}),
		d("output_buffers", inHTTP, "<number> <size>"),
		d("gzip", inIf, "on | off"),
		d("gzip_comp_level", inHTTP, "<level:1-9>"),
		d("gzip_types", inHTTP, "<type> ...").with(repeat),
		d("autoindex", inHTTP, "on | off"),
		d("autoindex_format", inHTTP, "html | xml | json | jsonp"),
		d("index", inHTTP, "<file:text> ...").with(func(x *directiveOf) { x.Repeat, x.Default = true, "index.html" }),
		d("internal", Location, "").with(func(x *directiveOf) { x.Inherit = Never }),
		d("limit_req_zone", HTTP, "<key:text> zone=<name>:<size> rate=<rate>").with(repeat),
		d("limit_req", inHTTP, "zone=<zone:name> [burst=<number>] [nodelay | delay=<number>]").with(repeat),
		d("limit_req_status", inHTTP, "<code:400-599>"),
		d("add_header", inIf, "<name> <value:text> [always]").with(repeat),
	})
}

func rulesModule() *Module {
	rules := func(x *directiveOf) { x.Group, x.Repeat = "rules", true }
	return Define("rules", "Rules.", []directiveOf{
		d("allow", inHTTP|LimitExcept, "all | <addr>").with(rules),
		d("deny", inHTTP|LimitExcept, "all | <addr>").with(rules),
		d("proxy_pass", Location|LocationIf|LimitExcept, "<url:text>").with(func(x *directiveOf) { x.Inherit = IntoNameless }),
		d("proxy_read_timeout", inHTTP, "<time>").with(func(x *directiveOf) { x.Default = "60s" }),
		d("proxy_method", inHTTP, "<method:text>"),
		d("return", Server|ServerIf|Location|LocationIf, "<code:text> [<text>]").with(func(x *directiveOf) { x.Repeat, x.Inherit = true, Never }),
	})
}

func upstreamModule() *Module {
	m := Define("upstream", "Groups.", []Directive[seen]{
		block("upstream", HTTP, "<name> { ... }", Upstream),
		d("server", Upstream, "<addr> [weight=<number>] [max_fails=<number>] [fail_timeout=<time>] [backup] [down]").with(repeat),
		d("keepalive", Upstream, "<connections:number> [local]"),
		d("ip_hash", Upstream, ""),
		d("zone", Upstream, "<name> [<size>]"),
	})
	return m
}

func streamModule() *Module {
	return Define("stream", "TCP.", []directiveOf{
		block("server", Stream, "{ ... }", StreamServer),
		d("listen", StreamServer, "<addr> [udp] [ssl]").with(repeat),
		d("proxy_pass", StreamServer, "<addr>"),
		d("proxy_timeout", Stream|StreamServer, "<time>"),
	})
}
