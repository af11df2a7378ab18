package load

import (
	"strings"

	"weir/conf"
)

// CheckZones adds errors for zones that are mentioned and never declared.
func (e *Env) CheckZones() {
	for _, z := range e.Zones.Unsized() {
		if e.InDoubt(func(word string) bool { return word == z.Name || strings.Contains(word, "="+z.Name+":") }) {
			continue
		}
		err := e.FirstSpot(z.At).Errorf("%v", z).Unplaced().Part(z.Name)
		e.Diags.Err(err.Among(z.Name, e.Zones.Sized(z.Use)))
	}
}

// InDoubt reports whether a word of a directive that has an error of its own, or stands inside one, may be what defines a
// name: then one error is enough.
func (e *Env) InDoubt(defines func(word string) bool) bool {
	found := false
	e.Tree.Main.WalkBad(func(n *conf.Node) {
		for _, w := range n.Words {
			found = found || defines(w.Text)
		}
	})
	return found
}

// FirstSpot is the first of some spots of the configuration, none when there is none.
func (e *Env) FirstSpot(at []any) conf.Spot {
	var spots []conf.Spot
	for _, p := range at {
		if spot, ok := p.(conf.Spot); ok && spot.Node.Pos().IsValid() {
			spots = append(spots, spot)
		}
	}
	if len(spots) == 0 {
		return conf.Spot{Arg: -1}
	}
	return e.Tree.First(spots)
}
