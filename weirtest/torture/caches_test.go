package torture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// Every kind of location that has a cache. Those that are small drop entries all the time.
const cachesConf = `error_log error.log warn;
worker_processes 2;
events { worker_connections 1024; }
http {
	access_log off; proxy_temp_path tmp-proxy; fastcgi_temp_path tmp-fastcgi; keepalive_requests 100000;
	proxy_cache_path cache/memory levels=1:2 keys_zone=memory:1m memory=1m;
	proxy_cache_path cache/disk keys_zone=disk:1m use_temp_path=off;
	proxy_cache_path cache/none levels=2 keys_zone=none:1m memory=0;
	proxy_cache_path cache/small keys_zone=small:8k max_size=300k manager_sleep=5ms manager_threshold=5ms;
	fastcgi_cache_path cache/fastcgi keys_zone=fastcgi:1m;
	upstream kept { server $ORIGIN max_fails=0; keepalive 8; }
	upstream fastcgi { server $FASTCGI max_fails=0; keepalive 8; }
	proxy_http_version 1.1; proxy_set_header Connection "";
	proxy_cache_key $uri$arg_id; proxy_cache_valid 200 206 10s; proxy_next_upstream off;
	map $request_method $purge { PURGE 1; default 0; }
	proxy_cache_purge $purge; fastcgi_cache_purge $purge;
	add_header X-Cache $upstream_cache_status always;
	server {
		listen $ADDR sndbuf=8k; listen $WIDE;
		location /memory/ { proxy_pass http://kept; proxy_cache memory; proxy_cache_lock on; }
		location /disk/ { proxy_pass http://kept; proxy_cache disk; proxy_cache_lock on; }
		location /none/ { proxy_pass http://kept; proxy_cache none; }
		location /small/ { proxy_pass http://kept; proxy_cache small; proxy_cache_lock on; proxy_buffers 4 4k; proxy_busy_buffers_size 8k; }
		location /hasty/ { proxy_pass http://kept; proxy_cache memory; proxy_cache_lock on; proxy_cache_lock_timeout 5ms; proxy_cache_lock_age 20ms; }
		location /twice/ { proxy_pass http://kept; proxy_cache disk; proxy_cache_min_uses 2; }
		location /stale/ { proxy_pass http://kept; proxy_cache disk; proxy_cache_lock on; proxy_cache_use_stale error timeout updating http_500; }
		location /behind/ { proxy_pass http://kept; proxy_cache memory; proxy_cache_use_stale updating http_500; proxy_cache_background_update on; proxy_cache_revalidate on; }
		location /again/ { proxy_pass http://kept; proxy_cache none; proxy_cache_revalidate on; proxy_cache_lock on; }
		location /vary/ { proxy_pass http://kept; proxy_cache memory; proxy_cache_lock on; }
		location /varydisk/ { proxy_pass http://kept; proxy_cache disk; proxy_cache_revalidate on; }
		location /slice/ { slice 4k; proxy_set_header Range $slice_range; proxy_cache_key $uri$arg_id$slice_range; proxy_pass http://kept; proxy_cache disk; proxy_cache_lock on; }
		location /slicememory/ { slice 16k; proxy_set_header Range $slice_range; proxy_cache_key $uri$arg_id$slice_range; proxy_pass http://kept; proxy_cache memory; }
		location /fastcgi/ { fastcgi_pass fastcgi; fastcgi_param QUERY_STRING $query_string; fastcgi_keep_conn on; fastcgi_cache fastcgi; fastcgi_cache_key $uri$arg_id; fastcgi_cache_valid 10s; fastcgi_cache_lock on; }
	}
}
`

var cachePlaces = []string{
	"memory", "disk", "none", "small", "hasty", "twice", "stale", "behind", "again", "vary", "varydisk", "slice", "slicememory", "fastcgi",
}

// sliced reports whether a place asks for an object part by part: such an object never changes.
func sliced(place string) bool { return strings.HasPrefix(place, "slice") }

// caches is the run: the origins, the clients and who removes files share what there is.
type caches struct {
	*crowd
	b    *bench
	seed uint64
	rng  *lockedRand

	objects  sync.Map // by place and id: *object
	asked    atomic.Int64
	fetched  atomic.Int64
	statuses sync.Map // by $upstream_cache_status: *atomic.Int64
}

// A lockedRand is chance that several share.
type lockedRand struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (l *lockedRand) IntN(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.IntN(n)
}

// TestCaches asks for a few objects through every kind of cache while they change, their origin dies, files are removed, entries purged and the
// configuration loaded anew. What comes must be one version of the object, whole unless its origin died, and none from before a purge.
func TestCaches(t *testing.T) {
	seed := firstSeed(t)
	run := &caches{crowd: newCrowd(t), seed: seed, rng: &lockedRand{r: rand.New(rand.NewPCG(seed, 99))}}
	run.b = start(t, cachesConf, func(b *bench) {
		if err := os.MkdirAll(filepath.Join(b.dir, "cache"), 0o777); err != nil {
			t.Fatal(err)
		}
		for name, serve := range map[string]func(net.Conn, *bufio.Reader) (bool, error){"ORIGIN": run.serve, "FASTCGI": run.serveFastCGI} {
			ln, err := net.Listen("tcp", b.names[name])
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = ln.Close() })
			go run.origin(ln, serve)
		}
	}, "ADDR", "WIDE", "ORIGIN", "FASTCGI")
	run.join(32, seed, run.client)
	run.wg.Go(run.vandal)
	run.wg.Go(run.reloads)
	run.wg.Wait()
	text := ""
	run.statuses.Range(func(k, v any) bool {
		text += fmt.Sprintf(", %d %v", v.(*atomic.Int64).Load(), k)
		return true
	})
	t.Logf("%d requests, %d at the origins%s", run.asked.Load(), run.fetched.Load(), text)
	if run.asked.Load() < 100 || run.fetched.Load() < 10 {
		t.Error("hardly anything was tried")
	}
}

// vandal removes files of caches that notice.
func (run *caches) vandal() {
	for !run.over() {
		pause(rand.New(rand.NewPCG(uint64(run.rng.IntN(1<<30)), 0)), 20*time.Millisecond)
		all, _ := filepath.Glob(filepath.Join(run.b.dir, "cache", []string{"disk", "none/*"}[run.rng.IntN(2)], "*"))
		if len(all) > 0 {
			_ = os.Remove(all[run.rng.IntN(len(all))])
		}
	}
}

func (run *caches) reloads() {
	for !run.over() {
		<-time.After(400 * time.Millisecond)
		_ = run.b.Signal(syscall.SIGHUP)
	}
}

// An object is what the origin has for one place and id, in versions that follow each other with each answer.
type object struct {
	place string
	id    int
	size  int

	mu      sync.Mutex
	version uint64          // the last that was given
	floor   uint64          // nothing up to this may be answered any more
	died    map[uint64]bool // versions whose sending has ended early
}

func (run *caches) object(place string, id int) *object {
	key := fmt.Sprint(place, "/", id)
	if o, ok := run.objects.Load(key); ok {
		return o.(*object)
	}
	rng := rand.New(rand.NewPCG(run.seed, uint64(id)))
	o := &object{place: place, id: id, size: size(rng, 150_000), died: map[uint64]bool{}}
	if sliced(place) {
		o.size = max(o.size, 1)
	}
	found, _ := run.objects.LoadOrStore(key, o)
	return found.(*object)
}

// next is a new version.
func (o *object) next() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !sliced(o.place) {
		o.version++
	}
	return o.version
}

// isLast reports whether this is the newest version, and whole.
func (o *object) isLast(version string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return version == o.tag(o.version) && !o.died[o.version]
}

func (o *object) tag(version uint64) string { return fmt.Sprintf("\"%d\"", version) }

func (o *object) die(version uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.died[version] = true
}

func (o *object) hasDied(version uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.died[version]
}

// key is what the bytes of a version follow from.
func (o *object) key(version uint64, variant string) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range []byte(fmt.Sprint(o.place, "/", o.id, "/", version, "/", variant)) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// client asks on connections of its own until the time is over.
func (run *caches) client(_ int, rng *rand.Rand) {
	for !run.over() {
		conn, err := net.Dial("tcp", run.b.names[pick(rng, "ADDR", "WIDE")])
		if err != nil {
			run.fail("%v", err)
			return
		}
		r := bufio.NewReaderSize(conn, pick(rng, 16, 700, 4096, 65536))
		before := "nothing"
		for range 1 + rng.IntN(12) {
			_ = conn.SetDeadline(time.Now().Add(6 * weirtest.Patience()))
			o := run.object(pick(rng, cachePlaces...), int(20*rng.Float64()*rng.Float64())) // some are hot
			var keep bool
			what := "purge"
			if rng.IntN(60) == 0 && !sliced(o.place) {
				keep, err = run.purge(conn, r, o)
			} else {
				what = "get"
				keep, err = run.get(conn, r, o, rng)
			}
			if err != nil {
				run.fail("%s, object %d of %d bytes, after %s: %v", o.place, o.id, o.size, before, err)
			}
			before = fmt.Sprint(what, o.place, o.id, o.size)
			if !keep || err != nil || run.over() {
				break
			}
		}
		_ = conn.Close()
	}
}

func (o *object) target() string { return fmt.Sprintf("/%s/x?place=%s&id=%d", o.place, o.place, o.id) }

// purge drops an object: from then on nothing older is answered.
func (run *caches) purge(conn net.Conn, r *bufio.Reader, o *object) (keep bool, err error) {
	o.mu.Lock()
	floor := o.version
	o.mu.Unlock()
	if _, err = fmt.Fprintf(conn, "PURGE %s HTTP/1.1\r\nHost: a\r\n\r\n", o.target()); err != nil {
		return false, err
	}
	status, fields, err := readHead(r)
	if err != nil {
		return false, err
	}
	if status != 204 && status != 404 {
		return false, fmt.Errorf("status %d of a purge", status)
	}
	o.mu.Lock()
	o.floor = max(o.floor, floor)
	o.mu.Unlock()
	if status == 404 {
		_, err = io.Copy(io.Discard, bodyOf(r, fields))
	}
	return err == nil, err
}

// get asks for an object and holds what comes against what there is.
func (run *caches) get(conn net.Conn, r *bufio.Reader, o *object, rng *rand.Rand) (keep bool, err error) {
	method, variant := pick(rng, "GET", "GET", "GET", "GET", "HEAD"), pick(rng, "", "one", "two")
	if o.place == "fastcgi" {
		method = "GET" // the method is not in the key
	}
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: a\r\nX-Variant: %s\r\n", method, o.target(), variant)
	from, n := 0, o.size
	if o.size > 0 && rng.IntN(4) == 0 {
		from = rng.IntN(o.size)
		n = 1 + rng.IntN(o.size-from)
		text += fmt.Sprintf("Range: bytes=%d-%d\r\n", from, from+n-1)
	}
	o.mu.Lock()
	floor := o.floor
	o.mu.Unlock()
	if _, err := io.WriteString(conn, text+"\r\n"); err != nil {
		return false, err
	}
	status, fields, err := readHead(r)
	if err != nil {
		return false, fmt.Errorf("head: %w", err)
	}
	run.count(fields["x-cache"])
	body := bodyOf(&slowReader{r: r, rng: rng, mood: rng.IntN(4)}, fields)
	switch status {
	case 200:
		from, n = 0, o.size
	case 206:
		if want := fmt.Sprintf("bytes %d-%d/%d", from, from+n-1, o.size); fields["content-range"] != want {
			return false, fmt.Errorf("range %q; wanted %q", fields["content-range"], want)
		}
	case 500, 502, 504: // the origin has said so, or died
		return false, nil
	default:
		return false, fmt.Errorf("status %d", status)
	}
	var version uint64
	if _, err := fmt.Sscan(fields["x-version"], &version); err != nil {
		return false, fmt.Errorf("version %q: %w", fields["x-version"], err)
	}
	if version <= floor && !sliced(o.place) {
		return false, fmt.Errorf("version %d, %s, was purged before (%d)", version, fields["x-cache"], floor)
	}
	if !strings.HasPrefix(o.place, "vary") {
		variant = ""
	}
	if method == "HEAD" {
		return false, nil // it closes when the origin dies
	}
	got, err := run.compare(body, o.key(version, variant), from, n, rng)
	switch {
	case errors.Is(err, errLeft):
		return false, nil
	case err == nil && got == n: // when the origin dies behind a range, the connection ends behind it
		return !o.hasDied(version) && fields["content-length"]+fields["transfer-encoding"] != "" && fields["connection"] != "close", nil
	case (err == nil || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)) && o.hasDied(version):
		return false, nil
	}
	return false, fmt.Errorf("%d bytes of %d of version %d, %s: %w", got, n, version, fields["x-cache"], err)
}

// errLeft says that the client has had enough.
var errLeft = errors.New("left")

// compare reads a body, and leaves now and then before it ends.
func (run *caches) compare(body io.Reader, key uint64, from, n int, rng *rand.Rand) (got int, err error) {
	leave := -1
	if rng.IntN(20) == 0 {
		leave = rng.IntN(n + 1)
	}
	buf, want := make([]byte, 70_000), make([]byte, 70_000)
	for {
		k, err := body.Read(buf[:1+rng.IntN(len(buf))])
		if got+k > n {
			return got, fmt.Errorf("more than %d bytes", n)
		}
		if fill(want[:k], key, from+got); !bytes.Equal(buf[:k], want[:k]) {
			return got, fmt.Errorf("wrong bytes: %.60q, wanted %.60q", buf[:k], want[:k])
		}
		got += k
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		if leave >= 0 && got >= leave {
			return got, errLeft
		}
	}
}

func (run *caches) count(status string) {
	run.asked.Add(1)
	n, _ := run.statuses.LoadOrStore(status, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}
