package filter

import (
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/field"
)

// subConf holds the settings of one block.
type subConf struct {
	pairs        []subPair
	once         bool
	lastModified bool
	types        mediaTypes

	search *subSearch // for pairs, if no text that is looked for has variables
}

// A subPair is one sub_filter.
type subPair struct{ match, value *http.Text }

// Sub is nginx's sub filter.
var Sub = http.Define(http.Spec[subConf]{
	Name: "http_sub_filter",
	Doc:  "Replaces text in responses.",
	Directives: []conf.Directive[subConf]{
		{
			Name: "sub_filter", In: codingPlaces, Syntax: "<text:text> <replacement:text>", Repeat: true,
			Doc: `Replaces a text, in which case does not matter, by another one. Both may have variables.

Several may stand in one place. Where more than one fits, that one counts which is written first. What is compressed is not looked
through: proxy_set_header Accept-Encoding "" asks a back end for the plain text.`,
			Example: "sub_filter '</head>' '<script src=\"/extra.js\"></script></head>';",
			Set:     addSub,
		},
		{
			Name: "sub_filter_once", In: codingPlaces, Syntax: "on | off", Default: "on",
			Doc: "Whether each text is replaced once only, where it first stands.",
			Set: conf.Flag(func(c *subConf) *bool { return &c.once }),
		},
		{
			Name: "sub_filter_last_modified", In: codingPlaces, Syntax: "on | off", Default: "off",
			Doc: "Keeps Last-Modified of the response, and its ETag as a weak one.",
			Set: conf.Flag(func(c *subConf) *bool { return &c.lastModified }),
		},
		{
			Name: "sub_filter_types", In: codingPlaces, Syntax: "<type:string> ...", Default: "text/html", Repeat: true,
			Doc: "The types of responses that are looked through, besides text/html; `*` is any.",
			Set: func(c *subConf, call *conf.Call) error { return c.types.add(call) },
		},
	},
	Install: func(c *subConf, in *http.Install) error {
		if len(c.pairs) > 0 {
			c.prepare()
			in.Head(c.head)
		}
		return nil
	},
})

// maxSubs is how many sub_filter may hold in one place.
const maxSubs = 255

func addSub(c *subConf, call *conf.Call) error {
	if call.Arg(0) == "" {
		return call.Errorf(0, "empty search pattern")
	}
	if len(c.pairs) == maxSubs {
		return call.Errorf(-1, "number of search patterns exceeds %d", maxSubs)
	}
	match, err := http.CompileText(call, 0, strings.ToLower(call.Arg(0)))
	if err != nil {
		return err
	}
	value, err := http.CompileText(call, 1, call.Arg(1))
	if err != nil {
		return err
	}
	c.pairs = append(c.pairs, subPair{match, value})
	return nil
}

// prepare makes the search at load, if that can be done.
func (c *subConf) prepare() {
	if c.search != nil {
		return
	}
	var texts [][]byte
	for _, p := range c.pairs {
		text, ok := p.match.Const()
		if !ok {
			return
		}
		texts = append(texts, []byte(text))
	}
	c.search = newSubSearch(texts)
}

// head has the body looked through.
func (c *subConf) head(r *http.Request) http.Verdict {
	o := &r.Out
	if o.ContentLength == 0 || !c.types.has(o.ContentType) {
		return http.Next
	}
	b := &subBody{subText: subText{search: c.search, once: c.once}}
	for _, p := range c.pairs {
		b.values = append(b.values, p.value)
	}
	if b.search == nil && !c.searchNow(r, b) {
		return http.Next
	}
	b.used = make([]bool, len(b.values))
	b.made = make([][]byte, len(b.values))
	r.FilterBody(b)
	if r.IsSub() {
		return http.Next
	}
	o.ContentLength = -1
	if c.lastModified {
		r.WeakenETag()
		return http.Next
	}
	o.LastModified = -1
	o.DropField(field.LastModified)
	o.DropField(field.ETag)
	return http.Next
}

// searchNow makes the search for one response. Texts that are empty now are not looked for.
func (c *subConf) searchNow(r *http.Request, b *subBody) bool {
	var texts [][]byte
	b.values = b.values[:0]
	for _, p := range c.pairs {
		if text := r.Lower(r.Text(p.match)); len(text) > 0 {
			texts = append(texts, text)
			b.values = append(b.values, p.value)
		}
	}
	if len(texts) == 0 {
		return false
	}
	b.search = newSubSearch(texts)
	return true
}
