package conf

import (
	_ "embed"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// knownText has a line for each directive of nginx: see its head.
//
//go:embed known.txt
var knownText string

// Known is what weir knows of a directive of nginx that may not be in the table.
type Known struct {
	Name  string
	In    Context
	Block bool // in some place
	Plus  bool // of the commercial NGINX Plus only
	forms []knownForm
}

// knownForm is the number of arguments in some places.
type knownForm struct {
	in    Context
	takes string // "1", "1-2", "1-", "1,3" or "?"
}

func (k *Known) note() string {
	if k.Plus {
		return "nginx has it in NGINX Plus only"
	}
	return ""
}

// out names the module of a directive that weir leaves out for good, and says what to do instead; the name is empty for any other.
func (k *Known) out() (module, instead string) {
	switch word, _, _ := strings.Cut(k.Name, "_"); {
	case strings.HasPrefix(k.Name, "image_filter"):
		return "image_filter", "have images changed by a server behind \"proxy_pass\", such as imgproxy"
	case word == "xslt", k.Name == "xml_entities", k.Name == "xml_external_entities":
		return "xslt", "have XML transformed by the application"
	case word == "geoip":
		return "geoip", "MaxMind has given up its format: use \"geoip2\" with a database in the newer one, such as GeoLite2-Country.mmdb"
	case word == "perl":
		return "perl", "\"map\", \"rewrite\" and \"auth_request\" do much of what it is used for; else the application"
	}
	return "", ""
}

// readKnown parses known.txt. A name may have several lines.
func readKnown() map[string]*Known {
	known := make(map[string]*Known, 1024)
	for line := range strings.Lines(knownText) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0][0] == '#' {
			continue
		}
		k := known[words[0]]
		if k == nil {
			k = &Known{Name: words[0], Plus: true} // until a line says otherwise
			known[k.Name] = k
		}
		f := knownForm{takes: words[2]}
		for place := range strings.SplitSeq(words[1], ",") {
			f.in |= contextByWord(place)
		}
		k.In |= f.in
		k.forms = append(k.forms, f)
		k.Block = k.Block || slices.Contains(words[3:], "block")
		k.Plus = k.Plus && slices.Contains(words[3:], "plus")
	}
	return known
}

// Known returns nginx's directives by name, whether weir has them or not.
func (t *Table) Known() map[string]*Known { return t.known() }

// accepts reports whether nginx takes n arguments; sure is false when that was not looked up.
func (f knownForm) accepts(n int) (ok, sure bool) {
	for part := range strings.SplitSeq(f.takes, ",") {
		low, high, dash := strings.Cut(part, "-")
		from, err := strconv.Atoi(low)
		if err != nil {
			return false, false
		}
		to := from
		if dash {
			to, _ = strconv.Atoi(high)
			if high == "" {
				to = n
			}
		}
		if n >= from && n <= to {
			return true, true
		}
	}
	return false, true
}

// takes reports whether some form of the syntax line takes n arguments.
func (g *grammar) takes(n int) bool {
	for _, f := range g.forms {
		if n >= f.min && (f.max < 0 || n <= f.max) {
			return true
		}
	}
	return false
}

// maxCompared is up to how many arguments Misfits compares.
const maxCompared = 7

// Misfits compares the numbers of arguments with nginx's own, for a test. A Syntax that takes fewer
// words than nginx is no misfit when nginx takes any number: there the rest is for it to refuse.
func (t *Table) Misfits() []string {
	var list []string
	for _, m := range t.modules {
		for _, e := range m.Entries {
			if k := t.known()[e.Name]; k != nil {
				list = append(list, e.misfits(k)...)
			}
		}
	}
	sort.Strings(list)
	return list
}

func (e *Entry) misfits(k *Known) []string {
	var list []string
	for _, f := range k.forms {
		if f.in&e.In == 0 {
			continue
		}
		for n := 0; n <= maxCompared; n++ {
			ok, sure := f.accepts(n)
			if !sure || e.grammar.takes(n) == ok || ok && strings.HasSuffix(f.takes, "-") {
				continue
			}
			list = append(list, fmt.Sprintf("%s (%s): nginx takes %s arguments, not so with %q: %d", e.Name, f.in&e.In, f.takes, e.Syntax, n))
			break
		}
	}
	return list
}
