// Package examples_test runs what the examples promise.
package examples_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"weir/weirtest"
)

// reply is what every server of the API answers.
type reply struct {
	Server int    `json:"server"`
	Client string `json:"client"`
	Notes  []struct {
		ID   int    `json:"id"`
		Text string `json:"text"`
	} `json:"notes"`
	Note struct {
		ID int `json:"id"`
	} `json:"note"`
}

// api is the example at work, on free ports.
type api struct {
	t     *testing.T
	addr  string
	ports map[int]int // the port in nginx.conf to the one in use
	node  map[int]*exec.Cmd
}

// TestAPI runs api.example.dev with real Node.js servers.
func TestAPI(t *testing.T) {
	a := startAPI(t)

	t.Run("a page", func(t *testing.T) {
		r := a.ask("GET", "/", "")
		if r.Status != 200 || !strings.Contains(string(r.Body), "<h1>api.example.dev</h1>") {
			t.Errorf("%s", r)
		}
		if ct := r.Get("Content-Type"); len(ct) != 1 || ct[0] != "text/html" {
			t.Errorf("Content-Type %q", ct)
		}
	})
	t.Run("take turns", func(t *testing.T) {
		count := map[int]int{}
		for range 8 {
			count[a.json("GET", "/notes", "").Server]++
		}
		for _, port := range a.ports {
			if port != a.ports[8080] && count[port] != 2 {
				t.Errorf("of 8 requests %d went to %d: %v", count[port], port, count)
			}
		}
	})
	t.Run("fixed places", func(t *testing.T) {
		for path, port := range map[string]int{"/admin": 8002, "/admin/x": 8002, "/user": 8003, "/user/": 8003} {
			for range 3 {
				if got := a.json("GET", path, "").Server; got != a.ports[port] {
					t.Errorf("%s went to %d, not to %d", path, got, a.ports[port])
				}
			}
		}
	})
	t.Run("one database", a.testDatabase)
	t.Run("a dead server is passed over", func(t *testing.T) {
		a.stop(8001)
		for range 8 {
			if r := a.ask("GET", "/notes", ""); r.Status != 200 {
				t.Errorf("%s", r)
			}
		}
	})
}

// testDatabase writes by all servers at once and reads by each.
func (a *api) testDatabase(t *testing.T) {
	const n = 20
	ids := make([]int, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { ids[i] = a.json("POST", "/notes", fmt.Sprintf(`{"text":"note %d"}`, i)).Note.ID })
	}
	wg.Wait()
	seen := map[int]bool{}
	for _, id := range ids {
		if id == 0 || seen[id] {
			t.Errorf("numbers are not unique: %v", ids)
			break
		}
		seen[id] = true
	}
	for range 4 {
		r := a.json("GET", "/notes", "")
		if len(r.Notes) != n {
			t.Errorf("server %d knows %d notes", r.Server, len(r.Notes))
		}
		if r.Client != "127.0.0.1" {
			t.Errorf("the client is %q", r.Client)
		}
	}
}

func startAPI(t *testing.T) *api {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	binary, err := weirtest.Binary()
	if errors.Is(err, weirtest.ErrNoServer) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	a := &api{t: t, ports: map[int]int{}, node: map[int]*exec.Cmd{}}
	dir := a.install()
	for _, p := range []int{8000, 8001, 8002, 8003} {
		a.startNode(node, dir, p)
	}
	a.addr = fmt.Sprintf("127.0.0.1:%d", a.ports[8080])
	s, err := weirtest.Start(weirtest.Options{Binary: binary, Dir: dir, Ready: []string{a.addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if code, err := s.Stop(syscall.SIGQUIT); code != 0 || err != nil {
			t.Errorf("exit status %d, %v", code, err)
		}
		s.Kill()
	})
	return a
}

// install copies the example into a folder of its own and puts free ports in the place of its own.
func (a *api) install() string {
	t := a.t
	t.Helper()
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS("api.example.dev")); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "nginx.conf")
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.Replace(string(text), "pid       api.pid;\n", "", 1) // the bench names it
	for _, p := range []int{8000, 8001, 8002, 8003, 8080} {
		addr, err := ports.Take()
		if err != nil {
			t.Fatal(err)
		}
		var free int
		if _, err := fmt.Sscanf(addr, "127.0.0.1:%d", &free); err != nil {
			t.Fatal(err)
		}
		a.ports[p] = free
		s = strings.ReplaceAll(s, fmt.Sprintf("127.0.0.1:%d", p), addr)
	}
	if err := os.WriteFile(conf, []byte(s), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (a *api) startNode(node, dir string, port int) {
	a.t.Helper()
	cmd := exec.Command(node, filepath.Join(dir, "server.js"), fmt.Sprint(a.ports[port]), filepath.Join(dir, "data.jsonl"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.node[port] = cmd
	a.t.Cleanup(func() { a.stop(port) })
	up := weirtest.Eventually(func() bool {
		c, err := weirtest.Dial(fmt.Sprintf("127.0.0.1:%d", a.ports[port]), "")
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	if !up {
		a.t.Fatalf("server.js does not listen on %d", a.ports[port])
	}
}

// stop ends one of the Node.js servers; a second time it does nothing.
func (a *api) stop(port int) {
	if cmd := a.node[port]; cmd != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		a.node[port] = nil
	}
}

func (a *api) ask(method, path, body string) *weirtest.Answer {
	a.t.Helper()
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: api.example.dev\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
	answers, err := weirtest.Ask(a.addr, text)
	if err != nil || len(answers) != 1 {
		a.t.Errorf("%s %s: %v, %v", method, path, answers, err)
		return &weirtest.Answer{}
	}
	return answers[0]
}

func (a *api) json(method, path, body string) reply {
	a.t.Helper()
	var r struct {
		reply
		Notes json.RawMessage `json:"notes"` // a list, or at /admin a number
	}
	b := a.ask(method, path, body).Body
	if err := json.Unmarshal(b, &r); err != nil {
		a.t.Errorf("%s %s: %v in %q", method, path, err, b)
	}
	_ = json.Unmarshal(r.Notes, &r.reply.Notes)
	return r.reply
}
