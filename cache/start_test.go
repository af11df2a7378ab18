package cache

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// TestStart starts a server on a folder whose saved index has a million entries (a hundred thousand, unless chaos tests are to run long): it answers from
// it within a second. Of the files there is but one, and all folders.
func TestStart(t *testing.T) {
	bin, err := weirtest.Binary()
	if err != nil {
		t.Fatal(err)
	}
	many := 100_000
	if weirtest.Long() {
		many = 1_000_000
	}
	dir := t.TempDir()
	folder := manyEntries(t, filepath.Join(dir, "cache"), many)
	ports := weirtest.NewPorts()
	defer ports.Close()
	addr, err := ports.Take()
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf(`
error_log error.log notice;
events {}
http {
    access_log off;
    proxy_cache_path %s levels=1:2 keys_zone=one:140m inactive=10y;
    proxy_cache_key $uri;
    server {
        listen %s;
        proxy_cache one;
        add_header X-Cache $upstream_cache_status always;
        location / { proxy_pass http://127.0.0.1:1; }
    }
}
`, folder, addr)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	best := time.Hour
	for range 10 {
		best = min(best, startOnce(t, bin, dir, addr, many))
		if best < time.Duration(float64(time.Second)*weirtest.Slowness()) {
			return
		}
	}
	t.Errorf("the first hit comes %v after the start", best)
}

// manyEntries makes a folder with so many entries in its saved index, and the file of one more, whose key is "/hot".
func manyEntries(t *testing.T, dir string, many int) string {
	t.Helper()
	for n := range 16 * 256 {
		if err := os.MkdirAll(fmt.Sprintf("%s/%x/%02x", dir, n%16, n/16), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c := openAgain(t, Conf{Dir: dir, Levels: [3]int{1, 2}, Inactive: time.Hour}, 140<<20)
	c.measure()
	c.cold = false
	for n := range many {
		sum := key(n)
		d := c.at(c.index.add(&sum))
		d.exists, d.blocks, d.uses, d.expire = true, 1, 1, time.Now().Unix()+1e6+int64(n%3000)
	}
	if !c.add1(SumOf([]byte("/hot")), c.put(t, "/hot", "body")) {
		t.Fatal("no room")
	}
	if err := os.WriteFile(c.savedPath(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	settle(t, dir)
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// startOnce reports how long after the start the first answer came from the cache. The index must be taken over, too.
func startOnce(t *testing.T, bin, dir, addr string, many int) time.Duration {
	t.Helper()
	_ = os.Remove(filepath.Join(dir, "error.log"))
	began := time.Now()
	s, err := weirtest.Start(weirtest.Options{Binary: bin, Dir: dir, Ready: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	all, err := weirtest.Ask(addr, "GET /hot HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	took := time.Since(began)
	if err != nil || len(all) != 1 || all[0].Status != 200 || strings.Join(all[0].Get("X-Cache"), "") != "HIT" || string(all[0].Body) != "body" {
		t.Fatalf("%v, %v", all, err)
	}
	var line string
	if !weirtest.Eventually(func() bool {
		text, _ := os.ReadFile(filepath.Join(dir, "error.log"))
		_, after, ok := strings.Cut(string(text), "http file cache: ")
		line, _, _ = strings.Cut(after, "\n")
		return ok
	}) {
		t.Fatal("the index was not loaded")
	}
	loaded := time.Since(began)
	if want := fmt.Sprintf(" %.3fM, ", float64(many+1)*usualBlock/(1<<20)); !strings.Contains(line, want) {
		t.Errorf("the cache is %s; wanted%s", line, want)
	}
	rss := int64(0)
	for _, p := range s.Processes() {
		rss += p.RSS
	}
	t.Logf("%d entries: the first hit %v after the start, all are known after %v; %d MB resident", many, took, loaded, rss>>20)
	if code, err := s.Stop(syscall.SIGTERM); code != 0 {
		t.Fatalf("exit status %d, %v\n%s", code, err, s.Output())
	}
	return took
}
