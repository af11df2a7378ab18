package listen

import (
	"strings"
	"testing"
)

// planErrors are what nginx 1.31.5 says of servers with these listens.
var planErrors = []struct {
	servers []string
	want    string
}{
	{[]string{"listen 18080; listen *:18080;"}, "a duplicate listen 0.0.0.0:18080"},
	{[]string{"listen 18080; listen 18080 default_server;"}, "a duplicate listen 0.0.0.0:18080"},
	{[]string{"listen 18080-18082; listen 18081;"}, "a duplicate listen 0.0.0.0:18081"},
	{[]string{"listen 18080 default_server;", "listen 18080 default_server;"}, "a duplicate default server for 0.0.0.0:18080"},
	{[]string{"listen 18080 backlog=10;", "listen 18080 backlog=10;"}, "duplicate listen options for 0.0.0.0:18080"},
	{[]string{"listen 18080;", "listen 18080 bind;", "listen 18080 so_keepalive=on;"}, "duplicate listen options for 0.0.0.0:18080"},
	{[]string{"listen 18080 default_server backlog=5;", "listen 18080 backlog=6 default_server;"}, "duplicate listen options for 0.0.0.0:18080"},
	{[]string{"listen [::]:18080 ipv6only=on;", "listen [::]:18080 ipv6only=on;"}, "duplicate listen options for [::]:18080"},
	{[]string{"listen 18080 default_server; listen 127.0.0.1:18080 default_server;"}, ""},
	{[]string{"listen 18080 backlog=5; listen 127.0.0.1:18080 backlog=6;"}, ""},
	{[]string{"listen 18080 backlog=10; server_name a;", "listen 18080; server_name b;"}, ""},
}

// plan makes a Plan of servers as they stand in a configuration, and returns its first error.
func plan(t *testing.T, servers ...string) (*Plan[int], error) {
	t.Helper()
	p := new(Plan[int])
	for n, text := range servers {
		for d := range strings.SplitSeq(text, ";") {
			words := strings.Fields(d)
			if len(words) == 0 || words[0] != "listen" {
				continue
			}
			specs, err := parseWords(words[1:], noLookup)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range specs {
				if _, err := p.Add(s, n); err != nil {
					return p, err
				}
			}
		}
	}
	return p, nil
}

func TestPlanErrors(t *testing.T) {
	for _, tt := range planErrors {
		if _, err := plan(t, tt.servers...); errText(err) != tt.want {
			t.Errorf("%q: %v; want %q", tt.servers, err, tt.want)
		}
	}
}

func TestPlanDefaultServer(t *testing.T) {
	p, err := plan(t, "listen 80", "listen 80 backlog=7", "listen 80 default_server", "listen 80")
	if err != nil {
		t.Fatal(err)
	}
	e := p.entries[0]
	if len(p.entries) != 1 || e.Default != 2 || len(e.Servers) != 4 || e.Spec.Backlog != 7 {
		t.Errorf("%+v", e)
	}
	p, _ = plan(t, "listen 80", "listen 80")
	if p.entries[0].Default != 0 {
		t.Error("the first server is not the default")
	}
}

func TestPlanSockets(t *testing.T) {
	p, err := plan(t,
		"listen 127.0.0.1:80; listen 127.0.0.1:81; listen unix:/a; listen 127.0.0.2:80 bind",
		"listen 80; listen [::]:80; listen [::1]:80",
		"listen 127.0.0.3:80; listen [::1]:81")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Sockets() {
		words := []string{s.Spec.String()}
		for _, e := range s.Inside {
			words = append(words, e.Spec.String())
		}
		got = append(got, strings.Join(words, " + "))
	}
	want := []string{
		"127.0.0.1:81", "unix:/a", "127.0.0.2:80",
		"0.0.0.0:80 + 127.0.0.1:80 + 127.0.0.3:80", "[::]:80 + [::1]:80", "[::1]:81",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
