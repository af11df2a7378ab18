package status

import (
	"weir/cache"
	"weir/upstream"
	"weir/upstream/resolver"
)

func (c *call) eachCache(f func(*cache.Cache)) {
	for _, z := range c.zones {
		if one, ok := z.Declared.(*cache.Cache); ok {
			f(one)
		}
	}
}

func (c *call) caches() (all object) {
	c.eachCache(func(one *cache.Cache) {
		s := one.Status()
		o := object{{"size", s.Size}}
		if one.MaxSize > 0 {
			o = append(o, member{"max_size", one.MaxSize})
		}
		o = append(o, member{"cold", s.Cold})
		for _, x := range []struct {
			name   string
			of     cache.Outcome
			writes bool
		}{
			{"hit", cache.Hit, false},
			{"stale", cache.Stale, false},
			{"updating", cache.Updating, false},
			{"revalidated", cache.Revalidated, false},
			{"miss", cache.Miss, true},
			{"expired", cache.Expired, true},
			{"bypass", cache.Bypass, true},
		} {
			n := one.Counts(x.of)
			counts := object{{"responses", n.Responses}, {"bytes", n.Bytes}}
			if x.writes {
				counts = append(counts, member{"responses_written", n.Written}, member{"bytes_written", n.BytesWritten})
			}
			o = append(o, member{x.name, counts})
		}
		all = append(all, member{one.Name, o})
	})
	return all
}

func (c *call) resetCache(name string) {
	c.eachCache(func(one *cache.Cache) {
		if one.Name == name {
			one.ResetCounts()
		}
	})
}

// pageSize is what slabs are counted in.
const pageSize = 4096

// slabs are the zones of which is known how full they are: those of caches. The other tables make room by dropping what is oldest, row by
// row. There are no slots: entries all have one size.
func (c *call) slabs() (all object) {
	for _, z := range c.zones {
		one, ok := z.Declared.(*cache.Cache)
		if !ok {
			continue
		}
		st := one.Status()
		used := z.Size() * int64(st.Entries) / int64(max(st.Most, 1))
		pages := z.Size() / pageSize
		in := min((used+pageSize-1)/pageSize, pages)
		all = append(all, member{z.Name(), object{{"pages", object{{"used", in}, {"free", pages - in}}}, {"slots", object{}}}})
	}
	return all
}

func (c *call) eachResolver(f func(name string, s *resolver.Stats)) {
	for _, z := range c.zones {
		if s, ok := z.Kept().(*resolver.Stats); ok && z.Use() == upstream.ResolverZone {
			f(z.Name()[len(upstream.ResolverZone):], s)
		}
	}
}

func (c *call) resolvers() (all object) {
	c.eachResolver(func(name string, s *resolver.Stats) {
		all = append(all, member{name, object{
			{"requests", object{{"name", s.Names.Load()}, {"srv", s.Services.Load()}, {"addr", 0}}},
			{"responses", object{
				{"noerror", s.Good.Load()},
				{"formerr", s.Format.Load()},
				{"servfail", s.Server.Load()},
				{"nxdomain", s.NotFound.Load()},
				{"notimp", s.NotKnown.Load()},
				{"refused", s.Refused.Load()},
				{"timedout", s.TimedOut.Load()},
				{"unknown", s.Strange.Load()},
			}},
		}})
	})
	return all
}

func (c *call) resetResolver(name string) {
	c.eachResolver(func(one string, s *resolver.Stats) {
		if one == name {
			s.Reset()
		}
	})
}
