package master

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/cycle"
	"weir/logs"
)

// reading reads a configuration with logs of both kinds and one address.
func reading(t *testing.T, address string) *Reading {
	t.Helper()
	dir := t.TempDir() + "/"
	text := "error_log error.log; events {} http { access_log access.log; server { listen " + address + "; location /a { access_log other.log combined buffer=4k; } } }"
	if err := os.WriteFile(dir+"nginx.conf", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r := Read(cycle.Options{Prefix: dir, Conf: dir + "nginx.conf", ErrorLog: dir + "early.log", AccessLog: dir + "access.log", TempPrefix: dir})
	if r.Diags.Failed() {
		var b strings.Builder
		r.Diags.Print(&b, "weir")
		t.Fatal(b.String())
	}
	return r
}

// TestLoadFails: a configuration whose address cannot be opened leaves nothing open, however often it is tried.
func TestLoadFails(t *testing.T) {
	r := reading(t, "unix:"+filepath.Join(t.TempDir(), "no", "such", "folder"))
	if paths, _ := r.Files.Opened(); len(paths) != 3 {
		t.Fatalf("%q are open before", paths)
	}
	var told []string
	l, err := load(r, nil, nil, func(_ logs.Level, text string) { told = append(told, text) })
	if l != nil || !errors.As(err, new(cycle.Reported)) || len(told) != 1 || !strings.Contains(told[0], "bind() to unix:") {
		t.Errorf("%v, %v, told %q", l, err, told)
	}
	if paths, _ := r.Files.Opened(); len(paths) != 0 {
		t.Errorf("%q stay open", paths)
	}
}

// TestDiscard: what was loaded and is not wanted is closed, and its socket file removed.
func TestDiscard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	r := reading(t, "unix:"+path)
	l, err := load(r, nil, nil, func(_ logs.Level, text string) { t.Error(text) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	l.discard()
	if paths, _ := r.Files.Opened(); len(paths) != 0 {
		t.Errorf("%q stay open", paths)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket file stays: %v", err)
	}
}
