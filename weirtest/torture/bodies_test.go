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
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// Every kind of location through which a body may go.
const bodiesConf = `error_log error.log warn;
worker_processes 2;
events { worker_connections 1024; }
http {
	access_log off; client_body_temp_path tmp-body; proxy_temp_path tmp-proxy;
	client_max_body_size 0; keepalive_requests 100000; default_type text/html;
	charset_map koi8-r windows-1251 { C0 FE; C1 E0; }
	upstream kept { server $ORIGIN; keepalive 8; }
	upstream fresh { server $ORIGIN; keepalive 0; }
	upstream fastcgi { server $FASTCGI; keepalive 8; }
	fastcgi_param QUERY_STRING $query_string; fastcgi_temp_path tmp-fastcgi;
	scgi_param QUERY_STRING $query_string; scgi_temp_path tmp-scgi;
	proxy_http_version 1.1; proxy_set_header Connection "";
	server {
		listen $ADDR sndbuf=8k rcvbuf=8k; listen $WIDE;
		location /default/ { proxy_pass http://kept; }
		location /fresh/ { proxy_pass http://fresh; }
		location /old/ { proxy_pass http://fresh; proxy_http_version 1.0; }
		location /tiny/ { proxy_pass http://kept; proxy_buffer_size 1k; proxy_buffers 3 1k; proxy_busy_buffers_size 1k; proxy_temp_file_write_size 1k; }
		location /two/ { proxy_pass http://kept; proxy_buffers 2 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 4k; }
		location /large/ { proxy_pass http://kept; proxy_buffer_size 64k; proxy_buffers 4 64k; }
		location /direct/ { proxy_pass http://kept; proxy_buffering off; }
		location /slow/ { proxy_pass http://kept; limit_rate 150k; }
		location /slowdirect/ { proxy_pass http://kept; limit_rate 150k; proxy_buffering off; }
		location /ration/ { proxy_pass http://kept; proxy_limit_rate 150k; }
		location /nofile/ { proxy_pass http://kept; proxy_max_temp_file_size 0; }
		location /nofiletiny/ { proxy_pass http://kept; proxy_max_temp_file_size 0; proxy_buffers 2 4k; proxy_busy_buffers_size 4k; }
		location /smallfile/ { proxy_pass http://kept; proxy_max_temp_file_size 16k; proxy_buffers 4 4k; proxy_busy_buffers_size 8k; }
		location /badfile/ { proxy_pass http://kept; proxy_temp_path nowhere; proxy_buffers 4 4k; proxy_busy_buffers_size 8k; client_body_temp_path nowhere; client_body_buffer_size 4k; }
		location /store/ { proxy_pass http://kept; proxy_store $DIR/store/$arg_id; proxy_buffers 4 4k; proxy_busy_buffers_size 8k; }
		location /ssi/ { proxy_pass http://kept; ssi on; proxy_buffers 4 4k; proxy_busy_buffers_size 8k; }
		location /include/ { ssi on; ssi_types *; root www; }
		location /charset/ { proxy_pass http://kept; source_charset koi8-r; charset windows-1251; proxy_buffers 4 4k; proxy_busy_buffers_size 8k; }
		location /range/ { proxy_pass http://kept; proxy_force_ranges on; proxy_buffers 4 4k; proxy_busy_buffers_size 8k; }
		location /bodyfile/ { proxy_pass http://kept; client_body_buffer_size 1k; }
		location /stream/ { proxy_pass http://kept; proxy_request_buffering off; }
		location /streamold/ { proxy_pass http://fresh; proxy_request_buffering off; proxy_http_version 1.0; }
		location /streamdirect/ { proxy_pass http://kept; proxy_request_buffering off; proxy_buffering off; client_body_buffer_size 2k; }
		location /nopush/ { proxy_pass http://kept; sendfile off; tcp_nopush on; postpone_output 0; }
		location /fastcgi/ { fastcgi_pass fastcgi; }
		location /fastcgikeep/ { fastcgi_pass fastcgi; fastcgi_keep_conn on; }
		location /fastcgitiny/ { fastcgi_pass fastcgi; fastcgi_keep_conn on; fastcgi_buffer_size 1k; fastcgi_buffers 3 1k; fastcgi_busy_buffers_size 1k; fastcgi_temp_file_write_size 1k; }
		location /fastcgidirect/ { fastcgi_pass fastcgi; fastcgi_keep_conn on; fastcgi_buffering off; }
		location /slowfastcgi/ { fastcgi_pass fastcgi; fastcgi_keep_conn on; limit_rate 150k; }
		location /streamfastcgi/ { fastcgi_pass fastcgi; fastcgi_request_buffering off; fastcgi_keep_conn on; }
		location /streamfastcgidirect/ { fastcgi_pass fastcgi; fastcgi_request_buffering off; fastcgi_buffering off; client_body_buffer_size 2k; }
		location /scgi/ { scgi_pass $SCGI; }
		location /streamscgi/ { scgi_pass $SCGI; scgi_request_buffering off; scgi_buffering off; }
		location /hold/ { proxy_pass http://kept; postpone_output 20000; sendfile_max_chunk 3000; }
	}
}
`

var bodyPlaces = []string{
	"default", "fresh", "old", "tiny", "two", "large", "direct", "slow", "slowdirect", "ration", "nofile", "nofiletiny", "smallfile", "badfile",
	"store", "ssi", "charset", "range", "bodyfile", "stream", "streamold", "streamdirect", "nopush", "hold",
	"fastcgi", "fastcgikeep", "fastcgitiny", "fastcgidirect", "slowfastcgi", "streamfastcgi", "streamfastcgidirect", "scgi", "streamscgi",
}

// bodies is the run: the origin and the clients share what went wrong.
type bodies struct {
	*crowd
	b     *bench
	done  atomic.Int64
	bytes atomic.Int64
}

// TestBodies sends bodies both ways through every kind of location and wants every byte back.
func TestBodies(t *testing.T) {
	seed := firstSeed(t)
	run := &bodies{crowd: newCrowd(t)}
	run.b = start(t, bodiesConf, func(b *bench) {
		for _, name := range []string{"store", "www/include"} {
			if err := os.MkdirAll(filepath.Join(b.dir, name), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		for name, serve := range map[string]func(net.Conn, *bufio.Reader) (bool, error){"ORIGIN": run.serve, "FASTCGI": run.serveFastCGI, "SCGI": run.serveSCGI} {
			ln, err := net.Listen("tcp", b.names[name])
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = ln.Close() })
			go run.origin(ln, serve)
		}
	}, "ADDR", "WIDE", "ORIGIN", "FASTCGI", "SCGI")
	nowhere := filepath.Join(run.b.dir, "nowhere") // the server has made the folder
	if err := errors.Join(os.RemoveAll(nowhere), os.WriteFile(nowhere, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	run.join(64, seed, run.client)
	run.wg.Wait()
	t.Logf("%d exchanges, %d MB", run.done.Load(), run.bytes.Load()>>20)
	if run.done.Load() < 10 {
		t.Error("hardly anything was tried")
	}
}

// An ask is one request and what the origin is to make of it; all of it travels in the query.
type ask struct {
	place    string
	id       uint64
	size     int // of the answer
	upload   int // -1: no body
	chunkedU bool
	seed     uint64 // of the origin's whims
	old      bool   // HTTP/1.0
	close    bool
	from, to int // a range; to == 0: none
	expect   bool

	more string            // fields besides
	got  map[string]string // fields of the answer
}

// client asks on connections of its own until the time is over.
func (run *bodies) client(_ int, rng *rand.Rand) {
	for !run.over() {
		addr := run.b.names[pick(rng, "ADDR", "ADDR", "WIDE")]
		d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) {
				if rng.IntN(3) > 0 {
					_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, pick(rng, 2<<10, 8<<10, 32<<10))
				}
			})
		}}
		conn, err := d.Dial("tcp", addr)
		if err != nil {
			run.fail("%v", err)
			return
		}
		r := bufio.NewReaderSize(conn, pick(rng, 16, 700, 4096, 65536))
		for range 1 + rng.IntN(8) {
			a := run.newAsk(rng)
			_ = conn.SetDeadline(time.Now().Add(6 * weirtest.Patience()))
			keep, err := run.exchange(conn, r, &a, rng)
			if err != nil {
				run.fail("%+v: %v", a, err)
			}
			run.done.Add(1)
			if !keep || err != nil || run.over() {
				break
			}
		}
		_ = conn.Close()
	}
}

func (run *bodies) newAsk(rng *rand.Rand) ask {
	a := ask{place: pick(rng, bodyPlaces...), id: rng.Uint64() >> 1, upload: -1, seed: rng.Uint64() >> 1, old: rng.IntN(6) == 0, close: rng.IntN(6) == 0}
	most := 300_000
	if strings.HasPrefix(a.place, "slow") || a.place == "ration" {
		most = 170_000
	}
	a.size = size(rng, most)
	if strings.HasPrefix(a.place, "stream") || a.place == "bodyfile" || rng.IntN(5) == 0 {
		a.upload = size(rng, 200_000)
		a.chunkedU = !a.old && rng.IntN(2) == 0
		a.expect = !a.old && rng.IntN(8) == 0
	}
	if a.place == "range" && a.size > 0 {
		a.from = rng.IntN(a.size)
		a.to = a.from + 1 + rng.IntN(a.size-a.from)
	}
	return a
}

// exchange asks once, and reads the answer as it likes.
func (run *bodies) exchange(conn net.Conn, r *bufio.Reader, a *ask, rng *rand.Rand) (keep bool, err error) {
	sent := make(chan error, 1)
	head := a.head()
	if _, err := io.WriteString(conn, head); err != nil {
		return false, err
	}
	upRNG := rand.New(rand.NewPCG(a.seed, 3))
	go func() { sent <- a.sendBody(conn, upRNG) }()
	reader := &slowReader{r: r, rng: rng, mood: rng.IntN(4)}
	defer func() {
		if !keep {
			_ = conn.Close()
		}
		if e := <-sent; e != nil && err == nil && keep {
			err = fmt.Errorf("the upload: %w", e)
		}
	}()
	status, fields, err := readHead(r)
	for err == nil && status == 100 {
		status, fields, err = readHead(r)
	}
	if err != nil {
		return false, fmt.Errorf("head: %w", err)
	}
	a.got = fields
	if a.place == "badfile" && status == 500 {
		return false, nil
	}
	from, n := 0, a.size
	want := 200
	if a.to > 0 && status == 206 {
		from, n, want = a.from, a.to-a.from, 206
	}
	if status != want {
		return false, fmt.Errorf("status %d", status)
	}
	body := bodyOf(reader, fields)
	got := 0
	buf := make([]byte, 70_000)
	expect := make([]byte, 70_000)
	for {
		k, err := body.Read(reader.part(buf))
		if got+k > n {
			return false, fmt.Errorf("more than %d bytes", n)
		}
		fill(expect[:k], a.id, from+got)
		if !bytes.Equal(buf[:k], expect[:k]) {
			return false, fmt.Errorf("wrong bytes at %d of %d, up to %d more", got, n, k)
		}
		got += k
		run.bytes.Add(int64(k))
		if err == io.EOF {
			break
		}
		if err != nil {
			if a.place == "badfile" {
				return false, nil // it ends early, as the disk has failed; but no byte was wrong
			}
			return false, fmt.Errorf("after %d bytes of %d: %w", got, n, err)
		}
	}
	untilClose := fields["content-length"] == "" && fields["transfer-encoding"] == ""
	if got < n && (a.place != "badfile" || !untilClose) {
		return false, fmt.Errorf("%d bytes of %d", got, n)
	}
	if a.place == "store" && !run.storedWhole(a) {
		return false, errors.New("the stored file is another")
	}
	return !untilClose && fields["connection"] != "close" && !a.old && !a.close, nil
}

// storedWhole looks at the file that a response was stored in.
func (run *bodies) storedWhole(a *ask) bool {
	path := filepath.Join(run.b.dir, "store", fmt.Sprint(a.id))
	want := make([]byte, a.size)
	fill(want, a.id, 0)
	ok := weirtest.Eventually(func() bool {
		got, err := os.ReadFile(path)
		return err == nil && bytes.Equal(got, want)
	})
	_ = os.Remove(path)
	return ok
}

func (a *ask) head() string {
	method, version, fields := "GET", "1.1", ""
	switch {
	case a.chunkedU:
		method, fields = "POST", "Transfer-Encoding: chunked\r\n"
	case a.upload >= 0:
		method, fields = "POST", fmt.Sprintf("Content-Length: %d\r\n", a.upload)
	}
	if a.expect {
		fields += "Expect: 100-continue\r\n"
	}
	if a.old {
		version = "1.0"
	}
	if a.close {
		fields += "Connection: close\r\n"
	}
	if a.to > 0 {
		fields += fmt.Sprintf("Range: bytes=%d-%d\r\n", a.from, a.to-1)
	}
	return fmt.Sprintf("%s /%s/b?id=%d&size=%d&upload=%d&seed=%d HTTP/%s\r\nHost: a\r\n%s\r\n", method, a.place, a.id, a.size, a.upload, a.seed, version, fields+a.more)
}

// sendBody sends the upload, in bursts and pauses.
func (a *ask) sendBody(w io.Writer, rng *rand.Rand) error {
	if a.upload < 0 {
		return nil
	}
	b := make([]byte, a.upload)
	fill(b, a.id+1, 0)
	return sendFramed(w, b, rng, a.chunkedU)
}
