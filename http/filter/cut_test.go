package filter_test

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/http"
	"weir/http/filter"
	"weir/http/rewrite"
	"weir/weirtest/inside"
)

var update = flag.Bool("update", false, "write the answers into testdata")

// filters are the modules of this folder, in the order in which they see a response, behind those that give it something to work with.
func filters() []*http.Module {
	return []*http.Module{
		rewrite.Map, rewrite.Rewrite, filter.NotModified, filter.Headers, filter.UserID, filter.Gunzip, filter.Addition, filter.Sub, filter.Charset, filter.SSI,
		filter.CompressCache, filter.Gzip, filter.Brotli, filter.Zstd, filter.Range,
	}
}

// TestCases runs the files of testdata: every body is cut at every place.
func TestCases(t *testing.T) {
	time.Local = time.UTC // times of the day are local ones
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { inside.Cases(t, file, *update, filters()...) })
	}
}
