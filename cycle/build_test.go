package cycle

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/logs"
	"weir/weirtest"
)

// manyServers writes a configuration of n servers and returns what reads it.
func manyServers(t testing.TB, n int) (Options, *Process) {
	dir := t.TempDir()
	text := "events { }\nhttp {\naccess_log off;\n" + weirtest.SiteUpstreams() + "include sites/*.conf;\n}\n"
	if err := weirtest.WriteSites(filepath.Join(dir, "sites"), "127.0.0.1:18080", n); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Options{
		Prefix: dir + "/", Conf: dir + "/nginx.conf", ErrorLog: dir + "/error.log", AccessLog: dir + "/access.log",
		TempPrefix: dir + "/", Version: "test",
	}, &Process{Files: logs.NewFiles(), Temp: disk.NewTempNumbers()}
}

func mustBuild(t testing.TB, o Options, p *Process) *Cycle {
	c, d := Build(o, p)
	if d.Failed() {
		t.Fatal(d.Sentence(d.List()[0]))
	}
	return c
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func processorTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBuild builds a cycle of many servers. cpu-ms/op has the collector in it, and is the figure to look at where
// others work too; kept-B/server is what the cycle holds on to.
func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			o, p := manyServers(b, n)
			var c *Cycle
			before := heap()
			begin := processorTime()
			b.ReportAllocs()
			for b.Loop() {
				c = mustBuild(b, o, p)
			}
			b.ReportMetric(float64((processorTime()-begin).Milliseconds())/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(heap()-before)/float64(n), "kept-B/server")
			runtime.KeepAlive(c)
		})
	}
}

// TestCycleKeepsLittle is the promise that a cycle holds on to what serves only, not to the configuration's tree.
func TestCycleKeepsLittle(t *testing.T) {
	const n, most = 1000, 10 << 10
	o, p := manyServers(t, n)
	before := heap()
	c := mustBuild(t, o, p)
	if kept := int64(heap()-before) / n; kept > most {
		t.Errorf("%d bytes for each server, want at most %d", kept, most)
	}
	runtime.KeepAlive(c)
}
