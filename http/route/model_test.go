package route

import (
	"math/rand"
	"strings"
	"testing"
)

// place is the naive model's location.
type place struct {
	kind    Kind
	name    string
	m       Matcher
	slash   bool
	kids    []*place
	id, lvl int
}

// seek is the rules of Find said by looking at every location.
func seek(kids []*place, uri string, inRegexp bool) (found *place, final, redirect bool) {
	for _, p := range kids {
		if !inRegexp && p.kind == Exact && p.name == uri {
			return p, true, false
		}
	}
	equal := false
	for _, p := range kids {
		if inRegexp || p.kind != Prefix && p.kind != NoRegexp {
			continue
		}
		equal = equal || p.name == uri
		if strings.HasPrefix(uri, p.name) && (found == nil || len(found.name) < len(p.name)) {
			found = p
		}
	}
	if !equal && !inRegexp {
		var short *place
		for _, p := range kids {
			if p.name == uri+"/" && p.kind != Regexp && (short == nil || p.kind == Exact) {
				short = p
			}
			redirect = redirect || p.name == uri+"/" && p.kind != Regexp && p.slash
		}
		if redirect {
			return short, true, true
		}
	}
	if found != nil {
		in, final, redirect := seek(found.kids, uri, false)
		if in != nil && final {
			return in, true, redirect
		}
		silent := found.kind == NoRegexp
		if in != nil {
			found = in
		}
		if silent {
			return found, false, false
		}
	}
	for _, p := range kids {
		if p.kind != Regexp {
			continue
		}
		if ok, _ := p.m.Match([]byte(uri)); ok {
			if in, _, _ := seek(p.kids, uri, true); in != nil {
				return in, true, false
			}
			return p, true, false
		}
	}
	return found, false, false
}

// scatter adds random locations to both and returns the model.
func scatter(rnd *rand.Rand, l *Locations[int], prefix string, lvl int, id *int) []*place {
	var kids []*place
	for range rnd.Intn(8) {
		*id++
		p := &place{id: *id, lvl: lvl, kind: Kind(rnd.Intn(4)), name: prefix + word(rnd)}
		if p.kind == Regexp {
			p.name = word(rnd)
			p.m = compile(p.name)
		}
		in, err := l.Add(p.kind, p.name, p.m, p.id)
		if err != nil {
			continue
		}
		if rnd.Intn(2) == 0 && strings.HasSuffix(p.name, "/") {
			p.slash = true
			in.AutoRedirect()
		}
		if lvl < 3 && p.kind != Exact {
			p.kids = scatter(rnd, in, p.name, lvl+1, id)
		}
		kids = append(kids, p)
	}
	return kids
}

func word(rnd *rand.Rand) string {
	b := make([]byte, rnd.Intn(4))
	for i := range b {
		b[i] = "ab/"[rnd.Intn(3)]
	}
	return string(b)
}

func TestFindLikeModel(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for round := range 4000 {
		l := NewLocations[int]()
		id := 0
		model := scatter(rnd, l, "", 0, &id)
		l.Finish()
		for range 30 {
			uri := word(rnd) + word(rnd) + word(rnd)
			want, _, redirect := seek(model, uri, false)
			got, err := l.Find([]byte(uri), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got.OK != (want != nil) || got.OK && (got.Loc != want.id || got.AutoRedirect != redirect) {
				t.Fatalf("round %d, uri %q: got %+v, want %+v, redirect %v", round, uri, got, want, redirect)
			}
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("/\n^~ /a\n= /b\n/c/ 301", "/c")
	f.Fuzz(func(t *testing.T, names, uri string) {
		l := NewLocations[int]()
		var model []*place
		for i, name := range strings.Split(names, "\n") {
			if strings.HasPrefix(name, "~ ") {
				continue // only the static rules are fuzzed here
			}
			kind, name, _, slash := parse(name)
			if kind == Named {
				continue
			}
			in, err := l.Add(kind, name, nil, i)
			if err != nil {
				continue
			}
			if slash = slash && strings.HasSuffix(name, "/"); slash {
				in.AutoRedirect()
			}
			model = append(model, &place{id: i, kind: kind, name: name, slash: slash})
		}
		l.Finish()
		got, _ := l.Find([]byte(uri), nil)
		want, _, redirect := seek(model, uri, false)
		if got.OK != (want != nil) || got.OK && (got.Loc != want.id || got.AutoRedirect != redirect) {
			t.Fatalf("got %+v, want %+v, redirect %v", got, want, redirect)
		}
	})
}
