package script

import (
	"regexp"
	"strconv"

	"weir/weirtest"
)

func runNameServer(r *run, args []string) {
	name := args[0]
	if !backendNameRE.MatchString(name) || r.names[name] != "" {
		r.fail("a name server needs a name of its own in capitals")
	}
	addr, err := r.ports.Take()
	r.must(err)
	s, err := weirtest.StartNameServer(addr)
	r.must(err)
	r.nameServers[name], r.names[name] = s, addr
	r.ts.Setenv(name, addr)
}

func (r *run) nameServer(name string) *weirtest.NameServer {
	s := r.nameServers[name]
	if s == nil {
		r.fail("no name server is called %q", name)
	}
	return s
}

func runKnows(r *run, args []string) { r.must(r.nameServer(args[0]).Set(args[1], args[2:]...)) }

func runAsked(r *run, args []string) {
	s := r.nameServer(args[0])
	re, err := regexp.Compile(args[1])
	r.must(err)
	if len(args) == 2 {
		ok := false
		if r.neg {
			ok = s.Asked(re) > 0
		} else {
			ok = weirtest.Eventually(func() bool { return s.Asked(re) > 0 })
		}
		r.want(ok, "a question at %s that matches %q", args[0], args[1])
		return
	}
	want, err := strconv.Atoi(args[2])
	r.must(err)
	r.want(weirtest.Eventually(func() bool { return s.Asked(re) == want }), "%d questions at %s that match %q; there are %d", want, args[0], args[1], s.Asked(re))
}
