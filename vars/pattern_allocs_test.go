//go:build !race

// The race detector empties sync.Pools at random, so these promises are kept without it.

package vars

import "testing"

func TestPatternAllocs(t *testing.T) {
	for _, tt := range patternTimes {
		p, err := CompilePattern(tt.src, tt.name == "agents")
		if err != nil {
			t.Fatal(err)
		}
		text, dst := []byte(tt.text), make([]int, 0, 32)
		if n := testing.AllocsPerRun(100, func() { p.Match(text) }); n != 0 {
			t.Errorf("%s: Match allocates %v times", tt.name, n)
		}
		want := 0.0
		if p.Engine() == "regexp" {
			want = 1
		}
		if n := testing.AllocsPerRun(100, func() { p.Find(dst, text) }); n > want {
			t.Errorf("%s: Find allocates %v times", tt.name, n)
		}
	}
}
