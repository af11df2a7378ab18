// Package docs has no code: its test writes the reference manual from the table of directives, and
// holds what people have written against the server.
package docs

//go:generate go test . -run Generated -update

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"weir/cycle"
)

var update = flag.Bool("update", false, "write the generated pages anew instead of comparing them")

// root is the module's folder, in which the paths of pages are.
const root = ".."

// TestGenerated compares every generated page with its file, and finds files that no page is left for.
func TestGenerated(t *testing.T) {
	pages := cycle.Table().Pages()
	pages["docs/unsupported.md"] = unsupported(cycle.Table())
	pages["docs/variables.md"] = variables(cycle.Variables())
	for _, path := range slices.Sorted(maps.Keys(pages)) {
		file := filepath.Join(root, path)
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(pages[path]), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if have, _ := os.ReadFile(file); string(have) != pages[path] {
			t.Errorf("%s is stale: go test ./docs -run Generated -update", path)
		}
	}
	files, err := filepath.Glob(filepath.Join(root, "docs", "directives", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		path, _ := filepath.Rel(root, file)
		switch _, made := pages[filepath.ToSlash(path)]; {
		case made:
		case *update:
			if err := os.Remove(file); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("%s is of no module: go test ./docs -run Generated -update", path)
		}
	}
}

// TestTable asks the table what is wrong with it.
func TestTable(t *testing.T) {
	table := cycle.Table()
	for _, p := range table.Problems() {
		t.Errorf("problem: %s", p)
	}
	for _, p := range table.Misfits() {
		t.Errorf("misfit: %s", p)
	}
	for _, m := range table.Modules() {
		for _, e := range m.Entries {
			if e.Doc == "" || e.Summary() == "" {
				t.Errorf("%s: %s has no Doc", m.Name, e.Name)
			}
		}
	}
}

// TestNames finds words in the manual that look like a directive and are none: a text that several modules share names its
// neighbours with their prefix.
func TestNames(t *testing.T) {
	table := cycle.Table()
	name := regexp.MustCompile("`([a-z]+(?:_[a-z]+)+)`")
	for _, m := range table.Modules() {
		for _, e := range m.Entries {
			for _, found := range name.FindAllStringSubmatch(e.Doc, -1) {
				if word := found[1]; table.Known()[word] == nil && table.Entry(word) == nil && !strings.Contains(e.Syntax, word) {
					t.Errorf("%s: there is no directive %s", e.Name, word)
				}
			}
		}
	}
}

// TestPlaces wants a word in compatibility.md about each directive that weir takes where nginx does not.
func TestPlaces(t *testing.T) {
	text, err := os.ReadFile("compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range cycle.Table().Misplaced() {
		name, _, _ := strings.Cut(m, ":")
		if strings.Contains(m, "not in nginx in") && !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("%s, and compatibility.md does not say why", m)
		}
	}
}
