package cycle

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/disk"
	"weir/logs"
	"weir/loop"
)

// Everything whose meaning depends on who reads it, where and when.
const dependent = `
user someone others;
worker_processes auto;
worker_cpu_affinity auto 0101;
worker_rlimit_nofile 4096;
worker_rlimit_core 10m;
working_directory /;
env HOME;
env KEPT=1;
error_log syslog:server=turning.test:5140,tag=main notice;
events { worker_connections 1024; debug_connection turning.test; debug_connection 192.0.2.0/24; }
include conf.d/*.conf;
http {
	set_real_ip_from turning.test;
	access_log syslog:server=turning.test main;
	access_log $DIR/access.log main buffer=32k;
	log_format main '$hostname $remote_addr';
	map $hostname $kind { hostnames; default other; .example.test known; }
	upstream turning { zone turning 64k; server turning.test:8080; server turning.test:8081 backup; }
	limit_req_zone $hostname zone=perhost:1m rate=10r/s;
	server { server_name $hostname; location / { proxy_pass http://turning; } }
	server { server_name other.test; location / { proxy_pass http://turning.test:9000; proxy_bind $remote_addr transparent; } }
	server { listen turning.test:8000; error_log $DIR/third.log; }
	server { listen 8100; listen localhost:8100; access_log /dev/null; access_log $DIR/$host.log; }
	server { listen unix:$DIR/socket; location / { root html; error_log $DIR/location.log; } }
	include servers/*;
}
`

// TestReplica builds a configuration as a master does and, from what that recorded, as its worker does on a machine that
// answers every question otherwise. Both must be of one mind.
func TestReplica(t *testing.T) {
	dir := t.TempDir()
	text := strings.ReplaceAll(dependent, "$DIR", dir)
	for name, text := range map[string]string{"nginx.conf": text, "conf.d/a.conf": "pid a.pid;", "servers/one": "server { listen 8200; }"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	outside := conf.Outside{
		Lookup: func(host string) ([]netip.Addr, error) {
			if host == "localhost" {
				return []netip.Addr{netip.IPv6Loopback()}, nil
			}
			asked++ // a name whose address is another one each time
			return []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(asked)})}, nil
		},
		User:  func(string) (conf.User, error) { return conf.User{UID: 1001, GID: 1002, Groups: []int{1003}}, nil },
		Group: func(string) (int, error) { return 1004, nil },
		Facts: func() conf.Facts { return conf.Facts{Root: true, Processors: 7, Hostname: "Master.example.test"} },
	}
	o := Options{
		Prefix: dir + "/", Conf: dir + "/nginx.conf", ErrorLog: dir + "/error.log",
		AccessLog: dir + "/access.log", TempPrefix: dir + "/", Version: "test",
	}
	var world conf.Recorded
	files := logs.NewFiles()
	master := mustBuild(t, o, &Process{Files: files, Temp: disk.NewTempNumbers(), Outside: outside.Record(&world)})
	defer master.Release()
	want := reading(t, master)
	for _, sure := range []string{"0.0.0.0:80 ", "192.0.2.1:8000 ", "master.example.test", "Workers:7", "UID:1001 GID:1004"} {
		if !strings.Contains(want, sure) {
			t.Errorf("%q is not in the master's reading:\n%s", sure, want)
		}
	}

	var wire bytes.Buffer
	if err := gob.NewEncoder(&wire).Encode(&world); err != nil {
		t.Fatal(err)
	}
	var there conf.Recorded
	if err := gob.NewDecoder(&wire).Decode(&there); err != nil {
		t.Fatal(err)
	}
	opened, _ := files.Opened()
	for _, folder := range []string{"conf.d", "servers"} {
		if err := os.RemoveAll(filepath.Join(dir, folder)); err != nil {
			t.Fatal(err)
		}
	}
	handed := logs.NewFiles()
	handed.OpenFD = func(path string) (int, error) {
		if !slices.Contains(opened, path) {
			return -1, errors.New("the master has not opened it")
		}
		return unix.Open(os.DevNull, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	}
	worker := mustBuild(t, o, &Process{Files: handed, Temp: disk.NewTempNumbers(), Outside: there.Outside(), Replica: true})
	defer worker.Release()
	if got := reading(t, worker); got != want {
		t.Errorf("the worker reads\n%s\nthe master read\n%s", got, want)
	}
	if again, _ := handed.Opened(); !sameSet(again, opened) {
		t.Errorf("the worker has opened %q, the master %q", again, opened)
	}
}

func sameSet(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// reading is what a cycle is made of, as far as it can be told apart.
func reading(t *testing.T, c *Cycle) string {
	t.Helper()
	var b strings.Builder
	id, err := c.Main.Identity(c.Tree.Outside())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%+v\n%+v\n%+v\nhost %s, raw sockets %v, pid %s\n", *c.Main, id, *c.Events, c.fronts[0].(*httpFront).app.Hostname, c.env.RawSockets(), c.PidFile())
	for _, s := range c.specs() {
		fmt.Fprintf(&b, "listen %s %+v\n", s, s)
	}
	for _, s := range c.fronts[0].(*httpFront).app.Servers {
		fmt.Fprintf(&b, "server")
		for _, n := range s.Names {
			fmt.Fprintf(&b, " %q", n.Text)
		}
		fmt.Fprintln(&b)
	}
	for _, g := range c.fronts[0].(*httpFront).groups.Groups() {
		fmt.Fprintf(&b, "group %s", g.Name)
		for _, p := range g.Status(nil, loop.Time(0)) {
			fmt.Fprintf(&b, " %s of %s", p.Peer.Name, p.Peer.Server)
		}
		fmt.Fprintln(&b)
	}
	for _, dir := range c.env.Folders() {
		fmt.Fprintln(&b, "temporary files in", dir)
	}
	return b.String()
}
