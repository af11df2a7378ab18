//go:build !race

// The race detector allocates by itself.

package lookup

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"weir/conf"
	"weir/vars"
)

// allocated reads directives, and returns how many bytes were allocated besides the text.
func allocated(t *testing.T, text string) (table *vars.Table[*session], bytes int) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	table, d := read(t, conf.Outside{}, text)
	runtime.ReadMemStats(&after)
	if d.Failed() {
		t.Fatal(d)
	}
	return table, int(after.TotalAlloc-before.TotalAlloc) - len(text)
}

const manyLines = 100_000

// TestLargeMap: a long map takes little more than its text.
func TestLargeMap(t *testing.T) {
	var b strings.Builder
	b.WriteString("map $text $mapped {\n")
	for i := range manyLines {
		fmt.Fprintf(&b, "/old/path/%d /new/path/%d;\n", i, i)
	}
	b.WriteString("}")
	table, took := allocated(t, b.String())
	if limit := b.Len() + 170*manyLines; took > limit {
		t.Errorf("%d bytes of text took %d more; at most %d are to be expected", b.Len(), took, limit)
	}
	s := &session{text: "/OLD/path/4711", slots: make([]vars.Value, table.Slots())}
	if got := string(table.Lookup("mapped").Get(s).B); got != "/new/path/4711" {
		t.Errorf("found %q", got)
	}
}

// TestLargeGeo: so does a long list of networks.
func TestLargeGeo(t *testing.T) {
	var b strings.Builder
	b.WriteString("geo $geo {\n")
	for i := range manyLines {
		fmt.Fprintf(&b, "10.%d.%d.%d/31 C%d;\n", i>>15, i>>7&255, i<<1&255, i%200)
	}
	b.WriteString("}")
	table, took := allocated(t, b.String())
	if limit := b.Len() + 120*manyLines; took > limit {
		t.Errorf("%d bytes of text took %d more; at most %d are to be expected", b.Len(), took, limit)
	}
	s := &session{addr: netip.MustParseAddr("10.0.1.1"), slots: make([]vars.Value, table.Slots())}
	if got := string(table.Lookup("geo").Get(s).B); got != "C128" {
		t.Errorf("found %q", got)
	}
}
