package build

import (
	"errors"
	"strings"

	"weir/conf"
	"weir/vars"
)

// CheckNames adds errors for variables that are used and never defined. It may run more than once.
func (b *Builder) CheckNames() {
	for _, err := range b.Vars.Finish() {
		var unknown *vars.UnknownError
		if !errors.As(err, &unknown) {
			b.Diags.Err(err)
			continue
		}
		name := unknown.Name
		defines := func(word string) bool { // as an argument, or as a group of a regular expression
			word = strings.ToLower(word)
			return word == "$"+name || word == "${"+name+"}" || strings.Contains(word, "<"+name+">")
		}
		if !b.InDoubt(defines) {
			b.Diags.Err(b.unknownVariable(name, unknown.At))
		}
	}
}

// unknownVariable is the error for a name that nobody defines.
func (b *Builder) unknownVariable(name string, at []any) *conf.Error {
	place := b.FirstSpot(at)
	known, ok := vars.FindKnown("http", name)
	if !ok {
		names := b.Vars.Names()
		for i := range names {
			names[i] = "$" + names[i]
		}
		return place.Errorf("unknown \"%s\" variable", name).Unplaced().Part(name).Among("$"+name, names)
	}
	e := place.Errorf("\"%s\" variable is known to nginx but not supported by weir yet", name).Part(name)
	if known.Plus {
		return e.Hintf("nginx has it in NGINX Plus only")
	}
	return e
}
