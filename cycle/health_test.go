package cycle

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/conf"
	"weir/disk"
	"weir/logs"
)

const checked = `
worker_processes 2;
events { worker_connections 1024; }
http {
	access_log off;
	upstream app { server $2; server $3; server $4; server $5; }
	server {
		listen $1;
		location / { proxy_pass http://app; health_check interval=10ms fails=2 uri=/check; }
	}
}
`

// A patient is a server that is checked. It answers requests, and counts them, however well it says it is.
type patient struct {
	addr     string
	ill      atomic.Bool
	requests atomic.Int64
	server   *http.Server
}

func newPatient(t *testing.T, addr string) *patient {
	t.Helper()
	p := &patient{addr: addr}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	p.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/check" {
			p.requests.Add(1)
		} else if p.ill.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	go func() { _ = p.server.Serve(ln) }()
	t.Cleanup(func() { _ = p.server.Close() })
	return p
}

// becomes waits until the checks think so of the peer.
func (p *patient) becomes(t *testing.T, rt *Runtime, healthy bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); rt.Current().Healthy("app", p.addr) != healthy; {
		if time.Now().After(end) {
			t.Fatalf("%s does not become healthy=%v", p.addr, healthy)
		}
		rt.Alive() // a turn of the loops
	}
}

// TestHealthUnderLoad asks without a pause while one of four servers falls ill, the configuration is loaded anew, another server dies, and
// the first recovers. No request fails, and none goes to a server that its checks have found ill.
func TestHealthUnderLoad(t *testing.T) {
	rt, dir, addrs := newRuntime(t, checked, 5)
	var all []*patient
	for _, addr := range addrs[1:] {
		all = append(all, newPatient(t, addr))
	}
	var stop atomic.Bool
	var askers sync.WaitGroup
	var asked, failed atomic.Int64
	for range 4 {
		askers.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for !stop.Load() {
				asked.Add(1)
				res, err := client.Get("http://" + addrs[0] + "/")
				if err != nil {
					failed.Add(1)
					continue
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK {
					failed.Add(1)
				}
			}
		})
	}
	more := func(n int64) {
		for from := asked.Load(); asked.Load() < from+n; {
			rt.Alive()
		}
	}
	more(50)
	all[0].ill.Store(true)
	all[0].becomes(t, rt, false)
	more(20) // those on their way may be for it
	before := all[0].requests.Load()
	more(200)
	writeConf(t, dir, checked, addrs)
	if err := rt.Reload(conf.Outside{}); err != nil {
		t.Fatal(err)
	}
	more(200)
	if after := all[0].requests.Load(); after != before {
		t.Errorf("%d requests went to a server that was found ill", after-before)
	}
	_ = all[1].server.Close()
	more(200)
	all[1].becomes(t, rt, false)
	all[0].ill.Store(false)
	all[0].becomes(t, rt, true)
	for all[0].requests.Load() == before {
		rt.Alive()
	}
	stop.Store(true)
	askers.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), asked.Load())
	}
	rt.Quit()
	<-rt.Done()
}

// TestMemory sees that what a process has found out of its peers is there for the next, and that nothing is learnt from what was not
// written whole.
func TestMemory(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "memory"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	m := NewMemory(f)
	if got := m.read(); got != nil {
		t.Errorf("an empty memory has %q", got)
	}
	rt, dir, addrs := newRuntimeOf(t, &Process{Memory: m}, checked, 5)
	var all []*patient
	for _, addr := range addrs[1:] {
		all = append(all, newPatient(t, addr))
	}
	all[2].ill.Store(true)
	all[2].becomes(t, rt, false)
	for !strings.Contains(string(m.read()), "unhealthy") {
		rt.Alive()
	}
	rt.Stop()
	b := m.read()

	p := &Process{Memory: m, Files: logs.NewFiles(), Temp: disk.NewTempNumbers()}
	next, d := Build(Options{Prefix: dir + "/", Conf: dir + "/nginx.conf", ErrorLog: dir + "/logs/error.log", TempPrefix: dir + "/"}, p)
	if d.Failed() {
		t.Fatal(d.List()[0].Text)
	}
	defer next.Release()
	for _, f := range next.fronts {
		f.restore([]byte("nonsense\n\n\"app\" unhealthy\n"))
	}
	if !next.Healthy("app", all[2].addr) {
		t.Error("nonsense makes a peer ill")
	}
	for _, f := range next.fronts {
		f.restore(b)
	}
	if next.Healthy("app", all[2].addr) || !next.Healthy("app", all[1].addr) {
		t.Errorf("the next process does not know what was remembered: %q", b)
	}
	if _, err := f.WriteAt([]byte{'X'}, memoryHead+1); err != nil || m.read() != nil {
		t.Errorf("a damaged snapshot is read: %q, %v", m.read(), err)
	}
}
