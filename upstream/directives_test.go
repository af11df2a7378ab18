package upstream

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/conf"
)

// TestErrors compares what is said about the configurations of testdata/conf/errors.txt with what is written there, and with nginx where one of today
// is installed (WEIR_NGINX names its binary).
func TestErrors(t *testing.T) {
	const file = "testdata/conf/errors.txt"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	nginx := oracle(t, "1.31")
	var out []string
	for step := range strings.SplitSeq(strings.TrimSpace(string(b)), "\n\n") {
		config, want, _ := strings.Cut(step, "\n----\n")
		got := said(config)
		out = append(out, config+"\n----\n"+got)
		if !*update && got != want {
			t.Errorf("%s\ngot:  %s\nwant: %s", config, got, want)
		}
		if nginx != "" {
			if theirs := nginxSays(t, nginx, config); theirs != got {
				t.Errorf("%s\nnginx: %s\nweir:  %s", config, theirs, got)
			}
		}
	}
	if text := strings.Join(out, "\n\n") + "\n"; *update && text != string(b) {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// said is the diagnostics of a configuration, up to the first error, as nginx words them.
func said(config string) string {
	d, diags, o := loadConf(config, letters)
	if !diags.Failed() {
		d.Build(o, diags)
	}
	var out []string
	for _, g := range diags.List() {
		text, _, _ := strings.Cut(g.Text, " in nginx.conf")
		out = append(out, fmt.Sprintf("[%s] %s", g.Level, text))
		if g.Level == "emerg" {
			break
		}
	}
	if len(out) == 0 {
		return "ok"
	}
	return strings.Join(out, "\n")
}

// oracle is the nginx to compare with, "" when there is none of the version.
func oracle(t testing.TB, least string) string {
	t.Helper()
	nginx := os.Getenv("WEIR_NGINX")
	if nginx == "" {
		var err error
		if nginx, err = exec.LookPath("nginx"); err != nil {
			return ""
		}
	}
	out, err := exec.Command(nginx, "-v").CombinedOutput()
	_, version, ok := strings.Cut(strings.TrimSpace(string(out)), "nginx/")
	if err != nil || !ok || older(version, least) {
		return ""
	}
	return nginx
}

func older(version, least string) bool {
	var a, b, c, d int
	_, _ = fmt.Sscanf(version, "%d.%d", &a, &b)
	_, _ = fmt.Sscanf(least, "%d.%d", &c, &d)
	return a < c || a == c && b < d
}

func nginxSays(t *testing.T, nginx, config string) string {
	t.Helper()
	dir := t.TempDir()
	main := filepath.Join(dir, "nginx.conf")
	text := "events { }\nhttp {\n" + config + "\n}\n"
	if err := os.WriteFile(main, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o777); err != nil {
		t.Fatal(err)
	}
	b, _ := exec.Command(nginx, "-t", "-e", "logs/error.log", "-p", dir, "-c", main).CombinedOutput()
	var out []string
	for line := range strings.Lines(string(b)) {
		i := strings.Index(line, "[")
		if i < 0 || strings.Contains(line, "[notice]") {
			continue
		}
		text, _, _ := strings.Cut(line[i:], " in "+main)
		out = append(out, strings.TrimSpace(text))
	}
	if len(out) == 0 {
		return "ok"
	}
	return strings.Join(out, "\n")
}

func TestTable(t *testing.T) {
	for _, err := range conf.NewTable(Module(), ResolverModule).Problems() {
		t.Error(err)
	}
}

// TestSpec looks at what a block becomes.
func TestSpec(t *testing.T) {
	d, diags := parseConf(`upstream App {
	zone app 64k;
	hash $host$uri consistent;
	server a:8080 weight=3 max_fails=2 fail_timeout=1m max_conns=7;
	server many down;
	server unix:/run/x.sock drain route=r1;
	server [::1]:90;
	keepalive 5 local;
	keepalive_requests 6;
	keepalive_time 7m;
	keepalive_timeout 8s;
}`)
	if diags.Failed() {
		t.Fatal(diags.List())
	}
	s := d.Find("aPP")
	if s == nil {
		t.Fatal("not found")
	}
	if s.Name != "App" || s.Method != MethodConsistent || s.Key.Source != "$host$uri" || s.Zone != "app" || s.ZoneSize != 65536 {
		t.Errorf("%+v", s)
	}
	if got := fmt.Sprint(s.Keepalive); got != "{5 true 6 7m0s 8s}" {
		t.Error(got)
	}
	g, err := Build(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range g.Peers() {
		out = append(out, fmt.Sprintf("%s %s w=%d f=%d/%v c=%d down=%v", p.Server, p.Name, p.Weight, p.MaxFails, p.FailTimeout, p.MaxConns, p.Down || p.Drain))
	}
	want := `a:8080 10.0.0.1:8080 w=3 f=2/1m0s c=7 down=false
many 10.1.0.1:80 w=1 f=1/10s c=0 down=true
many 10.1.0.2:80 w=1 f=1/10s c=0 down=true
many [fd00::3]:80 w=1 f=1/10s c=0 down=true
unix:/run/x.sock unix:/run/x.sock w=1 f=1/10s c=0 down=true
[::1]:90 [::1]:90 w=1 f=1/10s c=0 down=false`
	if got := strings.Join(out, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
