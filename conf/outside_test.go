package conf

import (
	"bytes"
	"encoding/gob"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRecorded loads a configuration from files, sends what was recorded through a wire, removes the files and loads it
// again: the same tree, the same names, and nothing that was not there the first time.
func TestRecorded(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"nginx.conf":    "include conf.d/*.conf;\ninclude none/*.conf;\n",
		"conf.d/a.conf": "a 1;\n", "conf.d/b.conf": "b { c 'x y'; }\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	lookup := func(host string) ([]netip.Addr, error) {
		if host == "here" {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}, nil
		}
		return nil, errors.New("no such host")
	}
	load := func(o Outside) (text string, found []netip.Addr, d *Diagnostics, missing error) {
		var tree *Tree
		tree, d = Load("nginx.conf", LoadOptions{Prefix: dir, Outside: o})
		found, _ = tree.Lookup("here")
		_, missing = tree.Lookup("nowhere")
		var b bytes.Buffer
		if err := tree.Dump(&b); err != nil {
			t.Fatal(err)
		}
		return b.String(), found, d, missing
	}
	var r Recorded
	text, found, d, missing := load(Outside{Lookup: lookup}.Record(&r))
	if d.Failed() || len(found) != 2 || missing == nil {
		t.Fatal(d.List(), found, missing)
	}

	var wire bytes.Buffer
	if err := gob.NewEncoder(&wire).Encode(&r); err != nil {
		t.Fatal(err)
	}
	var there Recorded
	if err := gob.NewDecoder(&wire).Decode(&there); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	text2, found2, d2, missing2 := load(there.Outside())
	if text2 != text || !strings.Contains(text2, "c 'x y'") || len(found2) != 2 || found2[1] != found[1] || d2.Failed() {
		t.Errorf("%q, %v, %v; want %q, %v", text2, found2, d2.List(), text, found)
	}
	if missing2 == nil || missing2.Error() != missing.Error() {
		t.Errorf("a name that is not found: %v; want %v", missing2, missing)
	}
	if _, err := there.Outside().Read(filepath.Join(dir, "other.conf")); err == nil {
		t.Error("a file that was not read is there")
	}
}

// TestRecordedError keeps the reason why a file cannot be read.
func TestRecordedError(t *testing.T) {
	var r Recorded
	o := Outside{Read: func(string) ([]byte, error) { return nil, &os.PathError{Op: "open", Path: "x", Err: syscall.EACCES} }}
	if _, err := o.Record(&r).Read("x"); !errors.Is(err, syscall.EACCES) {
		t.Error(err)
	}
	if _, err := r.Outside().Read("x"); !errors.Is(err, syscall.EACCES) {
		t.Errorf("recorded: %v", err)
	}
}

// TestLookupNumbers: the C library's look-up takes any form of an IPv4 address for one.
func TestLookupNumbers(t *testing.T) {
	for host, want := range map[string]string{
		"0": "0.0.0.0", "599": "0.0.2.87", "127.1": "127.0.0.1", "0x7f.1": "127.0.0.1", "010.0.0.1": "8.0.0.1", "1.2.3.4": "1.2.3.4",
		"1.2.65535": "1.2.255.255", "4294967295": "255.255.255.255",
	} {
		if a, err := LookupHost(host); err != nil || len(a) != 1 || a[0].String() != want {
			t.Errorf("%s is %v, %v; want %s", host, a, err, want)
		}
	}
	for _, host := range []string{"", "1.2.3.4.5", "256.1.1.1", "1.2.65536", "4294967296", "1_0", "0b1", "0o1", "+1", "a", "1.", "08"} {
		if a, ok := parseNumbers(host); ok {
			t.Errorf("%q is taken for %v", host, a)
		}
	}
}

// TestRecordedOpen opens a file that is not copied, sends what was recorded, and opens it there by its descriptor, also when the path leads
// elsewhere by then.
func TestRecordedOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	var world Recorded
	here := Outside{}.Record(&world)
	first, err := here.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := here.Open(path); again != first || err != nil {
		t.Errorf("opened twice: %v", err)
	}
	if _, err := here.Open(path + ".none"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("a file that is not there: %v", err)
	}
	var wire bytes.Buffer
	if err := gob.NewEncoder(&wire).Encode(&world); err != nil {
		t.Fatal(err)
	}
	var there Recorded
	if err := gob.NewDecoder(&wire).Decode(&there); err != nil {
		t.Fatal(err)
	}
	paths, files := world.Open()
	if len(paths) != 1 || paths[0] != path {
		t.Fatalf("open are %q", paths)
	}
	fd, err := syscall.Dup(int(files[0].Fd()))
	if err != nil {
		t.Fatal(err)
	}
	there.Hand(path, fd)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	got, err := there.Outside().Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 8)
	if n, _ := got.ReadAt(b, 0); string(b[:n]) != "text" {
		t.Errorf("it has %q", b[:n])
	}
	if _, err := there.Outside().Open(path + ".none"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("a file that was not there: %v", err)
	}
	if _, err := there.Outside().Open(path + ".other"); err == nil {
		t.Error("a file that nobody has asked for was opened")
	}
}
