package h2_test

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
	"weir/http/h2"
	"weir/http/log"
	"weir/http/proxy"
	"weir/http/rewrite"
	"weir/load"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
	"weir/weirtest"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func eventually(ok func() bool) bool { return weirtest.Eventually(ok) }

// A server under test runs in this process: its loops, its counters and its logs are in reach.
type server struct {
	t       *testing.T
	addr    string
	dir     string
	engine  *loop.Engine
	wire    *h2.Shared
	pending atomic.Int64
	quit    atomic.Bool
	full    atomic.Int64
	stop    func()
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

type options struct {
	loops, conns int
	steps        map[string]http.Step
	backend      string // $BACKEND
	groups       string // what stands before the server
}

// newServer serves what stands inside of http { server { … } }. When the test ends nothing may be left.
func newServer(t *testing.T, o options, text string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir()}
	var port *http.Port
	var release func()
	port, release = s.build(o, text)
	engine, err := loop.New(loop.Options{
		Loops: max(o.loops, 1), MaxConns: o.conns, OnFull: func(string) { s.full.Add(1) },
		OnPanic: func(v any, stack []byte) { s.note("panic: %v\n%s", v, stack) },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.engine = engine
	s.wire = h2.NewShared(len(engine.Loops))
	s.wire.Pending = func(_, d int) { s.pending.Add(int64(d)) }
	s.wire.Quit = s.quit.Load
	fd := s.listen()
	sock := &http.Socket{Text: s.addr}
	sock.SetPort(port)
	ln, err := engine.Listen(fd, (&http.Front{HTTP2: s.wire, Pending: s.wire.Pending}).Accept(sock))
	if err != nil {
		t.Fatal(err)
	}
	engine.Run()
	s.stop = sync.OnceFunc(func() {
		ln.Close()
		engine.Stop()
		_ = unix.Close(fd)
		release()
	})
	t.Cleanup(s.settle)
	return s
}

func (s *server) listen() int {
	s.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		s.t.Fatal(err)
	}
	_ = ln.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = f.Close()
	return fd
}

func (s *server) build(o options, text string) (*http.Port, func()) {
	s.t.Helper()
	text = strings.ReplaceAll(text, "$BACKEND", o.backend)
	groups := strings.ReplaceAll(o.groups, "$BACKEND", o.backend)
	text = "http { error_log error.log info; access_log access.log line; log_format line '$status \"$request\" $request_completion';\n" +
		"root " + s.dir + "; client_body_temp_path tmp; proxy_temp_path ptmp;\n" + groups + "server { listen 127.0.0.1:1; server_name test; http2 on; " + text + " } }\n"
	path := filepath.Join(s.dir, "nginx.conf")
	for _, sub := range []string{"tmp", "ptmp"} {
		if err := os.MkdirAll(filepath.Join(s.dir, sub), 0o700); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	modules := []*http.Module{core.Module, core.ServerModule, h2.Module, rewrite.Rewrite, doModule(o.steps), proxy.Upstream, proxy.Proxy, log.Module}
	blocks := conf.Define("http", "", []conf.Directive[struct{}]{
		{Name: "http", In: conf.Main, Syntax: "{ ... }", Opens: conf.HTTP},
		{Name: "server", In: conf.HTTP, Syntax: "{ ... }", Opens: conf.Server, Repeat: true},
		{Name: "location", In: conf.Server | conf.Location, Syntax: "! 1-2 { ... }", Opens: conf.Location, Repeat: true, Declare: build.DeclareLocation},
	})
	all := []*conf.Module{blocks, logs.ErrorLogModule, upstream.Module()}
	for _, m := range modules {
		all = append(all, m.Conf)
	}
	tree, d := conf.Load(path, conf.LoadOptions{Prefix: s.dir + "/"})
	table := conf.NewTable(all...)
	table.Check(tree, d)
	files := logs.NewFiles()
	made := map[*logs.ErrorLog]*logs.Logger{}
	env := load.New(load.Options{
		Prefix: s.dir + "/", Signature: "weir/test", Loops: max(o.loops, 1), Files: files,
		Logger: func(sc *conf.Scopes, block *conf.Block) *logs.Logger {
			set := conf.Settings[logs.ErrorLog](sc, logs.ErrorLogModule, block)
			if made[set] == nil {
				made[set] = set.Open(files, logs.OpenOptions{Fallback: s.dir + "/error.log"})
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
		s.t.Fatal(err)
	}
	if d.Failed() {
		var out bytes.Buffer
		d.Print(&out, "weir")
		s.t.Fatal(out.String())
	}
	return b.Listens[0].Port, func() {
		env.Releases()()
		for _, l := range made {
			l.Close()
		}
	}
}

// settle waits until nothing is left of what clients did, and ends the server.
func (s *server) settle() {
	left := func() (conns, tasks, buffers int) {
		for _, l := range s.engine.Loops {
			st := l.Stats()
			conns += st.Conns
			tasks += st.Tasks
			buffers += st.Buffers
		}
		return conns, tasks, buffers
	}
	ok := func() bool {
		for _, l := range s.engine.Loops {
			l.Post(func() {}) // a loop that sleeps shows old numbers
		}
		_, tasks, buffers := left()
		return tasks == 0 && buffers == 0 && s.pending.Load() == 0
	}
	if !s.t.Failed() && !eventually(ok) {
		conns, tasks, buffers := left()
		s.t.Errorf("left: %d connections, %d tasks, %d buffers, %d pending", conns, tasks, buffers, s.pending.Load())
	}
	s.stop()
}

func (s *server) note(format string, a ...any) {
	f, err := os.OpenFile(s.dir+"/panics.log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		fmt.Fprintf(f, format+"\n", a...)
		_ = f.Close()
	}
}

// lines counts the lines of a log that match.
func (s *server) lines(name, pattern string) int {
	text, _ := os.ReadFile(filepath.Join(s.dir, name))
	return len(regexp.MustCompile("(?m)"+pattern).FindAll(text, -1))
}

// wantLine waits for exactly n lines of a log that match.
func (s *server) wantLine(name, pattern string, n int) {
	s.t.Helper()
	if !eventually(func() bool { return s.lines(name, pattern) >= n }) || s.lines(name, pattern) != n {
		text, _ := os.ReadFile(filepath.Join(s.dir, name))
		s.t.Errorf("%s: %d lines with %q; want %d\n%.2000s", name, s.lines(name, pattern), pattern, n, text)
	}
}

// dial opens a connection to the server.
func (s *server) dial(settings ...uint32) *weirtest.H2 {
	s.t.Helper()
	c, err := weirtest.DialH2(s.addr, "", settings...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Conn.Close() })
	return c
}

// get asks on a connection and returns the final answer.
func get(t *testing.T, c *weirtest.H2, path string, more ...weirtest.Header) *weirtest.Answer {
	t.Helper()
	id, err := c.Request("GET", "test", path, true, more...)
	if err != nil {
		t.Fatal(err)
	}
	return answer(t, c, id)
}

func answer(t *testing.T, c *weirtest.H2, id uint32) *weirtest.Answer {
	t.Helper()
	all, err := c.Answers(id)
	if err != nil || len(all) == 0 {
		t.Fatalf("stream %d: %v, %v", id, all, err)
	}
	return all[len(all)-1]
}

// wantGoAway reads until the server goes away, which must be with this code, and closes.
func wantGoAway(t *testing.T, c *weirtest.H2, code uint32) {
	t.Helper()
	f, err := c.ReadUntil(func(f weirtest.H2Frame) bool { return f.Kind == weirtest.H2GoAway })
	if err == nil && code == early && (f.Code() == calm || f.Code() == 0) {
		return
	}
	if err != nil || f.Code() != code {
		t.Errorf("%v, %v; want GOAWAY with code %d", f, err, code)
	}
}

// wantReset reads until a stream is reset, which must be with this code.
func wantReset(t *testing.T, c *weirtest.H2, stream, code uint32) {
	t.Helper()
	f, err := c.ReadUntil(func(f weirtest.H2Frame) bool {
		return f.Kind == weirtest.H2GoAway || f.Kind == weirtest.H2Reset && f.Stream == stream
	})
	if err != nil || f.Kind != weirtest.H2Reset || f.Code() != code {
		t.Errorf("%v, %v; want a reset of stream %d with code %d", f, err, stream, code)
	}
}

// quitNow begins a graceful stop as the runtime does.
func (s *server) quitNow() {
	s.quit.Store(true)
	s.engine.Each(func(c *loop.Conn) {
		if session, ok := c.Handler.(http.Session); ok {
			session.Drain()
		}
	})
	s.engine.CloseIdle()
}
