package cycle

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"weir/conf"
	"weir/disk"
	"weir/http/build"
	"weir/load"
	"weir/logs"
)

// declaring has every directive that others are to know of when it is used: names of variables, groups, zones, charsets, rights.
const declaring = `
events {}
http {
	limit_conn_zone $server_name zone=c:1m;
	limit_req_zone $binary_remote_addr zone=a:1m rate=1r/s;
	server {
		listen 127.0.0.1:8080;
		server_name ~^(?<sub>\w+)\.example\.com$;
		set $mine 1;
		rewrite ^/(?<first>\w+)/x /y;
		if ($host ~ ^(?<head>.)) { set $other 2; }
		auth_request_set $given $host;
		limit_conn c 1;
		limit_req zone=a;
		charset koi8-r;
		source_charset utf-8;
		location /http/ { proxy_pass http://127.0.0.1:1/; proxy_redirect ~^/(?<old>.*) /$old; proxy_bind 127.0.0.1 transparent; }
		location /fcgi/ { fastcgi_pass 127.0.0.1:2; }
		location /uwsgi/ { uwsgi_pass uwsgi://127.0.0.1:3; }
		location /scgi/ { scgi_pass 127.0.0.1:4; }
		location /mem/ { set $memcached_key x; memcached_pass 127.0.0.1:5; }
	}
	charset_map koi8-r utf-8 { C0 D18E; }
}`

// TestSetChangesNothingElse has the settings of a configuration read not at all, once and twice: what others know is the same.
func TestSetChangesNothingElse(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(declaring), 0o600); err != nil {
		t.Fatal(err)
	}
	tree, d := conf.Load(file, conf.LoadOptions{Prefix: dir + "/"})
	table := Table()
	table.Check(tree, d)
	env := load.New(load.Options{Prefix: dir + "/", Files: logs.NewFiles()}, tree, d)
	builder := build.New(env, httpModules(), disk.NewTempNumbers())
	known := func() string {
		text := fmt.Sprintf("slots %d, raw sockets %v, folders %q, groups", builder.Vars.Slots(), env.RawSockets(), env.Folders())
		for _, s := range builder.Upstreams().Specs() {
			text += fmt.Sprintf(" %s:%d", s.Name, s.Port)
		}
		return text + fmt.Sprintf(", zone a mentioned %d times", len(env.Zones.Find("a").At))
	}
	table.Declare(tree, env, d)
	if d.Failed() {
		t.Fatal(d.List())
	}
	want := known()
	for range 2 {
		scopes := table.NewScopes(tree, env, d)
		scopes.ResolveAll()
		if d.Failed() {
			t.Fatal(d.List())
		}
		if got := known(); got != want {
			t.Errorf("after Set:\n%s\nbefore:\n%s", got, want)
		}
	}
	t.Log(want)
}
