package listen

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/conf"
)

func TestParams(t *testing.T) {
	tests := []struct {
		params string
		set    func(*Spec)
	}{
		{"default_server", func(s *Spec) { s.Default, s.Set, s.Bind = true, false, false }},
		{"default", func(s *Spec) { s.Default, s.Set, s.Bind = true, false, false }},
		{"bind", func(*Spec) {}},
		{"backlog=100", func(s *Spec) { s.Backlog = 100 }},
		{"backlog=5 backlog=6", func(s *Spec) { s.Backlog = 6 }},
		{"rcvbuf=8k sndbuf=1m", func(s *Spec) { s.RecvBuf, s.SendBuf = 8192, 1<<20 }},
		{"fastopen=0", func(s *Spec) { s.FastOpen = 0 }},
		{"deferred reuseport", func(s *Spec) { s.Deferred, s.ReusePort = true, true }},
		{"multipath", func(s *Spec) { s.Multipath = true }},
		{"ipv6only=on", func(*Spec) {}},
		{"ipv6only=off", func(s *Spec) { s.BothStacks = true }},
		{"so_keepalive=on", func(s *Spec) { s.Keepalive = Keepalive{Set: true, On: true} }},
		{"so_keepalive=off", func(s *Spec) { s.Keepalive = Keepalive{Set: true} }},
		{"so_keepalive=30m::10", func(s *Spec) {
			s.Keepalive = Keepalive{Set: true, On: true, Idle: 30 * time.Minute, Count: 10}
		}},
		{"so_keepalive=:1", func(s *Spec) {
			s.Keepalive = Keepalive{Set: true, On: true, Interval: time.Second}
		}},
		{"so_keepalive=1d:2h:5", func(s *Spec) {
			s.Keepalive = Keepalive{Set: true, On: true, Idle: 24 * time.Hour, Interval: 2 * time.Hour, Count: 5}
		}},
	}
	for _, tt := range tests {
		got, err := parseWords(append([]string{"80"}, strings.Fields(tt.params)...), noLookup)
		if err != nil {
			t.Errorf("%s: %v", tt.params, err)
			continue
		}
		want, _ := ParseAddr("80", noLookup)
		want[0].Set, want[0].Bind = true, true
		tt.set(&want[0])
		if got[0] != want[0] {
			t.Errorf("%s: %+v; want %+v", tt.params, got[0], want[0])
		}
	}
}

func TestParamsHoldForTheWholeRange(t *testing.T) {
	specs, err := parseWords([]string{"known:80-81", "backlog=5"}, noLookup)
	if err != nil || len(specs) != 4 {
		t.Fatal(specs, err)
	}
	for _, s := range specs {
		if s.Backlog != 5 || !s.Set {
			t.Errorf("%+v", s)
		}
	}
}

// paramErrors are what nginx 1.31.5 says of the parameters of "listen 18080".
var paramErrors = []struct{ params, want string }{
	{"foo", `invalid parameter "foo"`},
	{`""`, `invalid parameter ""`},
	{"Default_server", `invalid parameter "Default_server"`},
	{"18080", `invalid parameter "18080"`},
	{"bind=1", `invalid parameter "bind=1"`},
	{"deferred=1", `invalid parameter "deferred=1"`},
	{"setfib=1", `invalid parameter "setfib=1"`},
	{"ipv6only", `invalid parameter "ipv6only"`},
	{"ipv6only=", `invalid parameter "ipv6only="`},
	{"ipv6only=ON", `invalid parameter "ipv6only=ON"`},
	{"so_keepalive", `invalid parameter "so_keepalive"`},
	{"http3", `invalid parameter "http3"`},
	{"udp", `invalid parameter "udp"`},
	{"ssl=on", `invalid parameter "ssl=on"`},
	{"backlogx", `invalid parameter "backlogx"`},
	{"backlog=", `invalid backlog "backlog="`},
	{"backlog=0", `invalid backlog "backlog=0"`},
	{"backlog=-1", `invalid backlog "backlog=-1"`},
	{"backlog=1k", `invalid backlog "backlog=1k"`},
	{"default_server backlog=x foo", `invalid backlog "backlog=x"`},
	{"rcvbuf=x", `invalid rcvbuf "rcvbuf=x"`},
	{"rcvbuf=-1", `invalid rcvbuf "rcvbuf=-1"`},
	{"rcvbuf=1g", `invalid rcvbuf "rcvbuf=1g"`},
	{"sndbuf=", `invalid sndbuf "sndbuf="`},
	{"fastopen=", `invalid fastopen "fastopen="`},
	{"fastopen=-1", `invalid fastopen "fastopen=-1"`},
	{"so_keepalive=", `invalid so_keepalive value: ""`},
	{"so_keepalive=::", `invalid so_keepalive value: "::"`},
	{"so_keepalive=0", `invalid so_keepalive value: "0"`},
	{"so_keepalive=0:0:0", `invalid so_keepalive value: "0:0:0"`},
	{"so_keepalive=1:2:3:4", `invalid so_keepalive value: "1:2:3:4"`},
	{"so_keepalive=x:2:3", `invalid so_keepalive value: "x:2:3"`},
	{"so_keepalive=1:2:x", `invalid so_keepalive value: "1:2:x"`},
	{"so_keepalive=10ms:5s:3", `invalid so_keepalive value: "10ms:5s:3"`},
	{"backlog=99999999999", ""},
	{"rcvbuf=0 sndbuf=1 fastopen=0", ""},
	{"so_keepalive=0:2:3", ""},
	{"so_keepalive=1y", ""},
	{"so_keepalive=off so_keepalive=on", ""},
	{"bind bind default_server default", ""},
}

func TestParamErrors(t *testing.T) {
	for _, tt := range paramErrors {
		words := strings.Fields("18080 " + tt.params)
		for i, w := range words {
			words[i] = strings.ReplaceAll(w, `""`, "")
		}
		_, err := parseWords(words, noLookup)
		if got := errText(err); got != tt.want {
			t.Errorf("%s: %q; want %q", tt.params, got, tt.want)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestNotBuiltYet(t *testing.T) {
	for _, word := range []string{"quic"} {
		want := `"` + word + `" parameter is known to nginx but not supported by weir yet`
		if _, err := parseWords([]string{"80", word}, noLookup); errText(err) != want {
			t.Errorf("%s: %v", word, err)
		}
	}
	if _, err := parseWords(nil, nil); err == nil {
		t.Error("no words, no error")
	}
}

// TestParseCall reads a directive out of a configuration: the error points at the word.
func TestParseCall(t *testing.T) {
	type server struct{ specs []Spec }
	module := conf.Define("m", "", []conf.Directive[server]{{
		Name: "listen", In: conf.Main, Syntax: "! 1- <address>", Repeat: true,
		Set: func(s *server, call *conf.Call) error {
			specs, err := ParseCall(call)
			s.specs = append(s.specs, specs...)
			return err
		},
	}})
	load := func(text string) (*server, []conf.Diagnostic) {
		path := filepath.Join(t.TempDir(), "nginx.conf")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		tree, diags := conf.Load(path, conf.LoadOptions{})
		table := conf.NewTable(module)
		table.Check(tree, diags)
		s := conf.Settings[server](table.NewScopes(tree, nil, diags), module, tree.Main)
		return s, diags.List()
	}
	s, diags := load("listen 80 default_server; listen [::]:81;")
	if len(diags) != 0 || texts(s.specs) != "0.0.0.0:80 [::]:81" || !s.specs[0].Default {
		t.Errorf("%v %v", s.specs, diags)
	}
	_, diags = load("listen 80 default_server oops;")
	if len(diags) != 1 || diags[0].Text != `invalid parameter "oops"` || diags[0].Pos.Off != 25 {
		t.Errorf("%+v", diags)
	}
}

// TestOracle compares the sentences with those of an nginx, if there is one.
func TestOracle(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip(err)
	}
	about, _ := exec.Command(nginx, "-v").CombinedOutput()
	if !strings.Contains(string(about), "nginx/1.31.") {
		t.Skipf("%s: sentences are those of 1.31", about)
	}
	ask := func(listens ...string) string {
		dir := t.TempDir()
		path := filepath.Join(dir, "nginx.conf")
		text := "pid " + dir + "/pid; events {} http { access_log off;\n"
		for _, l := range listens {
			text += "server { " + l + " }\n"
		}
		if err := os.WriteFile(path, []byte(text+"}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.Command(nginx, "-t", "-e", "/dev/null", "-p", dir, "-c", path).CombinedOutput()
		if _, rest, ok := strings.Cut(string(out), "nginx: [emerg] "); ok {
			got, _, _ := strings.Cut(rest, " in "+path)
			return got
		}
		return ""
	}
	for _, tt := range addrErrors {
		want := tt.want + ` in "` + tt.addr + `" of the "listen" directive`
		if got := ask(`listen "` + tt.addr + `";`); got != want {
			t.Errorf("listen %q: nginx says %q; want %q", tt.addr, got, want)
		}
	}
	for _, tt := range paramErrors {
		if got := ask("listen 18080 " + tt.params + ";"); got != tt.want {
			t.Errorf("listen 18080 %s: nginx says %q; want %q", tt.params, got, tt.want)
		}
	}
	for _, tt := range planErrors {
		if got := ask(tt.servers...); got != tt.want {
			t.Errorf("%q: nginx says %q; want %q", tt.servers, got, tt.want)
		}
	}
}

// parseWords is parse for who does not ask which word is at fault.
func parseWords(words []string, lookup conf.Lookup) ([]Spec, error) {
	specs, _, err := parse(words, lookup)
	return specs, err
}
