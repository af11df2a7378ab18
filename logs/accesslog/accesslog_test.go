package accesslog

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/conf"
	"weir/load"
	"weir/logs"
	"weir/loop"
	"weir/loop/looptest"
	"weir/vars"
)

// A session is a subject that is no request: what stream will log.
type session struct {
	task   *loop.Task
	addr   string   // $remote_addr
	bytes  []byte   // $bytes_sent; nil: there are none yet
	logged []string // error log
}

func (s *session) Text(x *vars.Text[*session]) []byte { return x.Append(nil, s) }
func (s *session) Loop() *loop.Loop                   { return s.task.Loop() }
func (s *session) Await(f func())                     { s.task.Await(f) }
func (s *session) Log(_ logs.Level, text string)      { s.logged = append(s.logged, text) }

var _ Subject[*session] = (*session)(nil)

// A front is one block of sessions that was loaded.
type front struct {
	Front[*session]
	dir  string
	conf *Conf[*session]
	said []string // diagnostics
}

// loadFront loads directives as the block of a front that is not http has them.
func loadFront(t *testing.T, combined, text string) *front {
	t.Helper()
	f := &front{dir: t.TempDir() + "/"}
	table := vars.NewTable(vars.Hooks[*session]{Slots: func(*session) []vars.Value { return nil }})
	for name, get := range map[string]func(*session) vars.Value{
		"remote_addr": func(s *session) vars.Value { return vars.Value{B: []byte(s.addr)} },
		"bytes_sent":  func(s *session) vars.Value { return vars.Value{B: s.bytes, Missing: s.bytes == nil} },
	} {
		if err := table.Add(vars.Var[*session]{Name: name, Get: func(s *session, _ string) vars.Value { return get(s) }}); err != nil {
			t.Fatal(err)
		}
	}
	f.Front = Front[*session]{Vars: table, Combined: combined, Writes: func(s *session) bool { return s.addr != "nobody" }}
	module := conf.Define("test", "", Directives(Contexts{Formats: conf.Main, Logs: conf.Main, Cache: conf.Main}, func(*conf.Call) Front[*session] { return f.Front }))
	tree, d := conf.Parse(f.dir+"test.conf", text)
	all := conf.NewTable(module)
	all.Check(tree, d)
	f.Env = load.New(load.Options{Prefix: f.dir, Files: logs.NewFiles()}, tree, d)
	all.Declare(tree, f.Env, d)
	f.conf = conf.Settings[Conf[*session]](all.NewScopes(tree, f.Env, d), module, tree.Main)
	for _, g := range d.List() {
		f.said = append(f.said, g.Text)
	}
	for _, err := range table.Finish() {
		f.said = append(f.said, err.Error())
	}
	return f
}

// writer opens the logs of the block.
func (f *front) writer(t *testing.T) func(*session) {
	t.Helper()
	write, err := f.conf.Writer(f.Front)
	if err != nil || len(f.said) > 0 {
		t.Fatal(err, f.said)
	}
	if _, err := f.Files.OpenReserved(); err != nil {
		t.Fatal(err)
	}
	f.Finish()
	t.Cleanup(f.Releases())
	return write
}

func (f *front) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(f.dir, name))
	return string(text)
}

// TestSession logs what is no request: to a file, one behind a buffer, one whose path has variables, and on a condition.
func TestSession(t *testing.T) {
	dir := t.TempDir()
	text := strings.ReplaceAll(`
		log_format plain '$remote_addr [$bytes_sent]' ' "$remote_addr"';
		log_format json escape=json '{"a":"$remote_addr","n":"$bytes_sent"}';
		access_log DIR/all.log plain;
		access_log DIR/buffered.log json buffer=32k;
		access_log DIR/$remote_addr.log plain;
		access_log DIR/some.log plain if=$bytes_sent;
	`, "DIR", dir)
	f := loadFront(t, "", text)
	f.dir = dir
	write := f.writer(t)
	looptest.Run(t, func(k *loop.Task, _ *loop.Conn, _ net.Conn) {
		for _, s := range []*session{{addr: "10.0.0.1", bytes: []byte("17")}, {addr: "a\"\n", bytes: []byte("0")}, {addr: "nobody"}} {
			s.task = k
			write(s)
			if len(s.logged) > 0 {
				t.Error(s.logged)
			}
		}
	})
	f.Files.Flush()
	const all = `10.0.0.1 [17] "10.0.0.1"` + "\n" + `a\x22\x0A [0] "a\x22\x0A"` + "\n" + `nobody [-] "nobody"` + "\n"
	for name, want := range map[string]string{
		"all.log":      all,
		"buffered.log": `{"a":"10.0.0.1","n":"17"}` + "\n" + `{"a":"a\"\n","n":"0"}` + "\n" + `{"a":"nobody","n":""}` + "\n",
		"10.0.0.1.log": `10.0.0.1 [17] "10.0.0.1"` + "\n",
		"nobody.log":   "",
		"some.log":     `10.0.0.1 [17] "10.0.0.1"` + "\n",
	} {
		if got := f.read(name); got != want {
			t.Errorf("%s:\n%swant\n%s", name, got, want)
		}
	}
}

// TestFormats names formats: with one that is always there, as in http, and without, as in stream.
func TestFormats(t *testing.T) {
	const combined = "$remote_addr combined"
	tests := []struct{ combined, conf, want string }{
		{combined, "access_log a.log;", ""},
		{combined, "access_log a.log combined;", ""},
		{combined, "log_format combined x;", `duplicate "log_format" name "combined"`},
		{"", "log_format combined x; access_log a.log combined;", ""},
		{"", "access_log a.log;", "log format is not specified"},
		{"", "access_log a.log combined;", `unknown log format "combined"`},
		{"", "log_format a x; log_format a y;", `duplicate "log_format" name "a"`},
		{"", "log_format a $1;", `unknown "1" variable`},
		{"", "log_format a $nothing; access_log a.log a;", `unknown "nothing" variable`},
		{"", "log_format a escape=xml x;", `unknown log format escaping "xml"`},
		{"", "log_format a x; access_log off a;", `invalid parameter "a"`},
		{"", "log_format a x; access_log $remote_addr a buffer=1k;", "buffered logs cannot have variables in name"},
		{"", "open_log_file_cache inactive=1;", `"open_log_file_cache" must have "max" parameter`},
	}
	for _, tt := range tests {
		said := loadFront(t, tt.combined, tt.conf).said
		if got := slices.Concat(said, []string{""})[0]; got != tt.want {
			t.Errorf("%s says %q, want %q", tt.conf, said, tt.want)
		}
	}
}
