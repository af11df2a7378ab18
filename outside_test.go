package weir_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// worldRules name the calls whose answer depends on which process asks, and the only files that may make them. A worker builds
// the configuration that its master has read with other rights: what it asks anew may be answered otherwise, so all of it goes
// by conf.Outside. The files below ask while serving, or before a configuration is read.
const worldRules = `
	os.Geteuid < conf/outside.go, master/control_linux.go;
	os.Getuid, os.Getgid, os.Getegid, os.Getgroups < NOBODY;
	os.Hostname < conf/outside.go, logs/syslog.go; # of a Syslog that no configuration asks for
	runtime.NumCPU < conf/outside.go;
	user.Lookup, user.LookupGroup < conf/outside.go;
	user.Current, user.LookupId, user.LookupGroupId < NOBODY;
	os.Getenv < cmd/weir/daemon.go, loop/loop.go, loop/scramble.go;
	os.LookupEnv < cmd/weir/main.go, master/notify.go, master/upgrade.go;
	os.Environ < cmd/weir/daemon.go, master/master.go;
	os.Getwd < cmd/weir/main.go;
	os.ReadFile < conf/outside.go, cmd/weir/demo.go, cmd/weir/signal.go, http/ssl_named.go;
	os.Stat, os.Lstat < NOBODY;
	os.ReadDir < cycle/process_linux.go;
	filepath.EvalSymlinks < disk/open.go;
	filepath.Glob < conf/load.go;
	net.LookupHost, net.LookupIP, net.LookupAddr, net.ResolveTCPAddr, net.ResolveUDPAddr < NOBODY;
	net.InterfaceAddrs, net.Resolver < conf/outside.go;
	net.Interfaces < NOBODY;
	unix.Getrlimit, syscall.Getrlimit, unix.Sysinfo, unix.Uname < NOBODY;
	conf.LookupHost < listen/addr.go, logs/syslog_conf.go, upstream/spec.go; # of words that no configuration has
`

// TestOutside holds every file of the server against the rules.
func TestOutside(t *testing.T) {
	may := map[string][]string{}
	for _, line := range statements(worldRules) {
		what, who, ok := strings.Cut(line, "<")
		if !ok {
			t.Fatalf("bad rule %q", line)
		}
		for _, call := range names(what) {
			may[call] = names(who)
		}
	}
	asked := map[string]map[string]bool{}
	for _, root := range []string{"conf", "vars", "zone", "logs", "loop", "disk", "listen", "upstream", "http", "cycle", "master", "cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			path = filepath.ToSlash(path)
			ast.Inspect(f, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				x, ok := s.X.(*ast.Ident)
				if !ok {
					return true
				}
				call := x.Name + "." + s.Sel.Name
				files, ruled := may[call]
				if !ruled {
					return true
				}
				if !slices.Contains(files, path) {
					t.Errorf("%s: %s is for %s only: a worker may get another answer than its master, ask conf.Outside", path, call, strings.Join(files, ", "))
				}
				if asked[call] == nil {
					asked[call] = map[string]bool{}
				}
				asked[call][path] = true
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for call, files := range may {
		for _, f := range files {
			if f != "NOBODY" && !asked[call][f] {
				t.Errorf("%s does not ask %s any more", f, call)
			}
		}
	}
}
