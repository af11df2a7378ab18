package filter

import (
	"bytes"
	"sync"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/vars"
)

// ssiConf holds the settings of one block.
type ssiConf struct {
	on           bool
	silent       bool
	lastModified bool
	types        mediaTypes
	valueLength  int64
	common       *ssiCommon
}

// SSI is nginx's SSI filter: pages with commands in them.
var SSI = http.Define(http.Spec[ssiConf]{
	Name: "http_ssi_filter",
	Doc: `Carries out the commands of Server Side Includes in responses: block, config, echo, if, include, set.

Included pages are asked for one after the other, each where its command stands; what follows the command is looked at when the page is there.`,
	Directives: []conf.Directive[ssiConf]{
		{
			Name: "ssi", In: places, Syntax: "on | off", Default: "off",
			Doc:     "Whether commands in responses are carried out.",
			Example: "location / { ssi on; }",
			Set:     conf.Flag(func(c *ssiConf) *bool { return &c.on }),
		},
		{
			Name: "ssi_last_modified", In: ssiPlaces, Syntax: "on | off", Default: "off",
			Doc: "Keeps Last-Modified of the response, and its ETag as a weak one. They tell of the page alone, not of what it includes.",
			Set: conf.Flag(func(c *ssiConf) *bool { return &c.lastModified }),
		},
		{
			Name: "ssi_silent_errors", In: ssiPlaces, Syntax: "on | off", Default: "off",
			Doc: "Leaves out the text \"[an error occurred while processing the directive]\" where a command fails.",
			Set: conf.Flag(func(c *ssiConf) *bool { return &c.silent }),
		},
		{
			Name: "ssi_types", In: ssiPlaces, Syntax: "<type:string> ...", Default: "text/html", Repeat: true,
			Doc:     "The types of responses that may have commands, besides text/html; `*` is any.",
			Example: "ssi_types application/xhtml+xml;",
			Set:     func(c *ssiConf, call *conf.Call) error { return c.types.add(call) },
		},
		{
			Name: "ssi_value_length", In: ssiPlaces, Syntax: "<length:size>", Default: "255",
			Doc: "The longest value of a parameter.",
			Set: conf.Size(func(c *ssiConf) *int64 { return &c.valueLength }),
		},
		{
			Name: "ssi_min_file_chunk", In: ssiPlaces, Syntax: "<size>", Default: "1k", Support: conf.Ignored,
			Doc: "a file with commands is read into memory, all of it.",
		},
		{
			Name: "ssi_ignore_recycled_buffers", In: ssiPlaces, Syntax: "on | off", Default: "off", Support: conf.Ignored,
			Doc: "weir has no such buffers.",
		},
	},
	Variables: []http.Var{
		{Name: "date_local", Doc: "Local time, in the format that the SSI command config sets.", Get: ssiDate(false)},
		{Name: "date_gmt", Doc: "Greenwich Mean Time, in the format that the SSI command config sets.", Get: ssiDate(true)},
	},
	Install: installSSI,
})

const ssiPlaces = conf.HTTP | conf.Server | conf.Location

// ssiCommon is what all pages of a build share.
type ssiCommon struct {
	pages sync.Pool // of *page

	mu       sync.Mutex
	patterns map[string]*vars.Pattern // of expressions in pages
}

// ssiMaxPatterns is how many compiled expressions are kept. Pages rarely have more than a few, but one
// may be put together of variables.
const ssiMaxPatterns = 256

// pattern compiles an expression, or remembers that it did.
func (s *ssiCommon) pattern(source string) (*vars.Pattern, error) {
	s.mu.Lock()
	p := s.patterns[source]
	s.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p, err := vars.CompilePattern(source, false)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.patterns == nil || len(s.patterns) >= ssiMaxPatterns {
		s.patterns = map[string]*vars.Pattern{}
	}
	s.patterns[source] = p
	return p, nil
}

func installSSI(c *ssiConf, in *http.Install) error {
	if !c.on {
		return nil
	}
	c.common = http.Of[ssiCommon](in.Builder)
	in.Head(c.head)
	return nil
}

// head has the body looked through, and takes off the head what the commands will make untrue.
func (c *ssiConf) head(r *http.Request) http.Verdict {
	o := &r.Out
	if o.ContentLength == 0 || !c.types.has(o.ContentType) {
		return http.Next
	}
	if g, ok := http.Load[*page](r); ok && g.in == r {
		return http.Next // the head was refused, and this is the page about it
	}
	g := c.page(r)
	g.in = r
	http.Store(r, g, http.UntilRedirect)
	g.shared = &sharedPage(c, r, g).own
	r.FilterBody(g)
	if r.IsSub() {
		return http.Next
	}
	o.ContentLength = -1
	o.AllowRanges = false
	o.DropField(field.AcceptRanges)
	if !c.lastModified {
		o.LastModified = -1
		o.DropField(field.LastModified)
		o.DropField(field.ETag)
	} else if etag := o.Fields.Find(field.ETag); etag != nil && !bytes.HasPrefix(etag.Value, []byte("W/")) {
		etag.Value = r.Concat([]byte("W/"), etag.Value)
	}
	return http.Next
}

// page takes a page for a response, which is given back with it.
func (c *ssiConf) page(r *http.Request) *page {
	g, _ := c.common.pages.Get().(*page)
	if g == nil {
		g = &page{}
	}
	g.begin(c)
	r.OnEnd(g)
	return g
}

// sharedPage is the page whose variables hold: that of the main request, even if it has no commands of
// its own.
func sharedPage(c *ssiConf, r *http.Request, g *page) *page {
	main := r.Main()
	if main == r {
		return g
	}
	if m, ok := http.Load[*page](main); ok {
		return m
	}
	m := c.page(main)
	http.Store(main, m, http.UntilRedirect)
	return m
}
