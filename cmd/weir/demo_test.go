package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"weir/weirtest"
)

// A runningDemo is "weir demo" as a process of its own.
type runningDemo struct {
	t     *testing.T
	cmd   *exec.Cmd
	front string
	ports []string
	said  string // all that it printed before it was ready
	more  *bytes.Buffer
	read  chan struct{} // closed at the end of its output
}

// demoBinary is weir, built from this tree.
func demoBinary(t *testing.T) string {
	t.Helper()
	t.Setenv("WEIR_BINARY", "")
	bin, err := weirtest.Binary()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// demoPorts takes five free ports: weir's address and those of the back ends.
func demoPorts(t *testing.T) (front string, back []string) {
	t.Helper()
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	var all []string
	for range 1 + demoBackends {
		addr, err := ports.Take()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, addr)
	}
	for _, addr := range all[1:] {
		_, p, _ := net.SplitHostPort(addr)
		back = append(back, p)
	}
	return all[0], back
}

// startDemo runs the demo and waits until it has said what to try.
func startDemo(t *testing.T) *runningDemo {
	t.Helper()
	front, back := demoPorts(t)
	d := &runningDemo{t: t, front: front, ports: back, more: &bytes.Buffer{}, read: make(chan struct{})}
	d.cmd = exec.Command(demoBinary(t), "demo", "-listen", front, "-ports", strings.Join(back, ","))
	d.cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	d.cmd.Stderr = os.Stderr
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.cmd.Process.Kill() })
	r := bufio.NewReader(out)
	for !strings.Contains(d.said, "Ctrl-C") {
		line, err := r.ReadString('\n')
		d.said += line
		if err != nil {
			t.Fatalf("the demo ended: %v after\n%s", err, d.said)
		}
	}
	go func() {
		defer close(d.read)
		_, _ = io.Copy(d.more, r)
	}()
	return d
}

// get asks weir for a path on a connection of its own.
func (d *runningDemo) get(client *http.Client, method, path string) (status int, body string) {
	req, err := http.NewRequest(method, "http://"+d.front+path, nil)
	if err != nil {
		return 0, err.Error()
	}
	req.Host = "api.example.dev"
	res, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

// must is get for an answer of 200.
func (d *runningDemo) must(method, path string) string {
	d.t.Helper()
	status, body := d.get(http.DefaultClient, method, path)
	if status != 200 {
		d.t.Fatalf("%s %s: %d %s", method, path, status, body)
	}
	return body
}

// hits asks once and says who answered, and how many were counted.
func (d *runningDemo) hits() (server string, total int) {
	d.t.Helper()
	var a struct {
		Server string
		Hits   int
	}
	if err := json.Unmarshal([]byte(d.must("GET", "/api/hits")), &a); err != nil {
		d.t.Fatal(err)
	}
	return a.Server, a.Hits
}

// TestDemo does what the demo says to try.
func TestDemo(t *testing.T) {
	d := startDemo(t)
	dir := regexp.MustCompile(`removes (\S+/)`).FindStringSubmatch(d.said)
	if dir == nil {
		t.Fatalf("no folder is named in\n%s", d.said)
	}
	conf, err := os.ReadFile(filepath.Join(dir[1], "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(conf)) {
		if !strings.Contains(d.said, line) {
			t.Errorf("not printed: %q", line)
		}
	}

	seen := map[string]bool{}
	for i := 1; i <= 4; i++ {
		server, total := d.hits()
		seen[server] = true
		if total != i {
			t.Errorf("request %d: %d are counted", i, total)
		}
	}
	if len(seen) != 4 {
		t.Errorf("four requests were answered by %v", seen)
	}
	for range 3 {
		if body := d.must("GET", "/admin"); !strings.Contains(body, `"`+d.ports[2]+`"`) {
			t.Errorf("/admin: %s", body)
		}
		if body := d.must("GET", "/user"); !strings.Contains(body, `"`+d.ports[3]+`"`) {
			t.Errorf("/user: %s", body)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir[1], "www", "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	if body := d.must("GET", "/"); body != string(page) || !strings.Contains(body, "</html>") {
		t.Errorf("/ is not the page on disk: %q", body)
	}

	d.killUnderLoad(d.ports[1])
	d.reload(dir[1])
	d.finish(dir[1])
}

// killUnderLoad stops a back end while requests go on, brings it back, and sees no request fail.
func (d *runningDemo) killUnderLoad(victim string) {
	d.t.Helper()
	var stop atomic.Bool
	var asked, failed atomic.Int64
	var answers sync.WaitGroup
	for range 4 {
		answers.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for !stop.Load() {
				asked.Add(1)
				if status, body := d.get(client, "GET", "/api/hits"); status != 200 {
					failed.Add(1)
					d.t.Errorf("under load: %d %s", status, body)
				}
			}
		})
	}
	weirtest.Eventually(func() bool { return asked.Load() > 50 })
	d.must("POST", "/demo/stop/"+victim)
	if c, err := net.Dial("tcp", "127.0.0.1:"+victim); err == nil {
		c.Close()
		d.t.Error("the stopped back end still listens")
	}
	if state := d.must("GET", "/demo/state"); !strings.Contains(state, fmt.Sprintf(`"server":"%s","up":false}`, victim)) {
		d.t.Errorf("state: %s", state)
	}
	before := asked.Load()
	weirtest.Eventually(func() bool { return asked.Load() > before+50 })
	d.must("POST", "/demo/start/"+victim)
	back := weirtest.Eventually(func() bool {
		server, _ := d.hits()
		return server == victim
	})
	stop.Store(true)
	answers.Wait()
	if !back {
		d.t.Errorf("%s never answered again", victim)
	}
	if failed.Load() > 0 || asked.Load() < 10 {
		d.t.Errorf("%d of %d requests failed", failed.Load(), asked.Load())
	}
}

// change replaces a text in the configuration of the running demo, and asks it to reload.
func (d *runningDemo) change(dir, before, after string) {
	d.t.Helper()
	path := filepath.Join(dir, "nginx.conf")
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(before), []byte(after), 1)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		d.t.Fatal(err)
	}
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		d.t.Fatal(err)
	}
}

// reload changes the configuration, rightly and then wrongly.
func (d *runningDemo) reload(dir string) {
	d.t.Helper()
	d.change(dir, "location /user ", "location /new { return 200 new; }\nlocation /user ")
	if !weirtest.Eventually(func() bool { status, _ := d.get(http.DefaultClient, "GET", "/new"); return status == 200 }) {
		d.t.Error("the new location does not answer after SIGHUP")
	}
	d.change(dir, "return 200 new;", "retrun 200 new;")
}

// finish interrupts the demo and sees that it leaves nothing.
func (d *runningDemo) finish(dir string) {
	d.t.Helper()
	http.DefaultClient.CloseIdleConnections()
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		d.t.Fatal(err)
	}
	<-d.read
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("after SIGINT: %v\n%s", err, d.more)
	}
	if !strings.Contains(d.more.String(), "nothing is left behind") {
		d.t.Errorf("it did not say that it ended: %q", d.more)
	}
	for _, said := range []string{"nginx.conf is reloaded", "nginx.conf is not reloaded", `unknown directive "retrun"`, `did you mean "return"?`} {
		if !strings.Contains(d.more.String(), said) {
			d.t.Errorf("of the reloads it did not say %q: %q", said, d.more)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		d.t.Errorf("%s is still there: %v", dir, err)
	}
	for _, addr := range append([]string{d.front}, backends(d.ports)...) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			d.t.Errorf("%s still answers", addr)
		}
	}
}

func backends(ports []string) []string {
	var all []string
	for _, p := range ports {
		all = append(all, "127.0.0.1:"+p)
	}
	return all
}

// TestDemoCommands runs what the demo prints, by the shell it is meant for.
func TestDemoCommands(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl")
	}
	d := startDemo(t)
	var output []string
	for line := range strings.Lines(d.said) {
		if !regexp.MustCompile(`^     (curl|for|kill) `).MatchString(line) {
			continue
		}
		out, err := exec.Command("sh", "-c", line).CombinedOutput()
		if err != nil || strings.Contains(string(out), "FAILED") || strings.Contains(string(out), "<html>") {
			t.Errorf("%s%v\n%s", line, err, out)
		}
		output = append(output, string(out))
	}
	if len(output) != 8 || strings.Count(output[0], "server") != 4 || strings.Count(output[3], "server") != 8 {
		t.Fatalf("the commands printed %q", output)
	}
	servers := map[string]bool{}
	for _, s := range regexp.MustCompile(`"server":"(\d+)"`).FindAllString(output[5], -1) {
		servers[s] = true
	}
	if strings.Count(output[5], "hits") != 4 || len(servers) != 1 {
		t.Errorf("a client with cookies: %q", output[5])
	}
	if strings.Count(output[6], "X-Cache: HIT") != 3 {
		t.Errorf("from the cache: %q", output[6])
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-d.read
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// TestDemoPortsTaken sees that a demo that cannot start says why, and what to do.
func TestDemoPortsTaken(t *testing.T) {
	front, back := demoPorts(t)
	l, err := net.Listen("tcp", "127.0.0.1:"+back[2])
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd := exec.Command(demoBinary(t), "demo", "-listen", front, "-ports", strings.Join(back, ","))
	tmp := t.TempDir()
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("it ended well")
	}
	for _, want := range []string{"127.0.0.1:" + back[2], "back end 3", "-ports", "in use"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestDemoFlags holds what -ports takes.
func TestDemoFlags(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want string // empty: an error
	}{
		{"8000-8003", "8000,8001,8002,8003"},
		{"1,20,300,4000", "1,20,300,4000"},
		{"8000", ""},
		{"8000-8002", ""},
		{"8000-8009", ""},
		{"8003-8000", ""},
		{"65533-65536", ""},
		{"0-3", ""},
		{"a,b,c,d", ""},
		{"", ""},
	} {
		list, err := parsePorts(tt.in)
		var got []string
		for _, p := range list {
			got = append(got, strconv.Itoa(p))
		}
		if s := strings.Join(got, ","); s != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: %q, %v", tt.in, s, err)
		}
	}
}
