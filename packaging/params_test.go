package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/weirtest"
)

// paramFiles are the files of parameters that a package and the image have beside nginx.conf.
var paramFiles = []string{"fastcgi.conf", "fastcgi_params", "scgi_params", "uwsgi_params"}

// TestParams: the server takes the files of parameters, with the directive that each is for, and fastcgi.conf is fastcgi_params with a
// line more.
func TestParams(t *testing.T) {
	binary, err := weirtest.Binary()
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	var locations strings.Builder
	for _, name := range paramFiles {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
		module := name[:strings.IndexAny(name, "_.")]
		locations.WriteString("location /" + name + " { include " + name + "; " + module + "_pass 127.0.0.1:9000; }\n")
	}
	conf := "events {}\nhttp { access_log off; server { listen unix:" + dir + "/socket; " + locations.String() + "} }\n"
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-t", "-p", dir+"/", "-c", "nginx.conf", "-e", "error.log", "-g", "pid weir.pid;")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	lines := func(name string) (list []string) {
		text, _ := os.ReadFile(name)
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "fastcgi_param ") {
				list = append(list, line)
			}
		}
		return list
	}
	with, without := lines("fastcgi.conf"), lines("fastcgi_params")
	if len(with) != len(without)+1 || !strings.Contains(with[0], "SCRIPT_FILENAME") || strings.Join(with[1:], "") != strings.Join(without, "") {
		t.Error("fastcgi.conf is not SCRIPT_FILENAME and then fastcgi_params")
	}
}
