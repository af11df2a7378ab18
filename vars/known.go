package vars

import (
	_ "embed"
	"strings"
)

// knownText lists nginx's variables: see its head.
//
//go:embed known.txt
var knownText string

// A Known is a variable of nginx's, whether weir has it or not.
type Known struct {
	Name   string // "host"; a name ending in "_" is a family
	Module string // nginx's name without ngx_ and _module: "http_core"
	Plus   bool   // of the commercial NGINX Plus only
}

// AllKnown returns nginx's variables, in the order of known.txt: of http first, then of stream. It reads the list anew each time, as
// only manuals and errors need it. Any goroutine.
func AllKnown() []Known {
	var all []Known
	for line := range strings.Lines(knownText) {
		head, names, ok := strings.Cut(line, ":")
		if !ok || head[0] == '#' {
			continue
		}
		module, plus := strings.CutSuffix(head, " plus")
		for name := range strings.FieldsSeq(names) {
			all = append(all, Known{Name: name, Module: module, Plus: plus})
		}
	}
	return all
}

// FindKnown returns nginx's variable of a name, in any case and without "$": itself, or the family with the longest prefix. The street
// is "http" or "stream". Any goroutine.
func FindKnown(street, name string) (Known, bool) {
	name = lower(name)
	var best Known
	for _, k := range AllKnown() {
		if !strings.HasPrefix(k.Module, street+"_") {
			continue
		}
		if k.Name == name {
			return k, true
		}
		if strings.HasSuffix(k.Name, "_") && strings.HasPrefix(name, k.Name) && len(k.Name) > len(best.Name) {
			best = k
		}
	}
	return best, best.Name != ""
}
