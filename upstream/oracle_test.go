package upstream

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/loop"
	"weir/weirtest"
)

// TestSequences asks nginx and weir the same questions and compares the servers they try, in order. A1 … A4 are servers that answer, D1 and D2 are
// not there.
func TestSequences(t *testing.T) {
	nginx := oracle(t, "1.20")
	if nginx == "" {
		t.Skip("no nginx here")
	}
	uris := questions(150, func(i int) (uri, client string) { return fmt.Sprintf("/page/%d?x=%d", i, i*i), "" })
	same := questions(40, func(int) (uri, client string) { return "/", "" })
	clients := questions(150, func(i int) (uri, client string) {
		return "/", fmt.Sprintf("%d.%d.%d.%d", 1+i%223, i*7%256, i*31%256, i%256)
	})
	clients6 := questions(100, func(i int) (uri, client string) {
		return "/", fmt.Sprintf("2001:db8:%x::%x", i*31, i)
	})
	tests := []struct {
		name, block string
		ask         []question
	}{
		{"round robin", "server A1; server A2; server A3;", same},
		{"weights", "server A1 weight=5; server A2; server A3 weight=2; server A4 down;", same},
		{"failures", "server A1; server D1 weight=3 max_fails=7; server A2; server D2 max_fails=2;", same},
		{"failures without end", "server D1 weight=10 max_fails=0; server A1 weight=3;", same},
		{"weight recovery", "server A1 weight=10; server D1 weight=20 max_fails=15; server A2 weight=7;", same},
		{"backup", "server D1; server D2; server A1 backup; server A2 backup weight=2;", same},
		{"dead backup", "server D1; server D2 backup max_fails=3; server A2 backup;", same},
		{"all dead", "server D1; server D2 max_fails=3;", same},
		{"least_conn", "least_conn; server A1; server A2 weight=3; server A3 weight=2;", same},
		{"least_conn failures", "least_conn; server D1 max_fails=4; server A2 weight=3; server A3 weight=2; server A4 backup;", same},
		{"hash", "hash $request_uri; server A1; server A2 weight=3; server A3; server A4 down;", uris},
		{"hash failures", "hash $request_uri; server A1; server A2; server D1 max_fails=0 weight=4; server D2 max_fails=2;", uris},
		{"hash without key", "hash $arg_nothing; server A1; server A2 weight=2; server A3;", same},
		{"consistent", "hash $request_uri consistent; server A1; server A2 weight=3; server A3;", uris},
		{"consistent failures", "hash $request_uri consistent; server A1; server D1 max_fails=0 weight=2; server A3; server D2; server A4 down;", uris},
		{"consistent without key", "hash $arg_nothing consistent; server A1; server A2 weight=2;", same},
		{"ip_hash", "ip_hash; server A1; server A2 weight=2; server A3;", clients},
		{"ip_hash failures", "ip_hash; server A1; server D1 max_fails=0 weight=2; server A3; server A4 down;", clients},
		{"ip_hash IPv6", "ip_hash; server A1; server A2 weight=2; server A3; server A4;", clients6},
	}
	o := newOracle(t, nginx)
	var groups strings.Builder
	for i, tt := range tests {
		fmt.Fprintf(&groups, "upstream u%d {\n%s\n}\n", i, o.names.Replace(tt.block))
	}
	o.start(groups.String())
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			theirs := o.ask(fmt.Sprintf("u%d", i), tt.ask)
			ours := sequence(t, o.names.Replace(tt.block), o.dead, tt.ask)
			for j := range theirs {
				if theirs[j] != ours[j] {
					t.Fatalf("question %d %v\nnginx: %s\nweir:  %s", j, tt.ask[j], o.back.Replace(theirs[j]), o.back.Replace(ours[j]))
				}
			}
		})
	}
}

type question struct{ uri, client string }

func questions(n int, f func(i int) (uri, client string)) []question {
	q := make([]question, n)
	for i := range q {
		q[i].uri, q[i].client = f(i)
	}
	return q
}

// sequence is what weir tries for each question, as $upstream_addr shows it.
func sequence(t *testing.T, block string, dead []string, ask []question) []string {
	d, diags := parseGroup(block)
	if diags.Failed() {
		t.Fatal(diags.List())
	}
	g := d.Build(Options{}, diags).Groups()[0]
	now := loop.Time(100 * time.Second)
	var out []string
	var a Attempt
	for _, q := range ask {
		who := Ask{Now: now}
		if strings.Contains(block, "$request_uri") {
			who.Key = []byte(q.uri)
		}
		if q.client != "" {
			who.Client = netip.MustParseAddr(q.client)
		}
		g.Begin(&a, who)
		out = append(out, strings.Join(tryAll(&a, dead, now), ", "))
	}
	return out
}

func tryAll(a *Attempt, dead []string, now loop.Time) []string {
	var tried []string
	for {
		p, err := a.Next(now)
		if err != nil {
			return append(tried, a.Group().Name)
		}
		tried = append(tried, p.Name)
		if !slices.Contains(dead, p.Name) {
			a.Done(p, now, OK, Timing{})
			return tried
		}
		if a.Done(p, now, Failed, Timing{Header: -1}); a.Tries() == 0 {
			return tried
		}
	}
}

// nginxOracle is an nginx whose locations are proxied to the groups asked for.
type nginxOracle struct {
	t           *testing.T
	binary      string
	dir, socket string
	alive, dead []string
	names, back *strings.Replacer
}

func newOracle(t *testing.T, binary string) *nginxOracle {
	t.Helper()
	o := &nginxOracle{t: t, binary: binary, dir: t.TempDir()}
	o.socket = filepath.Join(o.dir, "front.sock")
	var there, back []string
	for _, name := range []string{"A1", "A2", "A3", "A4", "D1", "D2"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close() // all at once, so that they differ
		addr := ln.Addr().String()
		if name[0] == 'A' {
			o.alive = append(o.alive, addr)
		} else {
			o.dead = append(o.dead, addr)
		}
		there, back = append(there, name, addr), append(back, addr, name)
	}
	o.names, o.back = strings.NewReplacer(there...), strings.NewReplacer(back...)
	return o
}

func (o *nginxOracle) start(groups string) {
	o.t.Helper()
	var servers strings.Builder
	for _, addr := range o.alive {
		fmt.Fprintf(&servers, "server { listen %s; return 204; }\n", addr)
	}
	text := fmt.Sprintf(`daemon off; master_process off; pid pid; error_log error.log;
events { worker_connections 512; }
http {
	access_log off;
	client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
	set_real_ip_from unix:; real_ip_header X-Client;
	%s %s
	server {
		listen unix:%s;
		keepalive_requests 100000;
		location / {
			add_header X-Tried $upstream_addr always;
			proxy_pass http://$http_x_group;
		}
	}
}
`, groups, servers.String(), o.socket)
	main := filepath.Join(o.dir, "nginx.conf")
	if err := os.WriteFile(main, []byte(text), 0o666); err != nil {
		o.t.Fatal(err)
	}
	cmd := exec.Command(o.binary, "-e", "error.log", "-p", o.dir, "-c", main)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if !weirtest.Eventually(func() bool {
		c, err := net.Dial("unix", o.socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	}) {
		o.t.Skipf("nginx does not start: %s", said.String())
	}
}

// ask gives the X-Tried header of every answer.
func (o *nginxOracle) ask(group string, ask []question) []string {
	o.t.Helper()
	c, err := net.Dial("unix", o.socket)
	if err != nil {
		o.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	var out []string
	for _, q := range ask {
		fmt.Fprintf(c, "HEAD %s HTTP/1.1\r\nHost: x\r\nX-Group: %s\r\nX-Client: %s\r\n\r\n", q.uri, group, q.client)
		tried := ""
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				o.t.Fatal(err)
			}
			if line == "\r\n" {
				break
			}
			if v, ok := strings.CutPrefix(line, "X-Tried: "); ok {
				tried = strings.TrimSpace(v)
			}
		}
		// The name of a group without a live server is its own in both.
		out = append(out, strings.ReplaceAll(tried, group, "u"))
	}
	return out
}
