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
	os.Environ < cmd/weir/daemon.go, master/master.go, master/title.go;
	os.Getwd < cmd/weir/main.go;
	os.ReadFile < conf/outside.go, cmd/weir/demo.go, cmd/weir/signal.go, http/ssl/named.go, http/ssl/upstream_names.go;
	os.Stat < NOBODY;
	os.Lstat < disk/tree.go;
	os.ReadDir < cycle/process_linux.go, disk/tree.go;
	filepath.EvalSymlinks < disk/open.go, disk/replace.go;
	filepath.Glob < conf/load.go;
	net.LookupHost, net.LookupIP, net.LookupAddr, net.ResolveTCPAddr, net.ResolveUDPAddr < NOBODY;
	net.InterfaceAddrs, net.Resolver < conf/outside.go;
	net.Interfaces < NOBODY;
	unix.Getrlimit, syscall.Getrlimit, unix.Sysinfo, unix.Uname < NOBODY;
	conf.LookupHost < listen/addr.go, logs/syslog_conf.go, upstream/spec.go; # of words that no configuration has
`

// diskRules name the calls that touch files, which may wait for a disk, and the only files that may make them where loops run: a loop
// must not wait, so whoever serves touches files by package disk. Package loop has its sockets, and is not asked. Of cycle and master the files
// below do so before loops run, or on goroutines of their own.
const diskRules = `
	os.Open, os.OpenRoot, os.OpenInRoot, os.Create, os.DirFS, os.CopyFS < NOBODY;
	os.CreateTemp < master/memory_other.go;
	os.WriteFile < master/pid.go, master/worker.go;
	os.Mkdir, os.Chown < cycle/build.go; # of temporary files, before the cycle serves
	os.Readlink, os.MkdirTemp, os.RemoveAll, os.Link, os.Symlink, os.Truncate, os.Lchown < NOBODY;
	os.NewFile < master/channel.go, master/load.go, master/memory.go, master/memory_linux.go, master/upgrade.go;
	filepath.Walk, filepath.WalkDir < NOBODY;
	unix.Open < cycle/build.go; # -t tries the pid file
	unix.Openat, unix.Openat2, unix.Creat, unix.Access, unix.Faccessat, unix.Faccessat2 < NOBODY;
	unix.Fstat, unix.Fstatat, unix.Statx, unix.Statfs, unix.Fstatfs, unix.Readlink, unix.Readlinkat < NOBODY;
	unix.Lstat, unix.Chmod < listen/open.go; # of unix sockets, while addresses are opened
	unix.Fchmod, unix.Fchmodat, unix.Chown, unix.Fchown, unix.Fchownat, unix.Unlinkat < NOBODY;
	unix.Mkdirat, unix.Rename, unix.Renameat, unix.Renameat2, unix.Link, unix.Linkat, unix.Symlink, unix.Symlinkat < NOBODY;
	unix.Read, unix.Readv, unix.Pread, unix.Preadv, unix.Preadv2, unix.Getdents, unix.ReadDirent < NOBODY;
	unix.Write, unix.Writev, unix.Pwrite, unix.Pwritev, unix.Pwritev2, unix.Truncate, unix.Ftruncate < NOBODY;
	unix.Fsync, unix.Fdatasync, unix.Utimes, unix.Futimes, unix.UtimesNano, unix.UtimesNanoAt, unix.Flock < NOBODY;
	unix.Mmap < zone/memory.go; # of files in memory
	unix.Fallocate < zone/memory_linux.go; # which gives memory back
	unix.CopyFileRange < NOBODY;
	syscall.Open, syscall.Stat, syscall.Fstat, syscall.Lstat, syscall.Unlink, syscall.Rename, syscall.Mkdir < NOBODY;
	syscall.Read, syscall.Write, syscall.Pread, syscall.Pwrite < NOBODY;
	unix.Unlink < listen/open.go, cycle/build.go;
	os.Rename < master/upgrade.go;
	os.Remove < master/pid.go, master/memory_other.go;
	os.MkdirAll, os.Chmod, os.Chtimes, os.OpenFile < NOBODY;
	unix.Rmdir, unix.Stat, unix.Mkdir < NOBODY;
`

// TestOutside holds every file of the server against the rules of the world.
func TestOutside(t *testing.T) {
	checkCalls(t, worldRules, []string{"conf", "vars", "zone", "logs", "loop", "disk", "client", "lookup", "listen", "upstream", "http", "cycle", "master", "cmd"},
		"a worker may get another answer than its master, ask conf.Outside")
}

// TestDisk holds every file that runs on loops against the rules of the disk.
func TestDisk(t *testing.T) {
	checkCalls(t, diskRules, []string{"vars", "zone", "logs", "load", "client", "lookup", "certs", "cache", "listen", "upstream", "http", "cycle", "master"},
		"a loop must not wait for a disk, use package disk")
}

// checkCalls holds every file below the roots against rules of calls, and the rules against the files. why is said of a call that is
// not allowed.
func checkCalls(t *testing.T, rules string, roots []string, why string) {
	t.Helper()
	may := map[string][]string{}
	for _, line := range statements(rules) {
		what, who, ok := strings.Cut(line, "<")
		if !ok {
			t.Fatalf("bad rule %q", line)
		}
		for _, call := range names(what) {
			may[call] = names(who)
		}
	}
	asked := map[string]map[string]bool{}
	for _, root := range roots {
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
					t.Errorf("%s: %s is for %s only: %s", path, call, strings.Join(files, ", "), why)
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
