// Package script gives testscript the commands of a whole-server script: start a server, ask it, look at the answer and at the logs.
//
//	func TestScript(t *testing.T) { script.Run(t, "testdata/script") }
//
// A script is a .txtar file: the commands, then the files of the server's directory. Commands lists what there is to say, and Manual makes
// testdata/script/README.md of it.
package script

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"weir/weirtest"
)

// Addresses is how many loopback addresses every script gets: $ADDR, $ADDR2 … with $PORT, $PORT2 ….
const addresses = 6

// world is what one script has to do with.
type world struct {
	skip        func(...any)
	binary      string
	h2          bool // requests go over HTTP/2
	tls         bool // everything goes over TLS
	dir         string
	names       map[string]string // $NAME to value, in scripts and in *.conf
	ports       *weirtest.Ports
	server      server
	atStart     int // open descriptors when the server was ready
	backends    map[string]*weirtest.Backend
	nameServers map[string]*weirtest.NameServer
	clients     map[string]*weirtest.Client

	answers []*weirtest.Answer // of the last request command
	took    time.Duration
}

type worldKey struct{}

// Run runs every script of a folder against the server under test, each in a directory and with ports of its own, in parallel.
// Without a server to test it skips.
func Run(t *testing.T, dir string) { runAll(t, dir, nil, wire{}) }

// RunH2 does so over HTTP/2 without TLS: every request that says nothing that only HTTP/1 has is a stream, and "http2 on" holds in every
// configuration. The condition [h2] is for what is different then.
func RunH2(t *testing.T, dir string) { runAll(t, dir, nil, wire{h2: true}) }

// RunTLS runs some scripts, by name, over TLS: every address of HTTP has it, and every connection. The condition [tls] is for what is
// different then. With h2 requests go over HTTP/2 besides.
func RunTLS(t *testing.T, dir string, names []string, h2 bool) { runAll(t, dir, names, wire{h2, true}) }

// wire is what scripts are run over.
type wire struct{ h2, tls bool }

func runAll(t *testing.T, dir string, names []string, over wire) {
	binary, err := weirtest.Binary()
	if errors.Is(err, weirtest.ErrNoServer) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	weir := weirtest.IsWeir(binary)
	params := testscript.Params{
		Dir:                dir,
		RequireUniqueNames: true,
		Setup:              func(e *testscript.Env) error { return setup(e, binary, weir, over) },
		Cmds:               commandFuncs(),
		Condition: func(c string) (bool, error) {
			switch c {
			case "weir":
				return weir, nil
			case "nginx":
				return !weir, nil
			case "h2":
				return over.h2, nil
			case "tls":
				return over.tls, nil
			case "root":
				return os.Geteuid() == 0, nil
			case "scramble":
				return weirtest.Scramble, nil
			case "race":
				return weir && weirtest.Race, nil
			}
			return false, fmt.Errorf("unknown condition %q", c)
		},
	}
	if names != nil {
		params.Dir = ""
		for _, name := range names {
			params.Files = append(params.Files, filepath.Join(dir, name+".txtar"))
		}
	}
	testscript.Run(t, params)
}

func setup(e *testscript.Env, binary string, weir bool, over wire) error {
	w := &world{
		skip: e.T().Skip, binary: binary, h2: over.h2, tls: over.tls, dir: e.WorkDir, names: map[string]string{"WORK": e.WorkDir, "SERVER": "nginx"},
		ports: weirtest.NewPorts(), backends: map[string]*weirtest.Backend{}, nameServers: map[string]*weirtest.NameServer{}, clients: map[string]*weirtest.Client{},
	}
	if weir {
		w.names["SERVER"] = "weir"
	}
	e.Defer(func() {
		w.end()
		if bad := w.faults(); len(bad) > 0 {
			e.T().Log("what must never be logged:\n" + strings.Join(bad, "\n"))
			e.T().FailNow()
		}
	})
	for i := 1; i <= addresses; i++ {
		addr, err := w.ports.Take()
		if err != nil {
			return err
		}
		n := ""
		if i > 1 {
			n = fmt.Sprint(i)
		}
		w.names["ADDR"+n] = addr
		w.names["PORT"+n] = addr[strings.LastIndexByte(addr, ':')+1:]
	}
	for k, v := range w.names {
		e.Setenv(k, v)
	}
	if w.tls {
		if err := weirtest.WriteCertificate(e.WorkDir, secret, weirtest.CertificateOptions{}); err != nil {
			return err
		}
	}
	e.Values[worldKey{}] = w
	return os.Chmod(filepath.Dir(e.WorkDir), 0o755)
}

// end takes down what the script left standing.
func (w *world) end() {
	for _, c := range w.clients {
		c.Close()
	}
	if w.server != nil {
		w.server.Kill()
	}
	for _, b := range w.backends {
		b.Down()
	}
	for _, s := range w.nameServers {
		s.Down()
	}
	w.ports.Close()
}

// faults are the lines of the script's logs, wherever it has them, that no server may write.
func (w *world) faults() (bad []string) {
	_ = filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(d.Name(), "log") {
			bad = append(bad, weirtest.Faults(weirtest.Lines(path))...)
		}
		return nil // what cannot be read has no lines
	})
	if w.server != nil {
		bad = append(bad, weirtest.Faults(strings.Split(w.server.Output(), "\n"))...)
	}
	return bad
}

// lastWords is the end of the error log.
func (w *world) lastWords() []byte {
	text, _ := os.ReadFile(filepath.Join(w.dir, "error.log")) // there may be none
	return text[max(0, len(text)-4096):]
}

// failure is how a command gives up; call turns it into the script's failure.
type failure struct{ error }

// run is one command at work.
type run struct {
	*world
	ts  *testscript.TestScript
	neg bool // the line begins with "!"
}

// fail ends the script with a reason.
func (r *run) fail(format string, a ...any) { panic(failure{fmt.Errorf(format, a...)}) }

// must ends the script if there is an error.
func (r *run) must(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// want fails unless ok; after "!" it fails if ok. what says what the line claims.
func (r *run) want(ok bool, what string, a ...any) {
	if ok == r.neg {
		not := ""
		if r.neg {
			not = "not: "
		}
		r.fail("wanted "+not+what, a...)
	}
}

// call runs a command of the table by its name; after and until use it too.
func (r *run) call(name string, args []string) error {
	c, ok := find(name)
	if !ok {
		return fmt.Errorf("unknown command %q", name)
	}
	n := len(args)
	if n < c.min || (c.max >= 0 && n > c.max) || (r.neg && !c.not) {
		return fmt.Errorf("usage: %s", c.Syntax)
	}
	return caught(func() { c.run(r, args) })
}

func caught(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			e, ok := v.(failure)
			if !ok {
				panic(v)
			}
			err = e.error
		}
	}()
	f()
	return nil
}

func commandFuncs() map[string]func(*testscript.TestScript, bool, []string) {
	m := map[string]func(*testscript.TestScript, bool, []string){}
	for _, c := range Commands() {
		m[c.Name] = func(ts *testscript.TestScript, neg bool, args []string) {
			r := &run{world: ts.Value(worldKey{}).(*world), ts: ts, neg: neg}
			if err := r.call(c.Name, args); err != nil {
				ts.Logf("error.log ends with:\n%s", r.lastWords())
				ts.Fatalf("%v", err)
			}
		}
	}
	return m
}
