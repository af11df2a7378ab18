package http

import (
	"weir/conf"
	"weir/http/route"
	"weir/vars"
)

// addLocations builds the location blocks of a block, and those inside them.
func (b *Builder) addLocations(s *Server, block *conf.Block, into *route.Locations[*Location]) {
	for _, node := range block.All("location") {
		loc := b.locations.one()
		kind := Of[locationHeads](b).take(node, loc)
		loc.Server = s
		var match route.Matcher
		if loc.Pattern != nil {
			match = loc.Pattern
		}
		inside, err := into.Add(kind, loc.Name, match, loc)
		if err != nil {
			b.Diags.Err(conf.Place{Node: node, Arg: len(node.Args()) - 1}.Errorf("%v", err).After(b.sameLocation(block, node)))
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

func (l *locationHeads) take(node *conf.Node, loc *Location) route.Kind {
	h := l.byNode[node]
	loc.Name, loc.Pattern, loc.slots = h.name, h.pattern, h.slots
	loc.Named, loc.exact = h.kind == route.Named, h.kind == route.Exact
	return h.kind
}

// DeclareLocation reads the words of a location block.
func DeclareLocation(call *conf.Call) error {
	b := Env(call)
	h, err := b.readLocation(call.Node)
	if err != nil {
		return err
	}
	l := Of[locationHeads](b)
	if l.byNode == nil {
		l.byNode = map[*conf.Node]locationHead{}
	}
	l.byNode[call.Node] = h
	return nil
}

// sameLocation is the location of a block that stands before node and has its words, nil when it is no duplicate.
func (b *Builder) sameLocation(block *conf.Block, node *conf.Node) *conf.Node {
	heads := Of[locationHeads](b).byNode
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
func (b *Builder) readLocation(node *conf.Node) (h locationHead, err error) {
	args := node.Args()
	name := args[0].Text
	mark := ""
	if len(args) == 2 {
		mark, name = args[0].Text, args[1].Text
	} else {
		mark, name = splitModifier(name)
	}
	h.name, h.kind = name, route.Prefix
	switch mark {
	case "":
		if len(name) > 0 && name[0] == '@' {
			h.kind = route.Named
		}
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
			return h, ErrorAt(node, len(args)-1, "%v", err)
		}
	default:
		return h, ErrorAt(node, 0, "invalid location modifier \"%s\"", mark)
	}
	return h, nil
}

func splitModifier(word string) (mark, name string) {
	for _, m := range []string{"^~", "~*", "~", "="} {
		if len(word) > len(m) && word[:len(m)] == m {
			return m, word[len(m):]
		}
	}
	return "", word
}

// locate finds the location of the URI; the server itself holds what is in no location.
func (r *Request) locate() (loc *Location, redirect bool, err error) {
	if r.debug {
		r.Server.Locations.Passed(r.URI, func(name string) { r.Debugf("test location: \"%s\"", name) })
	}
	found, err := r.Server.Locations.Find(r.URI, r.tryLocation)
	if err != nil {
		return nil, false, err
	}
	if !found.OK {
		return r.Server.Root, false, nil
	}
	return found.Loc, found.AutoRedirect, nil
}

// matchLocation asks a location's regular expression, keeping its captures.
func (r *Request) matchLocation(loc *Location, uri []byte) (bool, error) {
	if r.debug {
		r.Debugf("test location: ~ \"%s\"", loc.Name)
	}
	return r.MatchPattern(loc.Pattern, loc.slots, uri)
}
