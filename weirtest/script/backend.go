package script

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"weir/weirtest"
)

var backendNameRE = regexp.MustCompile(`^[A-Z][A-Z0-9]*$`)

func runBackend(r *run, args []string) {
	unix, secure := false, ""
	for len(args) > 1 && (args[0] == "-unix" || args[0] == "-tls") {
		if args[0] == "-tls" {
			secure = args[1]
			args = args[1:]
		}
		unix = unix || args[0] == "-unix"
		args = args[1:]
	}
	if len(args) < 2 || !backendNameRE.MatchString(args[0]) {
		r.fail("a back end needs a name in capitals and a kind")
	}
	name, kind, rest := args[0], args[1], args[2:]
	if r.backends[name] != nil || r.names[name] != "" {
		r.fail("the name %s is taken", name)
	}
	addr := "unix:" + filepath.Join(r.dir, name+".sock")
	if !unix {
		var err error
		addr, err = r.ports.Take()
		r.must(err)
	}
	if kind == "file" && len(rest) == 1 {
		rest = []string{r.ts.MkAbs(rest[0])}
	}
	b, err := weirtest.StartBackend(name, addr, kind, rest...)
	r.must(err)
	if secure != "" {
		r.needsPlain()
		r.must(b.Secure(r.dir, secure))
	}
	r.backends[name], r.names[name] = b, addr
	r.ts.Setenv(name, addr)
}

func (r *run) backend(name string) *weirtest.Backend {
	b := r.backends[name]
	if b == nil {
		r.fail("no back end is called %q", name)
	}
	return b
}

// needsPlain skips a script that needs TLS, where connections have another layer already.
func (r *run) needsPlain() {
	if weirtest.Scramble {
		r.skip("TLS cannot stand on a connection that is scrambled")
	}
}

func runDown(r *run, args []string) { r.backend(args[0]).Down() }

func runUp(r *run, args []string) { r.must(r.backend(args[0]).Up()) }

func runGot(r *run, args []string) {
	b := r.backend(args[0])
	re, err := regexp.Compile(args[1])
	r.must(err)
	has := func() bool {
		return slices.ContainsFunc(b.Requests(), func(q weirtest.Received) bool {
			return re.MatchString(q.TLS + string(q.Head) + string(q.Body))
		})
	}
	ok := false
	if r.neg {
		ok = has()
	} else {
		ok = weirtest.Eventually(has)
	}
	last := "nothing"
	if all := b.Requests(); len(all) > 0 {
		q := all[len(all)-1]
		last = strconv.Quote(q.TLS + string(q.Head) + string(q.Body))
	}
	r.want(ok, "a request at %s that matches %q; its last is %.1000s", args[0], re, last)
}

func runCount(r *run, args []string) {
	b := r.backend(args[0])
	count, ok := map[string]func() int{
		"requests":    func() int { return len(b.Requests()) },
		"connections": b.Accepted,
		"open":        b.Open,
	}[args[1]]
	want, err := strconv.Atoi(args[2])
	if !ok || err != nil {
		r.fail("count NAME requests|connections|open N")
	}
	if !weirtest.Eventually(func() bool { return count() == want }) {
		r.fail("%s has %d %s, wanted %d", args[0], count(), args[1], want)
	}
}

func runPattern(r *run, args []string) {
	r.must(os.WriteFile(r.ts.MkAbs(args[0]), weirtest.Pattern(args[1]), 0o644))
}

func runMMDB(r *run, args []string) {
	networks, err := os.ReadFile(r.ts.MkAbs(args[1]))
	r.must(err)
	built := uint64(0)
	if len(args) > 2 {
		built, err = strconv.ParseUint(args[2], 10, 64)
		r.must(err)
	}
	b, err := weirtest.MMDB(networks, built)
	r.must(err)
	path := r.ts.MkAbs(args[0])
	r.must(os.WriteFile(path+".new", b, 0o644))
	r.must(os.Rename(path+".new", path))
}

func runSmall(r *run, args []string) {
	unmount, err := mount(r.ts.MkAbs(args[0]), args[1])
	if err != nil {
		r.skip("no file system can be mounted here: ", err)
	}
	r.ts.Defer(unmount)
}

func runTouch(r *run, args []string) {
	t, err := time.Parse(time.RFC3339, args[1])
	r.must(err)
	r.must(os.Chtimes(r.ts.MkAbs(args[0]), t, t))
}
