package access_test

import (
	"testing"

	"weir/http"
	"weir/http/access"
	"weir/weirtest/inside"
)

// BenchmarkRules asks five rules about a client.
func BenchmarkRules(b *testing.B) {
	s := inside.New(b, `server { location / { deny 192.0.2.0/24; deny 198.51.100.0/24; deny 203.0.113.0/24; allow 127.0.0.0/8; allow all; } }`, access.Access)
	s.Do(inside.Ask{Target: "/", Answer: func(r *http.Request) http.Verdict {
		b.ReportAllocs()
		for b.Loop() {
			for _, step := range r.Loc.Steps {
				if v := step(r); v != http.Next {
					b.Fatal(v)
				}
			}
		}
		return http.StatusNotFound
	}})
}
