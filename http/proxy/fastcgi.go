package proxy

import (
	"slices"

	"weir/conf"
	"weir/http"
	"weir/logs"
	"weir/vars"
)

// fastcgiConf are the fastcgi_* directives of one block.
type fastcgiConf struct {
	upstreamConf
	pass   *address
	params []paramConf
	index  string
	split  *vars.Pattern // of fastcgi_split_path_info
	keep   bool
	catch  []string // fastcgi_catch_stderr
}

// FastCGI is nginx's http fastcgi module.
var FastCGI = http.Define(http.Spec[fastcgiConf]{
	Name: "http_fastcgi",
	Doc:  "Passes requests to a FastCGI server, such as php-fpm.",
	Directives: slices.Concat(
		fastcgiDirectives(),
		optionDirectives("fastcgi_", func(c *fastcgiConf) *upstreamConf { return &c.upstreamConf }, cgiFaults()),
	),
	Variables: []http.Var{
		{
			Name: "fastcgi_script_name", Doc: "The URI, or its first part by `fastcgi_split_path_info`; `fastcgi_index` is added to one that ends with a slash.",
			Get: scriptName,
		},
		{Name: "fastcgi_path_info", Doc: "The second part of the URI by `fastcgi_split_path_info`.", Get: pathInfo},
	},
	Install: installFastCGI,
})

func fastcgiDirectives() []conf.Directive[fastcgiConf] {
	return []conf.Directive[fastcgiConf]{
		{
			Name: "fastcgi_pass", In: inPassCGI, Syntax: "<address:text>", Inherit: conf.IntoNameless,
			Doc:     "Passes requests to the server at *address*: a name or an IP address with a port, a group of \"upstream\", or a unix socket.",
			Example: "location ~ \\.php$ { fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name; fastcgi_pass unix:/run/php/php-fpm.sock; }",
			Set:     func(c *fastcgiConf, call *conf.Call) error { return setAddress(&c.pass, "", call) },
			Declare: declareAddress(""),
		},
		paramDirective("fastcgi_", func(c *fastcgiConf) *[]paramConf { return &c.params }),
		{
			Name: "fastcgi_index", In: inLoc, Syntax: "<name:string>",
			Doc:     "What is added in `$fastcgi_script_name` to a URI that ends with a slash.",
			Example: "fastcgi_index index.php;",
			Set:     conf.String(func(c *fastcgiConf) *string { return &c.index }),
		},
		{
			Name: "fastcgi_split_path_info", In: inLoc, Syntax: "<regex:string>", Repeat: true,
			Doc:     "A regular expression with two groups: the first is `$fastcgi_script_name`, the second `$fastcgi_path_info`.",
			Example: "fastcgi_split_path_info ^(.+?\\.php)(/.*)$;",
			Set:     setSplit,
		},
		{
			Name: "fastcgi_keep_conn", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Whether the server is asked to leave the connection open, for the `keepalive` of its group.",
			Set: conf.Flag(func(c *fastcgiConf) *bool { return &c.keep }),
		},
		{
			Name: "fastcgi_catch_stderr", In: inLoc, Syntax: "<text:string>", Repeat: true,
			Doc:     "A text in what the server writes to its error stream that makes the response an invalid one, so that the next peer may be asked.",
			Example: "fastcgi_catch_stderr \"PHP Fatal error\";",
			Set:     conf.Strings(func(c *fastcgiConf) *[]string { return &c.catch }),
		},
	}
}

func setSplit(c *fastcgiConf, call *conf.Call) (err error) {
	src := call.Arg(0)
	if c.split, err = http.Env(call).Vars.Pattern(src, false); err != nil {
		return call.Errorf(0, "%v", err)
	}
	if len(c.split.Names()) != 3 { // with the whole match
		return call.Errorf(0, "pattern \"%s\" must have 2 captures", src)
	}
	return nil
}

// installFastCGI equips a location with fastcgi_pass.
func installFastCGI(c *fastcgiConf, in *http.Install) error {
	z, err := checkSizes(in, &c.upstreamConf, "fastcgi_")
	if err != nil {
		return err
	}
	if c.split != nil || c.index != "" {
		in.Keep(c)
	}
	if c.pass == nil || in.Loc.Nameless && in.HasHandler() {
		return nil
	}
	l := &fastcgiLoc{fastcgiConf: c}
	if l.list, l.listCached, err = newParams(in, "fastcgi_", c.params, &c.upstreamConf); err != nil {
		return err
	}
	s := passSpec{
		prefix: "fastcgi_", schema: "fastcgi://", url: c.pass.url, protocol: l.protocol,
		hidden: cgiHidden(), sendsBody: c.PassBody, sendsChunks: true,
	}
	c.pass.fill(&s)
	return s.install(in, &c.upstreamConf, z)
}

// scriptName is $fastcgi_script_name.
func scriptName(r *http.Request, _ string) http.Value {
	c, _ := http.Kept[*fastcgiConf](r.Loc)
	name, _ := c.parts(r)
	if c != nil && len(name) > 0 && name[len(name)-1] == '/' {
		name = r.Concat(name, []byte(c.index))
	}
	return http.Value{B: name}
}

// pathInfo is $fastcgi_path_info.
func pathInfo(r *http.Request, _ string) http.Value {
	c, _ := http.Kept[*fastcgiConf](r.Loc)
	_, info := c.parts(r)
	return http.Value{B: info}
}

// parts splits the URI by fastcgi_split_path_info. One that does not match is all script. c may be nil.
func (c *fastcgiConf) parts(r *http.Request) (script, info []byte) {
	if c == nil || c.split == nil {
		return r.URI, nil
	}
	at, found, err := c.split.Find(r.CaptureBuf(), r.URI)
	if err != nil {
		r.Logf(logs.Alert, "%v on \"%s\" using \"%s\"", err, r.URI, c.split.Source())
	}
	if err != nil || !found || len(at) < 6 {
		return r.URI, nil
	}
	return capture(r.URI, at[2:4]), capture(r.URI, at[4:6])
}

// capture is what a group matched, nil if it took no part.
func capture(text []byte, at []int) []byte {
	if at[0] < 0 {
		return nil
	}
	return text[at[0]:at[1]]
}
