package core

import (
	"strings"
	"time"

	"weir/conf"
	"weir/http"
	"weir/http/route"
	"weir/listen"
)

// ServerConf holds the settings of the core module for a server, with those that only the building of servers needs.
type ServerConf struct {
	http.ServerConf
	Listens []ListenOption
	Names   []ServerName

	connPool    int64 // only checked
	requestPool int64 // only checked
}

// Forget drops what is needed for error messages only.
func (c *ServerConf) Forget() {
	for i := range c.Listens {
		c.Listens[i].Call = nil
	}
	for i := range c.Names {
		c.Names[i].Call = nil
	}
}

// A ListenOption is one listen directive.
type ListenOption struct {
	Spec listen.Spec
	Call *conf.Call
}

// A ServerName is one name of a server_name directive.
type ServerName struct {
	http.ServerName
	Call *conf.Call
}

// ServerModule is the part of nginx's http core module that is set per server.
var ServerModule = http.Define(http.Spec[ServerConf]{
	Name: "http_core_server",
	Doc:  "Addresses and names of servers, and how request heads are read.",
	Directives: []conf.Directive[ServerConf]{
		{
			Name: "listen", In: onlyServe, Repeat: true, Inherit: conf.Never,
			Syntax: "! 1- <address>[:<port>] | <port> | unix:<path> [default_server] [bind] [ssl] [http2] [proxy_protocol] [backlog=<number>] " +
				"[rcvbuf=<size>] [sndbuf=<size>] [fastopen=<number>] [deferred] [ipv6only=on|off] [reuseport] [multipath] " +
				"[so_keepalive=on|off|[<idle>]:[<interval>]:[<count>]]",
			Lacks: []string{"quic"},
			Doc: `An address the server answers on: *address*[:*port*], *port*, or unix:*path*, then options: default_server, backlog=, rcvbuf=,
sndbuf=, fastopen=, deferred, bind, ipv6only=, reuseport, so_keepalive=, ssl: connections are over TLS, proxy_protocol: connections begin with a PROXY protocol header (version 1 or 2).`,
			Example: "listen 127.0.0.1:8080 default_server;",
			Set:     addListen,
		},
		{
			Name: "server_name", In: onlyServe, Syntax: "<name:string> ...", Repeat: true, Inherit: conf.Never,
			Doc:     "Names of the server: exact, with a wildcard at either end, or a regular expression after \"~\". Named captures become variables.",
			Example: "server_name example.com *.example.com ~^www\\d+\\.example\\.com$;",
			Set:     addServerName,
			Declare: declareServerName,
		},
		{
			Name: "client_header_timeout", In: inServer, Syntax: "<time>", Default: "60s",
			Doc: "How long a client may take to send the whole head of a request; after it the connection closes with 408.",
			Set: conf.Time(func(c *ServerConf) *time.Duration { return &c.HeaderTimeout }),
		},
		{
			Name: "client_header_buffer_size", In: inServer, Syntax: "<size>", Default: "1k",
			Doc: "The buffer that the head of a request is read into at first.",
			Set: conf.Size(func(c *ServerConf) *int64 { return &c.HeaderBuffer }),
		},
		{
			Name: "large_client_header_buffers", In: inServer, Syntax: "<number> <size>", Default: "4 8k",
			Doc: "How much a larger head may take: a line must fit in one of these, all of it in *number* of them. A longer request line is answered 414, a longer field 400.",
			Set: setLargeBuffers,
		},
		{
			Name: "max_headers", In: inServer, Syntax: "<number>", Default: "1000",
			Doc: "How many header fields a request may have; with more it is answered 400.",
			Set: conf.Int(func(c *ServerConf) *int { return &c.MaxHeaders }),
		},
		{
			Name: "ignore_invalid_headers", In: inServer, Syntax: "on | off", Default: "on",
			Doc: "Whether header fields with invalid names are dropped. Names are made of letters, digits, hyphens, and underscores if allowed.",
			Set: conf.Flag(func(c *ServerConf) *bool { return &c.IgnoreInvalid }),
		},
		{
			Name: "merge_slashes", In: inServer, Syntax: "on | off", Default: "on",
			Doc: "Whether several slashes in a row count as one when a location is looked for.",
			Set: conf.Flag(func(c *ServerConf) *bool { return &c.MergeSlashes }),
		},
		{
			Name: "underscores_in_headers", In: inServer, Syntax: "on | off", Default: "off",
			Doc: "Whether names of header fields may have underscores; otherwise such fields are invalid.",
			Set: conf.Flag(func(c *ServerConf) *bool { return &c.Underscores }),
		},
		poolSize("connection_pool_size", "512", func(c *ServerConf) *int64 { return &c.connPool }),
		poolSize("request_pool_size", "4k", func(c *ServerConf) *int64 { return &c.requestPool }),
		conf.TableSize[ServerConf]("server_names_hash_max_size", inHTTP, "512"),
		conf.TableSize[ServerConf]("server_names_hash_bucket_size", inHTTP, "64"),
		conf.TableSize[ServerConf]("variables_hash_max_size", inHTTP, "1024"),
		conf.TableSize[ServerConf]("variables_hash_bucket_size", inHTTP, "64"),
		conf.TableSize[ServerConf]("types_hash_max_size", inLoc, "1024"),
		conf.TableSize[ServerConf]("types_hash_bucket_size", inLoc, "64"),
	},
	Install: checkBuffers,
})

// poolSize is a directive that tunes memory which weir manages by itself. As in nginx a pool has a least size, and a step.
func poolSize(name, def string, f func(*ServerConf) *int64) conf.Directive[ServerConf] {
	const least, step = 112, 16
	size := conf.Size(f)
	return conf.Directive[ServerConf]{
		Name: name, In: inServer, Syntax: "<size>", Default: def, Support: conf.Ignored,
		Doc: "weir sizes its memory by itself.",
		Set: func(c *ServerConf, call *conf.Call) error {
			if err := size(c, call); err != nil {
				return err
			}
			switch n := *f(c); {
			case n < least:
				return call.Errorf(0, "the pool size must be no less than %d", least)
			case n%step != 0:
				return call.Errorf(0, "the pool size must be a multiple of %d", step)
			}
			return nil
		},
	}
}

// checkBuffers holds the buffers of a server against each other, as nginx does.
func checkBuffers(c *ServerConf, in *http.Install) error {
	if in.Block.Context != conf.Server || c.LargeSize >= c.connPool {
		return nil
	}
	at := conf.Spot{Node: in.Block.Nearest("large_client_header_buffers", "connection_pool_size"), Arg: -1}
	return at.Errorf("the \"large_client_header_buffers\" size must be equal to or greater than \"connection_pool_size\"").Merged()
}

func addListen(c *ServerConf, call *conf.Call) error {
	specs, err := http.Of[listens](http.Env(call)).parse(call)
	if err != nil {
		return err
	}
	for _, s := range specs {
		c.Listens = append(c.Listens, ListenOption{Spec: s, Call: call})
	}
	return nil
}

// listens are the addresses that were read: many servers have the same one.
type listens struct{ byText map[string][]listen.Spec }

func (l *listens) parse(call *conf.Call) ([]listen.Spec, error) {
	if call.Len() > 1 {
		return listen.ParseCall(call)
	}
	specs, known := l.byText[call.Arg(0)]
	if known {
		return specs, nil
	}
	specs, err := listen.ParseCall(call)
	if err != nil {
		return nil, err
	}
	if l.byText == nil {
		l.byText = map[string][]listen.Spec{}
	}
	l.byText[call.Arg(0)] = specs
	return specs, nil
}

func declareServerName(call *conf.Call) error {
	for i := range call.Len() {
		if source, ok := strings.CutPrefix(call.Arg(i), "~"); ok && source != "" {
			if err := http.DeclareCaptures(call, i, source, true); err != nil {
				return err
			}
		}
	}
	return nil
}

func addServerName(c *ServerConf, call *conf.Call) error {
	for i := range call.Len() {
		name := call.Arg(i)
		n := ServerName{ServerName: http.ServerName{Text: strings.ToLower(name)}, Call: call}
		if name == "$hostname" {
			n.Text = http.Env(call).App.Hostname
		}
		if name != "" && name[0] == '~' {
			if len(name) == 1 {
				return call.Errorf(i, "empty regex in server name \"%s\"", name)
			}
			p, err := http.Env(call).Vars.Pattern(name[1:], true)
			if err != nil {
				return call.Errorf(i, "%v", err)
			}
			n.Text, n.Pattern = name[1:], p
			if n.Slots, err = http.Env(call).Vars.DefineGroups(p); err != nil {
				return call.Errorf(i, "%v", err)
			}
		} else if err := route.CheckName(name); err != nil {
			return call.Errorf(i, "%v", err)
		} else if strings.Contains(name, "/") {
			call.Warnf(i, "server name \"%s\" has suspicious symbols", name)
		}
		c.Names = append(c.Names, n)
	}
	return nil
}

func setLargeBuffers(c *ServerConf, call *conf.Call) error {
	n, err := conf.ParseInt(call.Arg(0))
	size, err2 := conf.ParseSize(call.Arg(1))
	if err != nil || err2 != nil || n == 0 || size == 0 {
		return call.Errorf(-1, "\"%s\" directive invalid value", call.Node.Name())
	}
	c.LargeCount, c.LargeSize = n, size
	return nil
}
