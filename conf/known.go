package conf

import (
	_ "embed"
	"strings"
)

// knownText has a line for each directive name of nginx: name, places, and marks.
//
//go:embed known.txt
var knownText string

// Known is what weir knows of a directive of nginx that may not be in the table.
type Known struct {
	Name  string
	In    Context
	Block bool
	Plus  bool // of the commercial NGINX Plus only
}

func (k *Known) note() string {
	if k.Plus {
		return "nginx has it in NGINX Plus only"
	}
	return ""
}

// readKnown parses known.txt: "name place,place [block] [plus]". A name may have several lines.
func readKnown() map[string]*Known {
	known := make(map[string]*Known)
	for line := range strings.Lines(knownText) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0][0] == '#' {
			continue
		}
		k := known[words[0]]
		if k == nil {
			k = &Known{Name: words[0]}
			known[k.Name] = k
		}
		for place := range strings.SplitSeq(words[1], ",") {
			k.In |= contextByWord(place)
		}
		for _, mark := range words[2:] {
			k.Block = k.Block || mark == "block"
			k.Plus = k.Plus || mark == "plus"
		}
	}
	return known
}

// Known returns nginx's directives by name, whether weir has them or not.
func (t *Table) Known() map[string]*Known { return t.known }
