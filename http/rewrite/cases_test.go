package rewrite_test

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"weir/http"
	"weir/http/filter"
	"weir/http/rewrite"
	"weir/weirtest/inside"
)

var update = flag.Bool("update", false, "write the answers into testdata")

// TestCases runs the files of testdata.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { inside.Cases(t, file, *update, modules()...) })
	}
}

// modules are those of this folder, and one that shows what they have made.
func modules() []*http.Module {
	return []*http.Module{
		rewrite.RealIP, rewrite.Geo, rewrite.Map, rewrite.SplitClients, rewrite.Referer, rewrite.Browser, rewrite.Rewrite, filter.Headers,
	}
}
