package lookup

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"weir/weirtest"
)

// openMMDB makes a database and opens it.
func openMMDB(t *testing.T, networks string) (*database, string) {
	t.Helper()
	b, err := weirtest.MMDB([]byte(networks), 7)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.mmdb")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	db := &database{path: path}
	if err := db.open(f); err != nil {
		t.Fatal(err)
	}
	return db, path
}

// TestDatabase looks values of every kind up.
func TestDatabase(t *testing.T) {
	db, _ := openMMDB(t, `{
		"10.0.0.0/8": {"a": {"b": "text", "n": -5, "f": 1.5, "t": true, "l": ["x", {"y": 7}]}},
		"10.2.0.0/16": {"a": {"b": "inner"}},
		"2001:db8::/32": {"six": 6}
	}`)
	tests := []struct {
		address string
		path    []string
		want    string
		ok      bool
	}{
		{"10.1.1.1", []string{"a", "b"}, "text", true},
		{"10.2.1.1", []string{"a", "b"}, "inner", true},
		{"10.3.1.1", []string{"a", "n"}, "-5", true},
		{"10.1.1.1", []string{"a", "f"}, "1.50000", true},
		{"10.1.1.1", []string{"a", "t"}, "1", true},
		{"10.1.1.1", []string{"a", "l", "0"}, "x", true},
		{"10.1.1.1", []string{"a", "l", "-1", "y"}, "7", true},
		{"10.1.1.1", []string{"a", "l", "2"}, "", false},
		{"10.1.1.1", []string{"a", "l", "x"}, "", false},
		{"10.1.1.1", []string{"a"}, "", false},
		{"10.1.1.1", nil, "", false},
		{"10.1.1.1", []string{"a", "b", "c"}, "", false},
		{"11.1.1.1", []string{"a", "b"}, "", false},
		{"2001:db8::5", []string{"six"}, "6", true},
		{"2001:db9::5", []string{"six"}, "", false},
	}
	for _, tt := range tests {
		got, ok := db.find(netip.MustParseAddr(tt.address), tt.path)
		if string(got) != tt.want || ok != tt.ok {
			t.Errorf("%s %v: %q %v, want %q", tt.address, tt.path, got, ok, tt.want)
		}
	}
}

// TestCutDatabase cuts a database short while it is read: nobody gets a value of it, and nothing breaks.
func TestCutDatabase(t *testing.T) {
	long := make([]byte, 256<<10)
	for i := range long {
		long[i] = 'x'
	}
	db, path := openMMDB(t, `{"10.0.0.0/8": {"a": "`+string(long[:60000])+`", "z": "end"}}`)
	a := netip.MustParseAddr("10.1.1.1")
	if got, ok := db.find(a, []string{"z"}); !ok || string(got) != "end" {
		t.Fatalf("%q %v", got, ok)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if got, ok := db.find(a, []string{"z"}); ok {
		t.Errorf("a file without its end has %q", got)
	}
}

// TestBrokenDatabase opens and asks databases that were cut anywhere, or have a byte changed.
func TestBrokenDatabase(t *testing.T) {
	whole, err := weirtest.MMDB([]byte(`{"10.0.0.0/8": {"a": {"b": "text"}}, "2001:db8::/32": {"six": 6}}`), 7)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "b.mmdb")
	try := func(b []byte) {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		db := &database{}
		if db.open(f) == nil {
			for _, text := range []string{"10.1.1.1", "2001:db8::1", "11.0.0.1"} {
				db.find(netip.MustParseAddr(text), []string{"a", "b"})
			}
		}
	}
	for i := 0; i < len(whole); i += 7 {
		try(whole[:i])
		changed := append([]byte{}, whole...)
		changed[i] ^= 0xff
		try(changed)
	}
}
