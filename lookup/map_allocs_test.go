//go:build !race

// The race detector allocates by itself.

package lookup

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"weir/conf"
	"weir/vars"
)

// TestLargeMap: a long map takes little more than its text.
func TestLargeMap(t *testing.T) {
	const lines = 100_000
	var b strings.Builder
	b.WriteString("map $text $mapped {\n")
	for i := range lines {
		fmt.Fprintf(&b, "/old/path/%d /new/path/%d;\n", i, i)
	}
	b.WriteString("}")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	table, d := read(t, conf.Outside{}, b.String())
	runtime.ReadMemStats(&after)
	if d.Failed() {
		t.Fatal(d)
	}
	took := int(after.TotalAlloc-before.TotalAlloc) - b.Len()
	if limit := b.Len() + 150*lines; took > limit {
		t.Errorf("%d bytes of text took %d more; at most %d are to be expected", b.Len(), took, limit)
	}
	s := &session{text: "/OLD/path/4711", slots: make([]vars.Value, table.Slots())}
	if got := string(table.Lookup("mapped").Get(s).B); got != "/new/path/4711" {
		t.Errorf("found %q", got)
	}
}
