package http

import (
	"weir/conf"
	"weir/http/route"
)

// addLocations builds the location blocks of a block, and those inside them.
func (b *Builder) addLocations(s *Server, block *conf.Block, into *route.Locations[*Location]) {
	for _, node := range block.All("location") {
		if !node.OK() {
			continue
		}
		loc := b.locations.one()
		loc.Server = s
		kind, err := b.readLocation(loc, node)
		if err != nil {
			b.Diags.Err(err)
			continue
		}
		var match route.Matcher
		if loc.Pattern != nil {
			match = loc.Pattern
		}
		inside, err := into.Add(kind, loc.Name, match, loc)
		if err != nil {
			b.Diags.Error(node, 0, "%v", err)
			continue
		}
		b.inside = inside
		b.buildLocation(loc, node.Block)
		b.inside = nil
		b.addLocations(s, node.Block, inside)
	}
}

// readLocation reads "location [ = | ~ | ~* | ^~ ] name" and "location @name". The modifier may stand
// at the beginning of the name.
func (b *Builder) readLocation(loc *Location, node *conf.Node) (kind route.Kind, err error) {
	args := node.Args()
	name := args[0].Text
	mark := ""
	if len(args) == 2 {
		mark, name = args[0].Text, args[1].Text
	} else {
		mark, name = splitModifier(name)
	}
	loc.Name = name
	switch mark {
	case "":
		if len(name) > 0 && name[0] == '@' {
			loc.Named = true
			return route.Named, nil
		}
		return route.Prefix, nil
	case "=":
		loc.exact = true
		return route.Exact, nil
	case "^~":
		return route.NoRegexp, nil
	case "~", "~*":
		if loc.Pattern, err = b.Vars.Pattern(name, mark == "~*"); err != nil {
			return 0, ErrorAt(node, len(args)-1, "%v", err)
		}
		loc.slots, err = b.CaptureSlots(loc.Pattern)
		if err != nil {
			return 0, ErrorAt(node, len(args)-1, "%v", err)
		}
		return route.Regexp, nil
	}
	return 0, ErrorAt(node, 0, "invalid location modifier \"%s\"", mark)
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
