package weir_test

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// depsRules says which package may import which; the notation is that of Go's own go/build/deps_test.go.
//
//	a < b      b may import a, and whatever a may import
//	a, b < c   c may import both; "NONE < a" begins
//	a !< b     b may never import a: guards the rules against their own growth
//
// The order is that of the street: arrows point down the page of ARCHITECTURE.md. Modules meet only through http.Request and
// cycle/modules.go; what two of them share moves down into http, vars or zone.
const depsRules = `
	# What the street stands on.
	NONE < conf < vars, zone;
	NONE < loop < disk, loop/looptest;
	vars, zone, disk < logs < load;
	NONE < http/route, http/field, http/url;
	load < logs/accesslog, client;
	client, http/route < lookup;

	# The street.
	load < certs;
	certs < listen, cache, upstream/resolver;
	upstream/resolver < upstream;
	listen, upstream, cache, lookup, logs/accesslog, http/field, http/url < http;
	http < http/core, http/ssl, http/h1, http/h2, http/h3, http/rewrite, http/access, http/content, http/filter, http/log;
	http/core < http/build;
	http/ssl, http/h1, http/h2 < http/proxy;
	listen, upstream, lookup, logs/accesslog < stream;
	http, stream < status;

	# What brings it to life.
	http/build, http/h3, http/rewrite, http/access, http/content, http/filter, http/log, http/proxy, status < cycle < master < cmd/weir;

	# Around it: these see the server from outside.
	NONE < weirtest < weirtest/script, weirtest/torture, weirtest/chaos, bench;
	# These are inside of it.
	cycle < weirtest/inside;
	http/build, http/log, http/proxy, weirtest < weirtest/wiretest;

	# A loop knows no protocol; what is shared knows no request.
	conf, vars, logs, zone, disk !< loop;
	conf, vars, logs, zone !< disk;
	http !< conf, vars, zone, logs, loop, disk, load, logs/accesslog, client, lookup, certs, listen, upstream, cache, http/route, http/field, http/url;
	stream !< http;
	http !< stream;
	# No module folder knows another.
	http/access, http/content, http/filter, http/proxy !< http/rewrite;
	http/rewrite, http/content, http/filter, http/proxy !< http/access;
	http/rewrite, http/access, http/filter, http/proxy !< http/content;
	http/rewrite, http/access, http/content, http/proxy !< http/filter;
	http/rewrite, http/access, http/content, http/filter !< http/proxy;
	http/h1 !< http/h2, http/h3;
	http/h2 !< http/h1, http/h3;
`

// wallRules names the only packages that may import some of the standard library: http, logs and the TLS of listen are weir's own words,
// and what handles a request must not fall into net/http by an editor's help. NOBODY is nobody.
const wallRules = `
	net/http < certs, status, cmd/weir;
	net/http/pprof < status;
	crypto/tls < certs, listen, upstream, http/ssl, http/proxy, stream, weirtest, weirtest/script, bench;
	log < NOBODY;
	testing < weirtest/script, weirtest/inside, weirtest/wiretest, loop/looptest;
	os/signal < cmd/weir;
`

// TestDependencies holds the imports of every package against the rules.
func TestDependencies(t *testing.T) {
	rules, err := parseRules(depsRules)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range rules.never {
		if rules.may[n.importer][n.imported] {
			t.Errorf("the rules let %s import %s, and forbid it", n.importer, n.imported)
		}
	}
	for pkg, imports := range importsOf(t, ".") {
		may, ok := rules.may[pkg]
		if !ok {
			t.Errorf("package %s has no rule in deps_test.go", pkg)
			continue
		}
		for imp, file := range imports {
			if imp, ours := strings.CutPrefix(imp, "weir/"); ours && !may[imp] {
				t.Errorf("%s: %s may not import %s", file, pkg, imp)
			}
		}
	}
}

// TestWall holds the imports of the walled-off standard packages against the list of those who may.
func TestWall(t *testing.T) {
	wall := map[string][]string{}
	for _, line := range statements(wallRules) {
		what, who, ok := strings.Cut(line, "<")
		if !ok {
			t.Fatalf("bad rule %q", line)
		}
		for _, w := range names(what) {
			wall[w] = names(who)
		}
	}
	for pkg, imports := range importsOf(t, ".") {
		for imp, file := range imports {
			if who, walled := wall[imp]; walled && !slices.Contains(who, pkg) {
				t.Errorf("%s: %s may not import %s; only %s may", file, pkg, imp, strings.Join(who, ", "))
			}
		}
	}
}

// TestRuleNotation sees that mistakes in the rules are noticed.
func TestRuleNotation(t *testing.T) {
	for _, bad := range []string{"a < b;", "NONE < a; NONE < a;", "NONE a;", "NONE < a < ;"} {
		if _, err := parseRules(bad); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
	r, err := parseRules("NONE < a < b, c; b < d; c !< d;")
	if err != nil {
		t.Fatal(err)
	}
	if may := slices.Sorted(maps.Keys(r.may["d"])); !slices.Equal(may, []string{"a", "b"}) {
		t.Errorf("d may import %v", may)
	}
	if len(r.never) != 1 || r.never[0] != (edge{"c", "d"}) {
		t.Errorf("never: %v", r.never)
	}
}

type edge struct{ imported, importer string }

type depRules struct {
	may   map[string]map[string]bool
	never []edge
}

// parseRules reads the notation. Every name on the left must have been introduced, and a name is introduced only once.
func parseRules(text string) (depRules, error) {
	r := depRules{may: map[string]map[string]bool{}}
	for _, line := range statements(text) {
		if left, right, ok := strings.Cut(line, "!<"); ok {
			for _, imported := range names(left) {
				for _, importer := range names(right) {
					r.never = append(r.never, edge{imported, importer})
				}
			}
			continue
		}
		parts := strings.Split(line, "<")
		if len(parts) < 2 {
			return r, fmt.Errorf("no arrow in %q", line)
		}
		for i := 1; i < len(parts); i++ {
			if err := r.allow(names(parts[i-1]), names(parts[i])); err != nil {
				return r, fmt.Errorf("%w in %q", err, line)
			}
		}
	}
	return r, nil
}

func (r depRules) allow(left, right []string) error {
	all := map[string]bool{}
	for _, l := range left {
		if l == "NONE" {
			continue
		}
		may, ok := r.may[l]
		if !ok {
			return fmt.Errorf("%s is used before its own rule", l)
		}
		all[l] = true
		maps.Copy(all, may)
	}
	if len(right) == 0 {
		return fmt.Errorf("nothing after <")
	}
	for _, n := range right {
		if r.may[n] != nil {
			return fmt.Errorf("%s has a second rule", n)
		}
		r.may[n] = maps.Clone(all)
	}
	return nil
}

func statements(text string) []string {
	var clean strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		clean.WriteString(strings.TrimSpace(line) + " ")
	}
	var all []string
	for s := range strings.SplitSeq(clean.String(), ";") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all
}

func names(list string) []string {
	var all []string
	for n := range strings.SplitSeq(list, ",") {
		if n = strings.TrimSpace(n); n != "" {
			all = append(all, n)
		}
	}
	return all
}

// importsOf reads the import clauses of every file of this module that is not a test, whatever its build tags: a rule that holds only on
// one platform is none. Folder to import to the file that has it. Modules of their own (tools) and testdata are left out.
func importsOf(t *testing.T, root string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root:
			_, mod := os.Stat(filepath.Join(path, "go.mod"))
			if mod == nil || d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(path))
		if all[pkg] == nil {
			all[pkg] = map[string]string{}
		}
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			all[pkg][name] = path
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFileLengths sees that files are as long as a module is: none has a handful of lines, but those of a platform or a build tag, and none
// has more than 400. Tests may have more, or less.
func TestFileLengths(t *testing.T) {
	const least, most = 20, 400
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text, name, lines := string(b), strings.TrimSuffix(filepath.Base(path), ".go"), bytes.Count(b, []byte("\n"))
		switch {
		case lines > most:
			t.Errorf("%s has %d lines: part it", path, lines)
		case lines >= least || name == "doc" || strings.HasPrefix(text, "//go:build "):
		case strings.HasSuffix(name, "_linux") || strings.HasSuffix(name, "_darwin") || strings.HasSuffix(name, "bsd"):
		default:
			t.Errorf("%s has %d lines: they belong elsewhere", path, lines)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
