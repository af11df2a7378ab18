package logs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/conf"
)

// site is a configuration with an error_log table and a few blocks.
type site struct {
	t      *testing.T
	dir    string
	tree   *conf.Tree
	diags  *conf.Diagnostics
	scopes *conf.Scopes
}

func load(t *testing.T, text string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(s.dir, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	type nothing struct{}
	blocks := conf.Define("blocks", "", []conf.Directive[nothing]{
		{Name: "http", In: conf.Main, Syntax: "{ ... }", Opens: conf.HTTP},
		{Name: "events", In: conf.Main, Syntax: "{ ... }", Opens: conf.Events},
	})
	table := conf.NewTable(ErrorLogModule, blocks)
	s.tree, s.diags = conf.Load(path, conf.LoadOptions{Prefix: s.dir})
	table.Check(s.tree, s.diags)
	s.scopes = table.NewScopes(s.tree, nil, s.diags)
	return s
}

func (s *site) main() *ErrorLogConf {
	return conf.Settings[ErrorLogConf](s.scopes, ErrorLogModule, s.tree.Main)
}

func (s *site) http() *ErrorLogConf {
	return conf.Settings[ErrorLogConf](s.scopes, ErrorLogModule, s.tree.Main.All("http")[0].Block)
}

func (s *site) open(e *ErrorLogConf, o OpenOptions) *Logger {
	s.t.Helper()
	o.Now, o.PID = fixed, 1
	files := NewFiles()
	l := e.Open(files, o)
	if _, err := files.OpenReserved(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(l.Close)
	return l
}

func (s *site) want(name, text string) {
	s.t.Helper()
	if got := read(s.t, filepath.Join(s.dir, name)); got != text {
		s.t.Errorf("%s is %q; want %q", name, got, text)
	}
}

func TestErrorLogTable(t *testing.T) {
	if err := conf.NewTable(ErrorLogModule).Problems(); len(err) > 0 {
		t.Error(err)
	}
}

func TestErrorLogDefault(t *testing.T) {
	s := load(t, "events {} http {}")
	l := s.open(s.http(), OpenOptions{})
	l.LogString(Error, 0, "seen")
	l.LogString(Warn, 0, "not seen")
	s.want("logs/error.log", "2026/11/04 14:31:05 [error] 1#1: seen\n")

	l = s.open(s.main(), OpenOptions{Fallback: filepath.Join(s.dir, "e.log")})
	l.LogString(Error, 0, "elsewhere")
	s.want("e.log", "2026/11/04 14:31:05 [error] 1#1: elsewhere\n")
}

func TestErrorLogTargets(t *testing.T) {
	s := load(t, "error_log a.log; http { error_log b.log info; error_log c.log crit; error_log b.log; }")
	l := s.open(s.http(), OpenOptions{})
	l.LogString(Info, 0, "i")
	l.LogString(Error, 0, "e")
	const head = "2026/11/04 14:31:05 "
	s.want("b.log", head+"[info] 1#1: i\n"+head+"[error] 1#1: e\n"+head+"[error] 1#1: e\n")
	s.want("c.log", "")
	s.open(s.main(), OpenOptions{}).LogString(Error, 0, "m")
	s.want("a.log", head+"[error] 1#1: m\n")
}

func TestErrorLogAlwaysHasAFileAtTheTop(t *testing.T) {
	s := load(t, "error_log syslog:server=127.0.0.1 debug; http { error_log syslog:server=127.0.0.1; }")
	if l := s.open(s.main(), OpenOptions{}); len(l.targets) != 2 || l.targets[1].Level != Error {
		t.Errorf("main: %+v", l.targets)
	}
	if l := s.open(s.http(), OpenOptions{}); len(l.targets) != 1 {
		t.Errorf("http: %+v", l.targets)
	}
	s = load(t, "error_log stderr debug; http {}")
	if l := s.open(s.http(), OpenOptions{}); len(l.targets) != 1 {
		t.Errorf("stderr: %+v", l.targets)
	}
}

// TestErrorLogOpensLate: a file is opened when everything is known to be good, and given back when another one fails.
func TestErrorLogOpensLate(t *testing.T) {
	s := load(t, "error_log a.log; error_log /nonexistent/b.log; http {}")
	files := NewFiles()
	l := s.main().Open(files, OpenOptions{})
	if n := opened(files); n != 0 {
		t.Errorf("%d files are open before they have to be", n)
	}
	by, err := files.OpenReserved()
	if err == nil || err.Error() != `open() "/nonexistent/b.log" failed (2: No such file or directory)` || by != s.main() {
		t.Error(by, err)
	}
	l.Close()
	if n := opened(files); n != 0 {
		t.Errorf("%d files stay open", n)
	}
}

// errorLogErrors are what nginx 1.31.5 says; TestOracle asks it again where it is installed.
var errorLogErrors = []struct{ args, want string }{
	{"/dev/null bogus", `invalid log level "bogus"`},
	{"/dev/null \"\"", `invalid log level ""`},
	{"/dev/null off", `invalid log level "off"`},
	{"/dev/null info warn", `duplicate log level "warn"`},
	{"/dev/null info info", `duplicate log level "info"`},
	{"/dev/null debug_core info", `duplicate log level "info"`},
	{"/dev/null info debug_core", `invalid log level "debug_core"`},
	{"/dev/null debug debug_http", `invalid log level "debug_http"`},
	{"/dev/null info bogus", `invalid log level "bogus"`},
	{"syslog:server=127.0.0.1 bogus", `invalid log level "bogus"`},
	{"syslog:x bogus", `unknown syslog parameter "x"`},
	{"memory:32k debug", ""},
	{"memory:2k", `invalid buffer size "2k"`},
	{"memory:x", `invalid buffer size "x"`},
	{"", `invalid number of arguments in "error_log" directive`},
	{"/dev/null emerg", ""},
	{"/dev/null debug", ""},
	{"/dev/null debug_core debug_http", ""},
	{"stderr warn", ""},
	{"\"\" warn", ""},
	{"syslog:server=127.0.0.1,nohostname,nohostname crit", ""},
}

func TestErrorLogErrors(t *testing.T) {
	for _, tt := range errorLogErrors {
		s := load(t, "error_log "+tt.args+"; events {} http {}")
		s.main()
		got := ""
		for _, d := range s.diags.List() {
			got = d.Text
			break
		}
		if got != tt.want {
			t.Errorf("error_log %s: %q; want %q", tt.args, got, tt.want)
		}
	}
}

// TestOracle compares the sentences above with those of an nginx, if there is one.
func TestOracle(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip(err)
	}
	ask := func(args, want string) {
		dir := t.TempDir()
		path := filepath.Join(dir, "nginx.conf")
		text := "pid " + dir + "/pid; error_log " + args + ";\nevents {}\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.Command(nginx, "-t", "-e", "/dev/null", "-p", dir, "-c", path).CombinedOutput()
		got := ""
		if _, rest, ok := strings.Cut(string(out), "nginx: [emerg] "); ok {
			got, _, _ = strings.Cut(rest, " in "+path)
		}
		if got != want {
			t.Errorf("error_log %s: nginx says %q; want %q", args, got, want)
		}
	}
	about, _ := exec.Command(nginx, "-V").CombinedOutput()
	for _, tt := range errorLogErrors {
		if tt.args == "memory:32k" && strings.Contains(string(about), "--with-debug") {
			continue
		}
		ask(tt.args, tt.want)
	}
	for _, tt := range syslogErrors {
		ask("syslog:"+tt.params, tt.want)
	}
}
