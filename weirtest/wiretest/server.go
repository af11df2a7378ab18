// Package wiretest serves requests over one wire in the process of a test: its loops, its counters and its logs are in reach.
package wiretest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/http/build"
	"weir/http/core"
	"weir/http/log"
	"weir/http/proxy"
	"weir/load"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
	"weir/weirtest"
)

// Patience is how long a test waits for what must come.
const Patience = 20 * time.Second

// A Server is one under test.
type Server struct {
	T       *testing.T
	Addr    string
	Dir     string
	Engine  *loop.Engine
	Pending atomic.Int64 // what the wire has at work
	Quit    atomic.Bool  // for the wire: a graceful stop
	Full    atomic.Int64 // how often there was no room for a connection
	Stop    func()
}

// todo is what the test's own module does: "do NAME;" in a location runs the step of that name.
type todo struct{ name string }

// doModule is a module like any other, but for its handlers, which each test brings along.
func doModule(steps map[string]http.Step) *http.Module {
	return http.Define(http.Spec[todo]{
		Name: "test_do",
		Directives: []conf.Directive[todo]{{
			Name: "do", In: conf.Location, Syntax: "<name:string>", Inherit: conf.Never,
			Set: func(c *todo, call *conf.Call) error { c.name = call.Arg(0); return nil },
		}},
		Install: func(c *todo, in *http.Install) error {
			if c.name == "" {
				return nil
			}
			step := steps[c.name]
			if step == nil {
				return fmt.Errorf("no step %q", c.name)
			}
			in.Handler(step)
			return nil
		},
	})
}

// Options say what is served, and over which wire.
type Options struct {
	Loops, Conns int
	Steps        map[string]http.Step // what "do NAME;" does in a location
	Backend      string               // $BACKEND
	Groups       string               // what stands before the server block
	Server       string               // more that stands in the server block
	Modules      []*http.Module       // more than the core module, proxy and log
	// Front makes what takes connections, when the engine is there.
	Front func(*Server) *http.Front
}

// New serves what stands inside of http { server { … } }. When the test ends nothing may be left.
func New(t *testing.T, o Options, text string) *Server {
	t.Helper()
	s := &Server{T: t, Dir: t.TempDir()}
	var port *http.Port
	var release func()
	port, release = s.build(o, text)
	engine, err := loop.New(loop.Options{
		Loops: max(o.Loops, 1), MaxConns: o.Conns, OnFull: func(string) { s.Full.Add(1) },
		OnPanic: func(v any, stack []byte) { s.note("panic: %v\n%s", v, stack) },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Engine = engine
	fd := s.listen()
	sock := &http.Socket{Text: s.Addr}
	sock.SetPort(port)
	ln, err := engine.Listen(fd, o.Front(s).Accept(sock))
	if err != nil {
		t.Fatal(err)
	}
	engine.Run()
	s.Stop = sync.OnceFunc(func() {
		ln.Close()
		engine.Stop()
		_ = unix.Close(fd)
		release()
	})
	t.Cleanup(s.settle)
	return s
}

// Count counts what the wire has at work (http.Front).
func (s *Server) Count(_, delta int) { s.Pending.Add(int64(delta)) }

func (s *Server) listen() int {
	s.T.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.T.Fatal(err)
	}
	s.Addr = ln.Addr().String()
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		s.T.Fatal(err)
	}
	_ = ln.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		s.T.Fatal(err)
	}
	_ = f.Close()
	return fd
}

func (s *Server) build(o Options, text string) (*http.Port, func()) {
	s.T.Helper()
	text = strings.ReplaceAll(text, "$BACKEND", o.Backend)
	groups := strings.ReplaceAll(o.Groups, "$BACKEND", o.Backend)
	text = "http { error_log error.log info; access_log access.log line; log_format line '$status \"$request\" $request_completion';\n" +
		"root " + s.Dir + "; client_body_temp_path tmp; proxy_temp_path ptmp;\n" + groups + "server { listen 127.0.0.1:1; server_name test; " + o.Server + text + " } }\n"
	path := filepath.Join(s.Dir, "nginx.conf")
	for _, sub := range []string{"tmp", "ptmp"} {
		if err := os.MkdirAll(filepath.Join(s.Dir, sub), 0o700); err != nil {
			s.T.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.T.Fatal(err)
	}
	modules := append([]*http.Module{core.Module, core.ServerModule}, o.Modules...)
	modules = append(modules, doModule(o.Steps), proxy.Upstream, proxy.Proxy, log.Module)
	blocks := conf.Define("http", "", []conf.Directive[struct{}]{
		{Name: "http", In: conf.Main, Syntax: "{ ... }", Opens: conf.HTTP},
		{Name: "server", In: conf.HTTP, Syntax: "{ ... }", Opens: conf.Server, Repeat: true},
		{Name: "location", In: conf.Server | conf.Location, Syntax: "! 1-2 { ... }", Opens: conf.Location, Repeat: true, Declare: build.DeclareLocation},
	})
	all := []*conf.Module{blocks, logs.ErrorLogModule, upstream.Module()}
	for _, m := range modules {
		all = append(all, m.Conf)
	}
	tree, d := conf.Load(path, conf.LoadOptions{Prefix: s.Dir + "/"})
	table := conf.NewTable(all...)
	table.Check(tree, d)
	files := logs.NewFiles()
	made := map[*logs.ErrorLogConf]*logs.Logger{}
	env := load.New(load.Options{
		Prefix: s.Dir + "/", Signature: "weir/test", Loops: max(o.Loops, 1), Files: files,
		Logger: func(sc *conf.Scopes, block *conf.Block) *logs.Logger {
			set := conf.Settings[logs.ErrorLogConf](sc, logs.ErrorLogModule, block)
			if made[set] == nil {
				made[set] = set.Open(files, logs.OpenOptions{Fallback: s.Dir + "/error.log"})
			}
			return made[set]
		},
	}, tree, d)
	b := build.New(env, modules, disk.NewTempNumbers())
	table.Declare(tree, env, d)
	env.Scopes = table.NewScopes(tree, env, d)
	b.Build(tree.Main.First("http").Block)
	env.Finish()
	b.End()
	b.Groups()
	if _, err := files.OpenReserved(); err != nil {
		s.T.Fatal(err)
	}
	if d.Failed() {
		var out bytes.Buffer
		d.Print(&out, "weir")
		s.T.Fatal(out.String())
	}
	return b.Listens[0].Port, func() {
		env.Releases()()
		for _, l := range made {
			l.Close()
		}
	}
}

// settle waits until nothing is left of what clients did, and ends the server.
func (s *Server) settle() {
	left := func() (conns, tasks, buffers int) {
		for _, l := range s.Engine.Loops {
			st := l.Stats()
			conns += st.Conns
			tasks += st.Tasks
			buffers += st.Buffers
		}
		return conns, tasks, buffers
	}
	ok := func() bool {
		for _, l := range s.Engine.Loops {
			l.Post(func() {}) // a loop that sleeps shows old numbers
		}
		_, tasks, buffers := left()
		return tasks == 0 && buffers == 0 && s.Pending.Load() == 0
	}
	if !s.T.Failed() && !weirtest.Eventually(ok) {
		conns, tasks, buffers := left()
		s.T.Errorf("left: %d connections, %d tasks, %d buffers, %d pending", conns, tasks, buffers, s.Pending.Load())
	}
	s.Stop()
}

func (s *Server) note(format string, a ...any) {
	f, err := os.OpenFile(s.Dir+"/panics.log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		fmt.Fprintf(f, format+"\n", a...)
		_ = f.Close()
	}
}

// Lines counts the lines of a log that match.
func (s *Server) Lines(name, pattern string) int {
	text, _ := os.ReadFile(filepath.Join(s.Dir, name))
	return len(regexp.MustCompile("(?m)"+pattern).FindAll(text, -1))
}

// WantLine waits for exactly n lines of a log that match.
func (s *Server) WantLine(name, pattern string, n int) {
	s.T.Helper()
	if !weirtest.Eventually(func() bool { return s.Lines(name, pattern) >= n }) || s.Lines(name, pattern) != n {
		text, _ := os.ReadFile(filepath.Join(s.Dir, name))
		s.T.Errorf("%s: %d lines with %q; want %d\n%.2000s", name, s.Lines(name, pattern), pattern, n, text)
	}
}
