package chaos

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// bodyOf is what there is at a path of the origin, /SIZE/NAME: each line tells whose it is and where.
func bodyOf(path string) []byte {
	if b, ok := bodies.Load(path); ok {
		return b.([]byte)
	}
	size, _ := strconv.Atoi(strings.Split(path, "/")[1])
	var b bytes.Buffer
	for b.Len() < size {
		fmt.Fprintf(&b, "%s@%08d\n", path, b.Len())
	}
	bodies.Store(path, b.Bytes()[:size])
	return b.Bytes()[:size]
}

// bodies are those that were asked for, by path.
var bodies sync.Map

// An origin answers with bodies of a known content.
type origin struct {
	addr     string
	requests atomic.Int64
	first    atomic.Int64 // when it has sent the first byte of its last answer, nanoseconds
	// part is how many bytes are sent at a time, and die after how many the connection breaks; 0: all, never.
	part, die func(path string, size int) int
	between   time.Duration
	hold      chan struct{} // the answer waits for it; nil: it does not
}

func startOrigin(t *testing.T, o *origin) *origin {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	o.addr = ln.Addr().String()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go o.serve(c)
		}
	}()
	return o
}

func (o *origin) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	line, err := r.ReadString('\n')
	for more := line; err == nil && more != "\r\n"; {
		more, err = r.ReadString('\n')
	}
	if err != nil {
		return
	}
	o.requests.Add(1)
	path := strings.Fields(line)[1]
	body := bodyOf(path)
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\nAccept-Ranges: bytes\r\nETag: %q\r\n\r\n", len(body), path)
	if o.hold != nil {
		<-o.hold
	}
	o.first.Store(time.Now().UnixNano())
	if o.die != nil {
		if n := o.die(path, len(body)); n > 0 {
			body = body[:n]
		}
	}
	for len(body) > 0 {
		n := len(body)
		if o.part != nil {
			n = min(n, o.part(path, n))
		}
		if _, err := c.Write(body[:n]); err != nil {
			return
		}
		if body = body[n:]; len(body) > 0 && o.between > 0 {
			<-time.After(o.between) // the back end is slow
		}
	}
}

// cacheConf is a server with a cache in front of an origin.
const cacheConf = `
worker_processes 2;
events { worker_connections 4096; }
http {
    access_log off;
    proxy_cache_path %[3]s/cache levels=1:2 keys_zone=one:4m memory=1m use_temp_path=off;
    proxy_cache_valid 200 1h;
    proxy_cache_key $uri;
    proxy_cache_lock on;
    server {
        listen %[1]s backlog=2048;
        proxy_cache one;
        add_header X-Cache $upstream_cache_status;
        location / { proxy_pass http://%[2]s; }
        location = /status { stub_status; }
    }
}
`

// startCache starts a server with a cache below folder.
func startCache(t *testing.T, o *origin, folder string) (*weirtest.Server, string, weirtest.Options) {
	t.Helper()
	addr := mustTake(t, weirtest.NewPorts())
	opt := weirtest.Options{Binary: tortureBinary(t), Dir: t.TempDir(), Ready: []string{addr}}
	if folder == "" {
		folder = opt.Dir
	}
	return startTorture(t, opt, fmt.Sprintf(cacheConf, addr, o.addr, folder)), addr, opt
}

// ask asks for a path, and holds what comes against what is there. whole is false when the answer has ended before its end.
func askCache(addr, path, fields string, each func(n int) bool) (whole bool, status string, err error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return false, "", err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(12 * weirtest.Patience()))
	if _, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", path, fields); err != nil {
		return false, "", err
	}
	r := bufio.NewReader(c)
	line, err := r.ReadString('\n')
	if err != nil {
		return false, "none", nil // it was cut off before it began
	}
	code := line[9:12]
	length := -1
	for line != "\r\n" {
		if line, err = r.ReadString('\n'); err != nil {
			return false, "none", nil
		}
		if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(v))
		}
		if v, ok := strings.CutPrefix(line, "X-Cache: "); ok {
			status = strings.TrimSpace(v)
		}
	}
	want := bodyOf(path)
	switch {
	case code == "502" || code == "504":
		return false, status, nil
	case code == "206":
		var from, to int
		if _, err = fmt.Sscanf(fields, "Range: bytes=%d-%d", &from, &to); err != nil {
			return false, status, err
		}
		want = want[from:min(to+1, len(want))]
	case code != "200":
		return false, status, fmt.Errorf("%s: status %s", path, code)
	}
	if length != len(want) {
		return false, status, fmt.Errorf("%s: %d bytes are announced, there are %d", path, length, len(want))
	}
	buf := make([]byte, 32<<10)
	for at := 0; ; {
		n, err := r.Read(buf)
		if n > 0 && (at+n > len(want) || !bytes.Equal(buf[:n], want[at:at+n])) {
			return false, status, fmt.Errorf("%s: other bytes than there are, from %d on", path, at)
		}
		if at += n; err != nil || each != nil && n > 0 && !each(at) {
			if err != nil && err != io.EOF && !isReset(err) {
				return false, status, err
			}
			return at == len(want), status, nil
		}
	}
}

func isReset(err error) bool { return strings.Contains(err.Error(), "reset") }

// TestChaosCacheReadAlong drives clients at random against an origin that dies now and then: slow ones, such that leave, such that ask for a
// range. Who gets a whole response gets the right one, who does not gets its beginning.
func TestChaosCacheReadAlong(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 1))
	random := func(n int) int { mu.Lock(); defer mu.Unlock(); return rng.IntN(n) }
	o := startOrigin(t, &origin{
		part: func(string, int) int { return 1 + random(20000) }, between: time.Millisecond,
		die: func(_ string, size int) int {
			if random(4) == 0 {
				return 1 + random(size)
			}
			return 0
		},
	})
	_, addr, _ := startCache(t, o, "")
	var whole, part atomic.Int64
	var wait sync.WaitGroup
	for n := range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for step := range rounds(20, 400) {
				path := fmt.Sprintf("/%d/%d", 1000+(step/2*7919)%90000, step/2) // all clients ask for the same at about the same time
				leave, pause, fields := -1, 0, ""
				switch random(5) {
				case 0:
					leave = random(50000)
				case 1:
					pause = 1 + random(3)
				case 2:
					from := random(900)
					fields = fmt.Sprintf("Range: bytes=%d-%d\r\n", from, from+random(50000))
				}
				ok, _, err := askCache(addr, path, fields, func(at int) bool {
					if pause > 0 {
						<-time.After(time.Duration(pause) * time.Millisecond) // this client is slow
					}
					return leave < 0 || at < leave
				})
				if err != nil {
					t.Errorf("client %d: %v", n, err)
				}
				if ok {
					whole.Add(1)
				} else {
					part.Add(1)
				}
			}
		}()
	}
	wait.Wait()
	t.Logf("%d whole, %d not, %d requests at the origin", whole.Load(), part.Load(), o.requests.Load())
	if whole.Load() == 0 {
		t.Error("no response was whole")
	}
}

// TestChaosCacheFileGone removes the file that a response is written to, while another client reads along: both get the whole.
func TestChaosCacheFileGone(t *testing.T) {
	const size = 200_000
	path := fmt.Sprintf("/%d/gone", size)
	joined, folder := make(chan struct{}), t.TempDir()
	o := startOrigin(t, &origin{part: func(_ string, left int) int {
		if left == size/2 {
			select {
			case <-joined:
			case <-time.After(weirtest.Patience()):
				t.Error("nobody reads along")
			}
			all, _ := filepath.Glob(folder + "/cache/*/*/*.*")
			if len(all) != 1 {
				t.Errorf("written is %v", all)
			}
			for _, name := range all {
				_ = os.Remove(name)
			}
		}
		return size / 2
	}})
	_, addr, _ := startCache(t, o, folder)
	var wait sync.WaitGroup
	ask := func(each func(int) bool) {
		if whole, status, err := askCache(addr, path, "", each); !whole || err != nil {
			t.Errorf("whole: %t, %s, %v", whole, status, err)
		}
	}
	begun := make(chan struct{})
	for _, begins := range []chan struct{}{begun, joined} {
		var once sync.Once
		wait.Go(func() { ask(func(int) bool { once.Do(func() { close(begins) }); return true }) })
		select {
		case <-begins:
		case <-time.After(weirtest.Patience()):
			t.Fatal("nothing comes")
		}
	}
	wait.Wait()
	if n := o.requests.Load(); n != 1 {
		t.Errorf("%d requests at the origin", n)
	}
}

// TestChaosCacheKilled kills the server again and again while it writes entries: what the next one answers is whole and right.
func TestChaosCacheKilled(t *testing.T) {
	o := startOrigin(t, &origin{part: func(_ string, left int) int { return 1 + left/3 }})
	s, addr, opt := startCache(t, o, "")
	for round := range rounds(3, 30) {
		var wait sync.WaitGroup
		killed, before := make(chan struct{}), o.requests.Load()
		for n := range 4 {
			wait.Add(1)
			go func() {
				defer wait.Done()
				for i := 0; ; i++ {
					select {
					case <-killed:
						return
					default:
					}
					path := fmt.Sprintf("/%d/%d.%d", 1000+i%40*2500, i%40, round)
					if _, _, err := askCache(addr, path, "", nil); err != nil && strings.Contains(err.Error(), path) {
						t.Errorf("client %d: %v", n, err)
					}
				}
			}()
		}
		weirtest.Eventually(func() bool { return o.requests.Load() > before+int64(5+round%10) })
		s.Kill()
		close(killed)
		wait.Wait()
		if t.Failed() {
			return
		}
		next, err := weirtest.Start(opt)
		if err != nil {
			t.Fatal(err)
		}
		s = next
		for i := range 40 {
			path := fmt.Sprintf("/%d/%d.%d", 1000+i*2500, i, round)
			if whole, _, err := askCache(addr, path, "", nil); !whole || err != nil {
				t.Errorf("%s: whole: %t, %v", path, whole, err)
			}
		}
	}
	if code, err := s.Stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d, %v\n%s", code, err, s.Output())
	}
}

// entries are the files of a cache.
func entries(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	_ = filepath.WalkDir(filepath.Join(dir, "cache"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && len(d.Name()) == 32 {
			all[path], _ = os.ReadFile(path)
		}
		return nil
	})
	return all
}

// TestChaosCacheCorrupt damages files of a cache while the server does not run: what is not whole is fetched again.
func TestChaosCacheCorrupt(t *testing.T) {
	o := startOrigin(t, &origin{})
	s, addr, opt := startCache(t, o, "")
	const path = "/5000/a"
	for _, damage := range []struct {
		what string
		do   func(b []byte) []byte
	}{
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }},
		{"cut in the head", func(b []byte) []byte { return b[:400] }},
		{"cut in the header", func(b []byte) []byte { return b[:100] }},
		{"empty", func([]byte) []byte { return nil }},
		{"longer", func(b []byte) []byte { return append(b, "more"...) }},
		{"zeros", func(b []byte) []byte { return make([]byte, len(b)) }},
		{"another key", func(b []byte) []byte { return bytes.Replace(b, []byte("KEY: /5000/a"), []byte("KEY: /5000/b"), 1) }},
		{"another version", func(b []byte) []byte { b[0]++; return b }},
		{"no head", func(b []byte) []byte { return bytes.Replace(b, []byte("HTTP/1.1"), []byte("XXXX/1.1"), 1) }},
	} {
		weirtest.Eventually(func() bool { _, status, _ := askCache(addr, path, "", nil); return status == "HIT" })
		if code, err := s.Stop(syscall.SIGTERM); code != 0 {
			t.Fatalf("exit status %d, %v\n%s", code, err, s.Output())
		}
		for file, b := range entries(t, opt.Dir) {
			if err := os.WriteFile(file, damage.do(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if s, err = weirtest.Start(opt); err != nil {
			t.Fatal(err)
		}
		before := o.requests.Load()
		whole, status, err := askCache(addr, path, "", nil)
		if !whole || err != nil || status != "MISS" || o.requests.Load() != before+1 {
			t.Errorf("%s: whole: %t, %s, %v, %d requests", damage.what, whole, status, err, o.requests.Load()-before)
		}
	}
	if code, err := s.Stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d, %v\n%s", code, err, s.Output())
	}
}

// TestChaosCacheShared has nginx and weir use one folder in turns: what the one has stored the other answers.
func TestChaosCacheShared(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	o := startOrigin(t, &origin{})
	folder := t.TempDir()
	addr := mustTake(t, weirtest.NewPorts())
	conf := strings.ReplaceAll(fmt.Sprintf(cacheConf, addr, o.addr, folder), " memory=1m", "")
	all := map[string]bool{}
	for turn, binary := range []string{nginx, tortureBinary(t), nginx, tortureBinary(t)} {
		opt := weirtest.Options{Binary: binary, Dir: t.TempDir(), Ready: []string{addr}}
		s := startTorture(t, opt, conf)
		for path := range all {
			if whole, status, err := askCache(addr, path, "", nil); !whole || err != nil || status != "HIT" {
				t.Errorf("turn %d, %s: whole: %t, %s, %v", turn, path, whole, status, err)
			}
		}
		for n := range 5 {
			path := fmt.Sprintf("/%d/%d", 10+n*9000, turn)
			all[path] = true
			if !weirtest.Eventually(func() bool { _, status, _ := askCache(addr, path, "", nil); return status == "HIT" }) {
				t.Errorf("turn %d: %s was not stored", turn, path)
			}
		}
		if code, err := s.Stop(syscall.SIGTERM); code != 0 {
			t.Fatalf("exit status %d, %v\n%s", code, err, s.Output())
		}
	}
}
