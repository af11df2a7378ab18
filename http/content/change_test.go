package content_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// warm brings a file into memory.
func (s *site) warm(target string) {
	s.age()
	for range 3 {
		s.get(target)
	}
}

// TestChangesAreSeenAtOnce changes a file that is in memory in every way a file can change.
func TestChangesAreSeenAtOnce(t *testing.T) {
	s := newSite(t, "")
	name := func(f string) string { return filepath.Join(s.www, f) }
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		change func(f string)
		want   string
	}{
		{"written", func(f string) { s.write(f, "changed") }, "200 changed"},
		{"written, same length", func(f string) { s.write(f, "CONTENT") }, "200 CONTENT"},
		{"truncated", func(f string) { must(os.Truncate(name(f), 3)) }, "200 con"},
		{"emptied", func(f string) { must(os.Truncate(name(f), 0)) }, "200"},
		{"replaced", func(f string) {
			s.write(f+".new", "renamed")
			must(os.Rename(name(f+".new"), name(f)))
		}, "200 renamed"},
		{"replaced, same times and length", func(f string) {
			s.write(f+".new", "twinned")
			st, err := os.Stat(name(f))
			must(err)
			must(os.Chtimes(name(f+".new"), st.ModTime(), st.ModTime()))
			must(os.Rename(name(f+".new"), name(f)))
		}, "200 twinned"},
		{"written, time set back", func(f string) {
			st, err := os.Stat(name(f))
			must(err)
			s.write(f, "CONTENT")
			must(os.Chtimes(name(f), st.ModTime(), st.ModTime()))
		}, "200 CONTENT"},
		{"removed", func(f string) { must(os.Remove(name(f))) }, "404"},
		{"made a folder", func(f string) { must(os.Remove(name(f))); must(os.Mkdir(name(f), 0o755)) }, "301"},
		{"made a link", func(f string) {
			s.write("elsewhere", "linked")
			must(os.Remove(name(f)))
			must(os.Symlink("elsewhere", name(f)))
		}, "200 linked"},
		{"grown too large", func(f string) { s.write(f, strings.Repeat("x", 200<<10)) }, "200 " + strings.Repeat("x", 200<<10)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			f := strings.ReplaceAll(c.name, " ", "_")
			s.write(f, "content")
			s.warm("/" + f)
			s.expect("/"+f, "200 content")
			c.change(f)
			s.expect("/"+f, c.want)
			s.warm("/" + f)
			s.expect("/"+f, c.want)
		})
	}
	s.t = t
}

// TestChangesWithoutPause writes as fast as a file system's clock cannot tell, and never may see the old.
func TestChangesWithoutPause(t *testing.T) {
	s := newSite(t, "")
	for i := range 200 {
		text := strings.Repeat(string(rune('a'+i%26)), 8)
		s.write("f", text)
		s.expect("/f", "200 "+text)
		s.expect("/f", "200 "+text)
	}
}

func TestPermissionIsAskedForEachTime(t *testing.T) {
	if os.Getuid() == 0 {
		// root may read everything; all threads would have to change
		t.Skip("needs a user who is not root")
	}
	s := newSite(t, "")
	s.write("f", "content")
	s.warm("/f")
	for _, mode := range []os.FileMode{0, 0o644, 0} {
		if err := os.Chmod(filepath.Join(s.www, "f"), mode); err != nil {
			t.Fatal(err)
		}
		if want := map[os.FileMode]string{0: "403", 0o644: "200 content"}[mode]; s.get("/f") != want {
			t.Errorf("mode %o: %s, want %s", mode, s.get("/f"), want)
		}
	}
	s.logged(`\[error\] .* open\(\) ".*/www/f" failed \(13: Permission denied\)`)
}

func TestOpenFileCache(t *testing.T) {
	for name, text := range map[string]string{"from memory": "content", "by descriptor": strings.Repeat("x", 200<<10)} {
		t.Run(name, func(t *testing.T) { testOpenFileCache(t, text) })
	}
}

func testOpenFileCache(t *testing.T, text string) {
	s := newSite(t, `
		open_file_cache max=100 inactive=10m;
		open_file_cache_valid 10m;
		location /short/ { alias www/; open_file_cache_valid 1s; }
		location /errors/ { alias www/; open_file_cache max=100; open_file_cache_errors on; }
		location /uses/ { alias www/; open_file_cache max=100; open_file_cache_min_uses 3; }
		location /few/ { alias www/; open_file_cache max=100; open_file_cache_min_uses 9; }
		location /one/ { alias www/; open_file_cache max=1; }
		location /now/ { alias www/; open_file_cache off; }`)
	files := []string{"kept", "short", "uses", "few", "a", "b"}
	for _, f := range files {
		s.write(f, text)
	}
	for _, target := range []string{"/kept", "/short/short", "/uses/uses", "/few/few"} {
		s.warm(target)
	}
	s.get("/one/a")
	s.get("/one/b")
	for _, f := range files {
		if err := os.Remove(filepath.Join(s.www, f)); err != nil {
			t.Fatal(err)
		}
	}
	s.expect("/kept", "200 "+text)
	s.expect("/now/kept", "404")
	s.expect("/short/short", "200 "+text)
	s.expect("/uses/uses", "200 "+text)
	s.expect("/few/few", "404")
	s.expect("/one/a", "404")
	s.pass(1100 * time.Millisecond)
	s.expect("/short/short", "404")
	s.write("short", "another")
	s.expect("/short/short", "200 another")

	// an error is remembered where errors are
	s.expect("/errors/late", "404")
	s.expect("/late", "404")
	s.write("late", text)
	s.expect("/errors/late", "404")
	s.expect("/late", "200 "+text)
}
