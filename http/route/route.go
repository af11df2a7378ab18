// Package route finds the server of a host name and the location of a URI. It is pure data: it knows
// neither requests nor configuration, and regular expressions come in as Matchers.
//
//	names := route.NewNames[*Server]()
//	names.Add("*.example.com", s)
//	names.Find(host, nil)
//
//	locs := route.NewLocations[*Location]()
//	inside, err := locs.Add(route.Prefix, "/img/", nil, a)
//	inside.Add(route.Regexp, `\.png$`, pattern, b)
//	locs.Finish()
//	locs.Find(uri, nil)
//
// Both searches allocate nothing.
package route

import "strings"

// A Matcher is a regular expression. It must be fit for use by any goroutine.
type Matcher interface {
	Match(s []byte) (bool, error)
}

// SplitModifier splits a word of a location block into its modifier, "" if there is none, and the name behind it.
func SplitModifier(word string) (mark, name string) {
	for _, m := range []string{"^~", "~*", "~", "="} {
		if name, ok := strings.CutPrefix(word, m); ok {
			return m, name
		}
	}
	return "", word
}
