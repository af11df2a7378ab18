// Package inside runs requests through an http block in the test's own process, between a handler that answers what the test says, in the
// parts that the test says, and a wire that writes down what comes out. There are no sockets that clients come by, no other modules than
// the ones that are tested, and nothing that waits: what a filter or a rewrite makes of a request can be asked ten thousand times a second.
//
// Whole servers are tried by package script.
package inside

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/cycle"
	"weir/disk"
	"weir/http"
	"weir/http/build"
	"weir/http/core"
	"weir/load"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
	"weir/vars"
)

// A Server is an http block that is served inside the test.
type Server struct {
	t      testing.TB
	Dir    string // -p: where the paths of the configuration begin, with a final slash
	port   *http.Port
	loop   *loop.Loop
	client *http.Client
	log    log
	refs   map[string]*vars.Ref[*http.Request]
	answer func(*http.Request) http.Verdict
	most   int64
}

// New builds a server: text is what stands between the braces of http, and modules are the ones it may use besides the core, in the order
// in which they would stand in cycle/modules.go. A handler of the test's answers in every location that has none.
func New(t testing.TB, text string, modules ...*http.Module) *Server {
	t.Helper()
	s := &Server{t: t, Dir: t.TempDir() + "/"}
	file := filepath.Join(s.Dir, "nginx.conf")
	if err := os.WriteFile(file, []byte("events {} http {\n"+text+"\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.build(file, append([]*http.Module{core.Module, core.ServerModule}, append(modules, s.handler())...))
	s.start()
	return s
}

// handler is the module that answers.
func (s *Server) handler() *http.Module {
	return http.Define(http.Spec[struct{}]{
		Name: "inside", Doc: "Answers what the test says.",
		Install: func(_ *struct{}, in *http.Install) error {
			if !in.HasHandler() {
				in.Handler(func(r *http.Request) http.Verdict { return s.answer(r) })
			}
			return nil
		},
	})
}

func (s *Server) build(file string, modules []*http.Module) {
	s.t.Helper()
	tree, d := conf.Load(file, conf.LoadOptions{Prefix: s.Dir})
	all := []*conf.Module{cycle.MainModule, cycle.EventsModule, cycle.HTTPModule, logs.ErrorLogModule, upstream.Module()}
	for _, m := range modules {
		all = append(all, m.Conf)
	}
	table := conf.NewTable(all...)
	table.Check(tree, d)
	logger := logs.NewLogger(logs.Options{}, logs.Target{Level: logs.Notice, Sink: &s.log})
	env := load.New(load.Options{
		Prefix: s.Dir, TempPrefix: s.Dir, Signature: "weir/test", Loops: 1, Files: logs.NewFiles(),
		Logger: func(*conf.Scopes, *conf.Block) *logs.Logger { return logger },
	}, tree, d)
	builder := build.New(env, modules, disk.NewTempNumbers())
	builder.App.Counters = &http.Counters{}
	s.refs = map[string]*vars.Ref[*http.Request]{}
	for _, m := range modules {
		for _, v := range m.Vars {
			s.refs[v.Name] = builder.Vars.Lookup(v.Name, conf.Spot{})
		}
	}
	table.Declare(tree, env, d)
	env.Scopes = table.NewScopes(tree, env, d)
	env.Scopes.ResolveAll()
	if !d.Failed() {
		builder.App.Debug = &conf.Settings[cycle.EventsConf](env.Scopes, cycle.EventsModule, tree.Main.First("events").Block).DebugConnection
		builder.Build(tree.Main.First("http").Block)
		s.port = builder.Listens[0].Port
		env.Finish()
		builder.End()
	}
	if d.Failed() {
		var b strings.Builder
		d.Print(&b, "weir")
		s.t.Fatal(b.String())
	}
}

// Now is what the time is, as long as a test lasts.
var Now = time.Date(2026, time.May, 4, 10, 20, 30, 0, time.UTC)

// start runs a loop, with a connection to say that requests came by.
func (s *Server) start() {
	s.t.Helper()
	e, err := loop.New(loop.Options{
		Clock:   func() time.Time { return Now },
		OnPanic: func(v any, stack []byte) { s.t.Errorf("panic: %v\n%s", v, stack) },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.loop = e.Loops[0]
	c, err := s.loop.Register(fds[0], netip.MustParseAddrPort("127.0.0.1:4242"))
	if err != nil {
		s.t.Fatal(err)
	}
	socket := &http.Socket{Text: "127.0.0.1:80"}
	socket.SetPort(s.port)
	s.client = &http.Client{Conn: c, Socket: socket, Serial: 1}
	e.Run()
	s.t.Cleanup(func() {
		s.loop.Post(c.Close)
		e.Stop()
		_ = unix.Close(fds[1])
		if n := s.loop.Stats().Buffers; n != 0 {
			s.t.Errorf("%d buffers were not given back", n)
		}
	})
}

// Value is what a variable of one of the modules has, within an Answer.
func (s *Server) Value(r *http.Request, name string) string { return string(s.refs[name].Get(r).B) }

// log keeps the lines of the error log.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

var numbersRE = regexp.MustCompile(`^.*?(\[\w+\] )\d+#\d+: (\*\d+ )?`)

// WriteLevel takes a line, without its time and numbers (logs.Sink).
func (l *log) WriteLevel(_ logs.Level, line []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(numbersRE.ReplaceAllString(string(line), "$1"))
	return nil
}

// take returns what was logged since it was last called.
func (l *log) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text.String()
	l.text.Reset()
	return text
}
