package conf

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOracle compares the verdict and the first error with nginx's, where nginx is installed.
// WEIR_NGINX names another binary.
func TestOracle(t *testing.T) {
	nginx := os.Getenv("WEIR_NGINX")
	if nginx == "" {
		var err error
		if nginx, err = exec.LookPath("nginx"); err != nil {
			t.Skip("no nginx here")
		}
	}
	for _, c := range readCases(t, "testdata/oracle.txt") {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			main := writeFiles(t, dir, c.config)
			want := firstError(nginxSays(t, nginx, dir, main))
			tree, diags := Load(main, LoadOptions{Prefix: dir})
			table := NewTable(testModules()...)
			table.Check(tree, diags)
			settleAll(table, tree, diags)
			var b bytes.Buffer
			diags.Print(&b, "weir")
			if got := firstError(b.String()); got != want {
				t.Errorf("\nnginx: %s\nweir:  %s", want, got)
			}
		})
	}
}

func nginxSays(t *testing.T, nginx, dir, main string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command(nginx, "-t", "-e", "logs/error.log", "-p", dir, "-c", main).CombinedOutput()
	return string(out)
}

// firstError is the first error line from the level on, or "ok".
func firstError(out string) string {
	for line := range strings.Lines(out) {
		if i := strings.Index(line, "[emerg]"); i >= 0 {
			return strings.TrimSpace(line[i:])
		}
		if i := strings.Index(line, "[crit]"); i >= 0 {
			return strings.TrimSpace(line[i:])
		}
	}
	return "ok"
}

// writeFiles writes the files of a case: "-- name --" begins another one. It returns the path of
// the first.
func writeFiles(t *testing.T, dir, config string) string {
	t.Helper()
	files := splitFiles(config)
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0].name)
}

// settleAll resolves the settings of every block, so that every Set has run.
func settleAll(table *Table, tree *Tree, d *Diagnostics) {
	scopes := table.NewScopes(tree, nil, d)
	settle := func(b *Block) {
		for _, m := range table.Modules() {
			scopes.Any(m, b)
		}
	}
	settle(tree.Main)
	tree.Main.Walk(func(n *Node) bool {
		if n.Block != nil && n.OK() {
			settle(n.Block)
		}
		return n.Block != nil && n.OK()
	})
}
