package build

import (
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/route"
	"weir/load"
	"weir/vars"
)

// addLocations builds the location blocks of a block, and those inside them.
func (b *Builder) addLocations(s *http.Server, block *conf.Block, into *route.Locations[*http.Location]) {
	for _, node := range block.All("location") {
		loc := b.slabs.locations.one()
		kind := load.The[locationHeads](b.Env).take(node, loc)
		loc.Server = s
		var match route.Matcher
		if loc.Pattern != nil {
			match = loc.Pattern
		}
		inside, err := into.Add(kind, loc.Name, match, loc)
		if err != nil {
			b.Diags.Err(conf.Spot{Node: node, Arg: len(node.Args()) - 1}.Errorf("%v", err).After(b.sameLocation(block, node)))
			continue
		}
		b.inside = inside
		b.buildLocation(loc, node.Block)
		b.inside = nil
		b.addLocations(s, node.Block, inside)
	}
}

// locationHeads are the words of location blocks, read. Locations are made when all that stands in them is known.
type locationHeads struct{ byNode map[*conf.Node]locationHead }

type locationHead struct {
	name    string
	kind    route.Kind
	pattern *vars.Pattern
	slots   []int
}

func (l *locationHeads) take(node *conf.Node, loc *http.Location) route.Kind {
	h := l.byNode[node]
	loc.Name, loc.Pattern, loc.Slots = h.name, h.pattern, h.slots
	loc.Named, loc.Exact = h.kind == route.Named, h.kind == route.Exact
	return h.kind
}

// DeclareLocation reads the words of a location block.
func DeclareLocation(call *conf.Call) error {
	h, err := readLocation(http.Env(call), call.Node)
	if err != nil {
		return err
	}
	l := load.The[locationHeads](load.Of(call))
	if l.byNode == nil {
		l.byNode = map[*conf.Node]locationHead{}
	}
	l.byNode[call.Node] = h
	return nil
}

// sameLocation is the location of a block that stands before node and has its words, nil when it is no duplicate.
func (b *Builder) sameLocation(block *conf.Block, node *conf.Node) *conf.Node {
	heads := load.The[locationHeads](b.Env).byNode
	for _, first := range block.All("location") {
		if first == node {
			break
		}
		if h, mine := heads[first], heads[node]; h.name == mine.name && h.kind != route.Regexp && (h.kind == route.Exact) == (mine.kind == route.Exact) {
			return first
		}
	}
	return nil
}

// readLocation reads "location [ = | ~ | ~* | ^~ ] name" and "location @name". The modifier may stand
// at the beginning of the name.
func readLocation(b *http.Builder, node *conf.Node) (h locationHead, err error) {
	args := node.Args()
	name := args[0].Text
	mark := ""
	if len(args) == 2 {
		mark, name = args[0].Text, args[1].Text
	} else {
		mark, name = route.SplitModifier(name)
	}
	h.name, h.kind = name, route.Prefix
	if mark == "" && len(args) == 1 {
		if strings.HasPrefix(name, "@") {
			h.kind = route.Named
		}
		return h, nil
	}
	switch mark {
	case "=":
		h.kind = route.Exact
	case "^~":
		h.kind = route.NoRegexp
	case "~", "~*":
		h.kind = route.Regexp
		if h.pattern, err = b.Vars.Pattern(name, mark == "~*"); err == nil {
			h.slots, err = b.Vars.DefineGroups(h.pattern)
		}
		if err != nil {
			return h, http.ErrorAt(node, len(args)-1, "%v", err)
		}
	default:
		return h, http.ErrorAt(node, 0, "invalid location modifier \"%s\"", mark)
	}
	return h, nil
}
