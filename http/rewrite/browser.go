package rewrite

import (
	"bytes"
	"slices"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/field"
)

// Browser is nginx's browser module: modern and ancient browsers, by what they say in User-Agent.
var Browser = http.Define(http.Spec[browserConf]{
	Name: "http_browser",
	Doc:  "Tells modern browsers from ancient ones by their `User-Agent`.",
	Directives: []conf.Directive[browserConf]{
		{
			Name: "modern_browser", In: browserPlaces, Repeat: true, Syntax: "! 1-2 unlisted\n! 1-2 <browser> <version>",
			Doc: `From which version on a browser is modern: msie, gecko, opera, safari or konqueror. Older ones are ancient. **unlisted** makes modern what
neither ` + "`modern_browser` nor `ancient_browser`" + ` names, and what sends no User-Agent.`,
			Example: "modern_browser msie 5.5;\nmodern_browser unlisted;",
			Set:     (*browserConf).addModern,
		},
		{
			Name: "ancient_browser", In: browserPlaces, Repeat: true, Syntax: "<text:string> ...",
			Doc: `Texts that make a browser ancient when they stand in its User-Agent, in this case. **netscape4** stands for one that begins with
"Mozilla/1" to "Mozilla/4". They are looked for in what no modern_browser names, when "modern_browser unlisted" is given or none is.`,
			Example: "ancient_browser \"MSIE 6.0\" netscape4;",
			Set:     (*browserConf).addAncient,
		},
		{
			Name: "modern_browser_value", In: browserPlaces, Syntax: "<value:string>", Default: "1", Repeat: true,
			Doc: "The value of `$modern_browser` for modern browsers.",
			Set: func(c *browserConf, call *conf.Call) error { c.modernValue = []byte(call.Arg(0)); return nil },
		},
		{
			Name: "ancient_browser_value", In: browserPlaces, Syntax: "<value:string>", Default: "1", Repeat: true,
			Doc: "The value of `$ancient_browser` for ancient browsers.",
			Set: func(c *browserConf, call *conf.Call) error { c.ancientValue = []byte(call.Arg(0)); return nil },
		},
	},
	Variables: []http.Var{
		{
			Name: "modern_browser", Doc: "`modern_browser_value` if the browser is modern, else empty.", Cache: true, Changeable: true,
			Get: func(r *http.Request, _ string) http.Value {
				if c, ok := http.Kept[*browserConf](r.Loc); ok && c.isModern(r) {
					return http.Value{B: c.modernValue}
				}
				return http.Value{}
			},
		},
		{
			Name: "ancient_browser", Doc: "`ancient_browser_value` if the browser is ancient, else empty.", Cache: true, Changeable: true,
			Get: func(r *http.Request, _ string) http.Value {
				if c, ok := http.Kept[*browserConf](r.Loc); ok {
					if c.isModern(r) {
						return http.Value{}
					}
					return http.Value{B: c.ancientValue}
				}
				return http.Value{B: []byte("1")} // nobody is modern where nothing says so
			},
		},
		{
			Name: "msie", Doc: "`1` if the browser is MSIE of any version, else empty.", Cache: true, Changeable: true,
			Get: func(r *http.Request, _ string) http.Value {
				if field.IsMSIE(r.In.Get(field.UserAgent)) {
					return http.Value{B: []byte("1")}
				}
				return http.Value{}
			},
		},
	},
	Install: func(c *browserConf, in *http.Install) error {
		if in.Configured() {
			in.Keep(c.inOrder())
		}
		return nil
	},
})

const browserPlaces = conf.HTTP | conf.Server | conf.Location

// browserConf holds the settings of one block.
type browserConf struct {
	modern                    []modernBrowser
	ancient                   []string
	unlisted, netscape4       bool
	modernValue, ancientValue []byte
}

// A modernBrowser is a browser, and from which version on it is modern.
type modernBrowser struct {
	kind    int // number in browserKinds
	version uint64
}

// A browserKind tells where the version of a browser stands in its User-Agent.
type browserKind struct {
	name  string
	skip  int    // bytes at the beginning where the mark cannot be
	mark  string // what stands before the version
	ahead int    // bytes from the beginning of the mark to the version
}

// browserKinds are the browsers in the order in which they are looked for: Opera says that it is MSIE.
func browserKinds() [5]browserKind {
	return [...]browserKind{
		{"opera", 0, "Opera", len("Opera ")},
		{"msie", len("Mozilla/4.0 (compatible; "), "MSIE ", len("MSIE ")},
		{"gecko", len("Mozilla/5.0 ("), "rv:", len("rv:")},
		{"safari", len("Mozilla/5.0 ("), "Safari/", len("Safari/")},
		{"konqueror", len("Mozilla/5.0 (compatible; "), "Konqueror/", len("Konqueror/")},
	}
}

// neverModern is a version that no browser has.
const neverModern = 4001000000

func (c *browserConf) addModern(call *conf.Call) error {
	word := call.Arg(0)
	if call.Len() == 1 {
		if word != "unlisted" {
			return call.Errorf(0, "invalid parameter \"%s\": a version is missing, or it should be \"unlisted\"", word)
		}
		c.unlisted = true
		return nil
	}
	kinds := browserKinds()
	i := slices.IndexFunc(kinds[:], func(k browserKind) bool { return strings.EqualFold(k.name, word) })
	if i < 0 {
		return call.Errorf(0, "unknown browser name \"%s\"", word).Among(word, []string{"opera", "msie", "gecko", "safari", "konqueror"})
	}
	version, rest, _ := browserVersion([]byte(call.Arg(1)), ^uint64(0))
	if len(rest) > 0 {
		return call.Errorf(1, "invalid browser version \"%s\"", call.Arg(1))
	}
	c.modern = append(c.modern, modernBrowser{i, version})
	return nil
}

func (c *browserConf) addAncient(call *conf.Call) error {
	for _, w := range call.Args() {
		if w.Text == "netscape4" {
			c.netscape4 = true
		} else {
			c.ancient = append(c.ancient, w.Text)
		}
	}
	return nil
}

// inOrder returns the settings with the modern browsers in the order in which they are looked for. Opera is always among them, lest it be
// taken for MSIE.
func (c *browserConf) inOrder() *browserConf {
	own := *c
	own.modern = slices.Clone(c.modern)
	if len(own.modern) > 0 && !slices.ContainsFunc(own.modern, func(m modernBrowser) bool { return m.kind == 0 }) {
		own.modern = append(own.modern, modernBrowser{0, neverModern})
	}
	slices.SortStableFunc(own.modern, func(a, b modernBrowser) int { return a.kind - b.kind })
	return &own
}

// browserVersion reads numbers with dots between them, up to anything else. Each number but the first counts for a hundredth of the one
// before: 5.5 is 5050000. It ends early at a dot when the version is above enough.
func browserVersion(b []byte, enough uint64) (version uint64, rest []byte, above bool) {
	number, scale := uint64(0), uint64(1000000)
	for i, c := range b {
		switch {
		case '0' <= c && c <= '9':
			number = number*10 + uint64(c-'0')
		case c == '.':
			version += number * scale
			if version > enough {
				return version, b[i:], true
			}
			number, scale = 0, scale/100
		default:
			return version + number*scale, b[i:], false
		}
	}
	return version + number*scale, nil, false
}

// isModern reports whether the browser of a request is modern.
func (c *browserConf) isModern(r *http.Request) bool {
	if !r.In.Has(field.UserAgent) {
		return c.unlisted
	}
	ua := r.In.Get(field.UserAgent)
	kinds := browserKinds()
	for _, m := range c.modern {
		k := &kinds[m.kind]
		if len(ua) <= k.skip {
			continue
		}
		at := bytes.Index(ua[k.skip:], []byte(k.mark))
		if at < 0 || k.skip+at+k.ahead >= len(ua) {
			continue
		}
		version, _, above := browserVersion(ua[k.skip+at+k.ahead:], m.version)
		return above || version >= m.version
	}
	if !c.unlisted {
		return false
	}
	if c.netscape4 && len(ua) > len("Mozilla/4.72 ") && bytes.HasPrefix(ua, []byte("Mozilla/")) && '0' < ua[8] && ua[8] < '5' {
		return false
	}
	return !slices.ContainsFunc(c.ancient, func(s string) bool { return bytes.Contains(ua, []byte(s)) })
}
