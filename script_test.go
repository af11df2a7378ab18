package weir_test

import (
	"flag"
	"os"
	"testing"

	"weir/weirtest/script"
)

var update = flag.Bool("update", false, "write generated files anew instead of comparing them")

// TestScript runs testdata/script against weir, or against the binary that WEIR_BINARY names.
func TestScript(t *testing.T) {
	script.Run(t, "testdata/script")
}

// TestScriptH2 runs the same scripts over HTTP/2.
func TestScriptH2(t *testing.T) {
	script.RunH2(t, "testdata/script")
}

// TestManual keeps the scripts' manual true to the commands there are.
func TestManual(t *testing.T) {
	const path = "testdata/script/README.md"
	if *update {
		if err := os.WriteFile(path, []byte(script.Manual()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != script.Manual() {
		t.Errorf("%s is stale: go test . -run TestManual -update", path)
	}
}
