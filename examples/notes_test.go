package examples_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"weir/weirtest"
)

// TestNotes runs notes.example.dev with a real php-fpm; without one it sees that the configuration loads.
func TestNotes(t *testing.T) {
	binary, err := weirtest.Binary()
	if errors.Is(err, weirtest.ErrNoServer) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir, addr := installNotes(t)
	cmd := exec.Command(binary, "-t", "-p", dir+"/", "-c", "nginx.conf", "-e", "error.log", "-g", "pid notes.pid;")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	startFPM(t, dir)
	s, err := weirtest.Start(weirtest.Options{Binary: binary, Dir: dir, Ready: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if code, err := s.Stop(syscall.SIGQUIT); code != 0 || err != nil {
			t.Errorf("exit status %d, %v", code, err)
		}
		s.Kill()
	})
	ask := func(text string) *weirtest.Answer {
		t.Helper()
		answers, err := weirtest.Ask(addr, text)
		if err != nil || len(answers) != 1 {
			t.Fatalf("%v, %v", answers, err)
		}
		return answers[0]
	}
	get := func(path string) *weirtest.Answer {
		t.Helper()
		return ask("GET " + path + " HTTP/1.1\r\nHost: notes.example.dev\r\n\r\n")
	}
	up := weirtest.Eventually(func() bool { return get("/").Status == 200 })
	if !up {
		t.Fatal("php-fpm does not answer")
	}

	picture := strings.Repeat("picture\x00\xff", 20000)
	form := "--x\r\nContent-Disposition: form-data; name=text\r\n\r\n<a note>\r\n--x\r\nContent-Disposition: form-data; name=picture; filename=p.png\r\n" +
		"Content-Type: image/png\r\n\r\n" + picture + "\r\n--x--\r\n"
	made := ask(fmt.Sprintf("POST /notes HTTP/1.1\r\nHost: notes.example.dev\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n%s", len(form), form))
	if made.Status != 303 || !slices.Equal(made.Get("Location"), []string{"/notes/0"}) {
		t.Errorf("%s", made)
	}
	for _, tt := range []struct {
		path   string
		status int
		body   string
	}{
		{"/", 200, "<li>&lt;a note&gt;\n"},
		{"/notes/0", 200, `{"id":0,"text":"<a note>","picture":true}`},
		{"/notes/0/picture", 200, picture},
		{"/notes/7", 404, "there is no such note\n"},
		{"/nothing?a=b", 404, "there is nothing here\n"},
		{"/style.css", 200, "font:"},
		{"/evil.php", 404, ""},
		{"/pictures/0.bin", 404, ""},
	} {
		if a := get(tt.path); a.Status != tt.status || !strings.Contains(string(a.Body), tt.body) {
			t.Errorf("%s: %s", tt.path, a)
		}
	}
}

// installNotes copies the example into a folder of its own, with a free port.
func installNotes(t *testing.T) (dir, addr string) {
	t.Helper()
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	dir = t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS("notes.example.dev")); err != nil {
		t.Fatal(err)
	}
	addr, err := ports.Take()
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "nginx.conf")
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.Replace(string(text), "pid       notes.pid;\n", "", 1) // the bench names it
	s = strings.ReplaceAll(s, "127.0.0.1:8081", addr)
	s = strings.ReplaceAll(s, "unix:fpm.sock", "unix:"+dir+"/fpm.sock") // wherever weir is started
	if err := os.WriteFile(conf, []byte(s), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, addr
}

// startFPM starts php-fpm in the folder.
func startFPM(t *testing.T, dir string) {
	t.Helper()
	fpm := ""
	for _, name := range []string{"php-fpm", "php-fpm8.4", "php-fpm8.3", "php-fpm8.2", "/usr/sbin/php-fpm8.2"} {
		if path, err := exec.LookPath(name); err == nil {
			fpm = path
			break
		}
	}
	if fpm == "" {
		t.Skip("php-fpm is not installed")
	}
	args := []string{"-F", "-n", "-p", dir, "-y", filepath.Join(dir, "fpm.conf")}
	if os.Getuid() == 0 {
		args = append(args, "-R")
		f, err := os.OpenFile(filepath.Join(dir, "fpm.conf"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.WriteString("user = root\n")
		f.Close()
	}
	cmd := exec.Command(fpm, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
}

// TestNotesParams: the example's fastcgi.conf is the package's.
func TestNotesParams(t *testing.T) {
	own, err := os.ReadFile("notes.example.dev/fastcgi.conf")
	if err != nil {
		t.Fatal(err)
	}
	packaged, err := os.ReadFile("../packaging/fastcgi.conf")
	if err != nil {
		t.Fatal(err)
	}
	if string(own) != string(packaged) {
		t.Error("notes.example.dev/fastcgi.conf is not packaging/fastcgi.conf")
	}
}
