package packaging_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"weir/weirtest"
)

// TestStock starts weir with the configurations that distributions install, each in a tree of its own: testdata/stock has an archive for
// each, with the requests and what they get in front, "links" for symbolic links, and warnings that are expected.
func TestStock(t *testing.T) {
	binary, err := weirtest.Binary()
	if err != nil {
		t.Skip(err)
	}
	archives, err := filepath.Glob("testdata/stock/*.txtar")
	if err != nil || len(archives) < 7 {
		t.Fatal(archives, err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { runStock(t, binary, path) })
	}
}

var (
	stockUserRE   = regexp.MustCompile(`(?m)^user\s+\S+;`)
	stockListenRE = regexp.MustCompile(`(listen\s+)(\[::\]:)?80\b`)
	stockPathRE   = regexp.MustCompile(`(^|[\s:])/(etc|usr|var|run)/`)
)

// plant writes an archive as a tree below dir, whose paths stand in the place of the system's, as do addresses for any address.
func plant(t *testing.T, dir, port string, a *txtar.Archive) {
	t.Helper()
	six := "127.0.0.2:"
	if ln, err := net.Listen("tcp", "[::1]:0"); err == nil {
		_ = ln.Close()
		six = "[::1]:"
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user www-data;"
	}
	put := func(name string, data []byte) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range a.Files {
		text := string(f.Data)
		if f.Name == "links" {
			for line := range strings.Lines(text) {
				link, to, _ := strings.Cut(strings.TrimSpace(line), " ")
				put(link, nil)
				_ = os.Remove(filepath.Join(dir, link))
				if err := os.Symlink(filepath.Join(dir, to), filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			continue
		}
		if strings.HasPrefix(f.Name, "etc/") {
			text = stockUserRE.ReplaceAllString(text, user)
			text = stockPathRE.ReplaceAllString(text, "${1}"+dir+"/$2/")
			text = stockListenRE.ReplaceAllStringFunc(text, func(s string) string {
				if strings.Contains(s, "[::]") {
					return "listen " + six + port
				}
				return "listen 127.0.0.1:" + port
			})
		}
		put(f.Name, []byte(text))
	}
	for _, name := range append([]string{"mime.types"}, paramFiles...) {
		put("etc/nginx/"+name, []byte(read(t, name)))
	}
	for _, folder := range []string{"var/log/nginx", "run/php-fpm", "usr/share/nginx/logs"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func runStock(t *testing.T, binary, path string) {
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	ports := weirtest.NewPorts()
	defer ports.Close()
	addr, err := ports.Take()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	plant(t, dir, port, a)
	args := []string{"-p", dir + "/usr/share/nginx/", "-c", dir + "/etc/nginx/nginx.conf", "-e", dir + "/var/log/nginx/error.log"}
	said, err := exec.Command(binary, append(args, "-t")...).CombinedOutput()
	if err != nil {
		t.Fatalf("-t: %v\n%s", err, said)
	}
	cmd := exec.Command(binary, append(args, "-g", "daemon off;")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	addr = "127.0.0.1:" + port
	if !weirtest.Eventually(func() bool { c, err := weirtest.Dial(addr, ""); return err == nil && c.Close() == nil }) {
		t.Fatalf("it does not listen\n%s", read(t, dir+"/var/log/nginx/error.log"))
	}
	askStock(t, addr, string(a.Comment), string(said))
	log := read(t, dir+"/var/log/nginx/error.log")
	for _, bad := range []string{"[emerg]", "[alert]", "panic", "bug"} {
		if strings.Contains(log, bad) {
			t.Errorf("error log:\n%s", log)
		}
	}
	if !weirtest.Eventually(func() bool { return strings.Contains(read(t, dir+"/var/log/nginx/access.log"), `"GET / HTTP/1.1"`) }) {
		t.Error("nothing was logged")
	}
}

// askStock does what the lines in front of an archive say: "get URI STATUS [BODY]" and "warn TEXT", of -t.
func askStock(t *testing.T, addr, lines, said string) {
	t.Helper()
	warnings := strings.Count(said, "[warn]")
	for line := range strings.Lines(lines) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb {
		case "warn":
			if warnings--; !strings.Contains(said, rest) {
				t.Errorf("%q is missing in\n%s", rest, said)
			}
		case "get":
			words := strings.SplitN(rest, " ", 3)
			answers, err := weirtest.Ask(addr, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", words[0]))
			if err != nil || len(answers) != 1 {
				t.Fatalf("%s: %v %v", line, answers, err)
			}
			if got := fmt.Sprint(answers[0].Status); got != words[1] || len(words) > 2 && !strings.Contains(string(answers[0].Body), words[2]) {
				t.Errorf("%s%s", line, answers[0])
			}
		}
	}
	if warnings != 0 {
		t.Errorf("-t warns:\n%s", said)
	}
}
