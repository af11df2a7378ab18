package filter

import (
	"fmt"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// charsetConf holds the settings of one block.
type charsetConf struct {
	charset  charsetChoice // what the client is to get
	source   charsetChoice // what the response is in, if it does not say so itself
	override bool
	types    mediaTypes
	known    *charsets
}

// A charsetChoice is a charset by name or by a variable; without either it is off.
type charsetChoice struct {
	set  *charset
	text *http.Text
}

func (c charsetChoice) off() bool { return c.set == nil && c.text == nil }

// Charset is nginx's charset filter: it names the charset of a response, and recodes from one to another.
var Charset = http.Define(http.Spec[charsetConf]{
	Name: "http_charset_filter",
	Doc:  "Names the charset of responses in Content-Type, and recodes them from one to another.",
	Directives: []conf.Directive[charsetConf]{
		{
			Name: "charset", In: places, Syntax: "off | <charset:string>", Default: "off",
			Doc: `Adds this charset to the Content-Type of responses; the name may be a variable. If it is not the one that the response is in
(source_charset, or what the response says itself) the body is recoded, which takes a charset_map between the two.`,
			Example: "charset utf-8;",
			Set:     func(c *charsetConf, call *conf.Call) error { return c.choose(&c.charset, call, call.Arg(0) == "off") },
			Declare: func(call *conf.Call) error { return declareCharset(call, call.Arg(0) == "off") },
		},
		{
			Name: "source_charset", In: places, Syntax: "<charset:string>",
			Doc:     "The charset that responses are in. If it is not the one of charset, they are recoded.",
			Example: "source_charset koi8-r;",
			Set:     func(c *charsetConf, call *conf.Call) error { return c.choose(&c.source, call, false) },
			Declare: func(call *conf.Call) error { return declareCharset(call, false) },
		},
		{
			Name: "override_charset", In: places, Syntax: "on | off", Default: "off",
			Doc: "Whether responses that name a charset themselves, as those of a proxied server may, are recoded as well.",
			Set: conf.Flag(func(c *charsetConf) *bool { return &c.override }),
		},
		{
			Name: "charset_types", In: conf.HTTP | conf.Server | conf.Location, Syntax: "<type:string> ...", Repeat: true,
			Default: "text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml",
			Doc:     "The types of responses that get a charset, besides text/html; `*` is any.",
			Set:     func(c *charsetConf, call *conf.Call) error { return c.types.add(call) },
		},
		{
			Name: "charset_map", In: conf.HTTP, Syntax: "<first:string> <second:string> { ... }", Opens: conf.Charset, Repeat: true,
			Doc: `Says how two charsets are recoded into each other: a line for each character, with its codes in hexadecimal. If one is
utf-8 it is the second, with one to three bytes a character. Codes below 80 stand for themselves; other codes that are not named become "?", or
"&#…;" when they come from utf-8.`,
			Example: "charset_map koi8-r utf-8 { C0 D18E; C1 D0B0; }",
			Declare: declareCharsetMap,
		},
	},
	Install: installCharset,
})

// declareCharset makes the name of a charset known.
func declareCharset(call *conf.Call, off bool) error {
	if name := call.Arg(0); !off && !strings.HasPrefix(name, "$") {
		http.Of[charsets](http.Env(call)).add(name)
	}
	return nil
}

// choose stores a charset or source_charset.
func (c *charsetConf) choose(into *charsetChoice, call *conf.Call, off bool) (err error) {
	name := call.Arg(0)
	switch {
	case off:
	case strings.HasPrefix(name, "$"):
		into.text, err = http.CompileText(call, 0, "${"+name[1:]+"}")
	default:
		into.set = http.Of[charsets](http.Env(call)).add(name)
	}
	return err
}

func installCharset(c *charsetConf, in *http.Install) error {
	c.known = http.Of[charsets](in.Builder)
	if c.charset.off() && len(c.known.list) == 0 { // with any, X-Accel-Charset of a back end may ask for it
		return nil
	}
	to, from := c.charset.set, c.source.set
	if to != nil && from != nil && to != from && from.to[to] == nil {
		in.Builder.Diags.Err(fmt.Errorf("no \"charset_map\" between the charsets \"%s\" and \"%s\"", from.name, to.name))
		return nil
	}
	in.Head(c.head)
	return nil
}

// head names the charset of a response, and has its body recoded where that takes it.
func (c *charsetConf) head(r *http.Request) http.Verdict {
	o := &r.Out
	var to *charset
	var name []byte
	ok := true
	switch {
	case len(o.ContentType) == 0:
		return http.Next
	case len(o.CharsetAsked) > 0:
		if to, name = c.known.find(o.CharsetAsked), o.CharsetAsked; to == nil {
			r.Logf(logs.Error, "unknown charset \"%s\" to override", name)
			return http.Next
		}
	case c.charset.off(),
		len(o.Charset) > 0 && !c.override,
		len(o.Charset) == 0 && !c.types.has(o.ContentType):
		return http.Next
	default:
		if to, name, ok = c.charset.find(r, c.known); !ok {
			return http.Abort
		}
	}
	from, source, ok := c.source.find(r, c.known)
	if len(o.Charset) > 0 {
		from, source, ok = c.known.find(o.Charset), o.Charset, true
	}
	switch {
	case !ok:
		return http.Abort
	case source == nil, from == to && (to != nil || strings.EqualFold(string(source), string(name))):
		nameCharset(o, name)
		return http.Next
	case from != nil && to != nil && len(o.Fields.Get(field.ContentEncoding)) > 0:
		return http.Next // what is encoded cannot be recoded
	case from == nil || to == nil || from.to[to] == nil:
		r.Logf(logs.Error, "no \"charset_map\" between the charsets \"%s\" and \"%s\"", source, name)
		return http.Next
	}
	nameCharset(o, name)
	if from.utf8 || to.utf8 {
		o.ContentLength = -1 // no ranges either: they are of a known length
	}
	r.FilterBody(&recoder{table: from.to[to]})
	return http.Next
}

// find is the charset for a request: nil when the name is in no charset_map and no directive. A choice
// that is off has no name. It fails when the variable has no value.
func (c charsetChoice) find(r *http.Request, known *charsets) (set *charset, name []byte, ok bool) {
	if c.text == nil {
		if c.set == nil {
			return nil, nil, true
		}
		return c.set, c.set.name, true
	}
	ref, _ := c.text.Single()
	v := ref.Get(r)
	if v.Missing {
		return nil, nil, false
	}
	if v.B == nil {
		v.B = []byte{}
	}
	return known.find(v.B), v.B, true
}

// nameCharset adds the charset to Content-Type. Redirects get none: an old browser would take it for
// that of the page it is sent to.
func nameCharset(o *http.Response, name []byte) {
	if o.Status == 301 || o.Status == 302 {
		name = nil
	}
	o.Charset = name
}
