package main

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

func TestParseWrk(t *testing.T) {
	const report = `Running 60m test @ http://127.0.0.1:1/
  1 threads and 32 connections
  Latency Distribution
     50%  612.00us
     99%    1.50ms
  90123 requests in 2.01s, 100.00MB read
%s
Requests/sec:  44837.00
`
	l, err := parseWrk(strings.Replace(report, "%s\n", "", 1), 2*time.Second)
	if err != nil || l.requests != 90123 || l.p99 != 1500*time.Microsecond {
		t.Errorf("%+v, %v", l, err)
	}
	tests := []struct {
		line string
		bad  bool
	}{
		{"  Non-2xx or 3xx responses: 12", true},
		{"  Socket errors: connect 0, read 3, write 0, timeout 0", true},
		{"  Socket errors: connect 0, read 0, write 0, timeout 4", false}, // the last ones are cut off by the signal
	}
	for _, tt := range tests {
		if _, err := parseWrk(strings.Replace(report, "%s", tt.line, 1), time.Second); (err != nil) != tt.bad {
			t.Errorf("%q: %v", tt.line, err)
		}
	}
	for _, text := range []string{"", "unable to connect", "  0 requests in 2.00s, 0B read\n"} {
		if _, err := parseWrk(text, time.Second); err == nil {
			t.Errorf("no error for %q", text)
		}
	}
}

func TestMedianAndRatio(t *testing.T) {
	if m := median([]float64{9, 1, 2}); m != 2 {
		t.Error(m)
	}
	if m := median([]float64{4, 1}); m != 2.5 {
		t.Error(m)
	}
	r := newReport(options{rounds: 3}, []server{{name: "weir"}, {name: "nginx"}})
	w := work{name: "w"}
	for _, c := range []float64{8, 10, 30} {
		r.add(w, "weir", sample{CPU: c, Rate: 200})
		r.add(w, "nginx", sample{CPU: c + 2, Rate: 100})
	}
	rows := r.rows("w")
	if got := ratio(rows, rows[1], cpu); got != "1.20" {
		t.Errorf("CPU %s", got)
	}
	if got := ratio(rows, rows[1], perRequest); got != "2.00" {
		t.Errorf("requests %s", got)
	}
	if got := ratio(rows, rows[0], cpu); got != "-" {
		t.Errorf("weir to itself: %s", got)
	}
}

func TestSample(t *testing.T) {
	before := cost{user: time.Second, system: time.Second}
	after := cost{user: 2 * time.Second, system: 4 * time.Second, rss: 3 << 20}
	s := newSample(before, after, load{requests: 1e6, took: 2 * time.Second, p99: 1500 * time.Microsecond})
	if s.CPU != 4 || s.User != 1 || s.Rate != 5e5 || s.P99 != 1.5 || s.RSS != 3 {
		t.Errorf("%+v", s)
	}
}

func TestParseH2Load(t *testing.T) {
	l, err := parseH2Load("finished in 1.50s, 82304.00 req/s, 89.48MB/s\nrequests: 82304 total, 82432 started, 82304 done, 82304 succeeded, 0 failed\n")
	if err != nil || l.requests != 82304 || l.took != 1500*time.Millisecond {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := parseH2Load("finished in 1.50s,\nrequests: 9 total, 9 started, 9 done, 8 succeeded, 1 failed"); err == nil {
		t.Error("no error for a request that failed")
	}
}

func TestWanted(t *testing.T) {
	for name, only := range map[string]string{"static1k": "", "static10m": "static", "proxy1k": "static, proxy"} {
		if !wanted(name, only) {
			t.Errorf("%s is not in %q", name, only)
		}
	}
	if wanted("idle", "static,proxy") {
		t.Error("idle is in static,proxy")
	}
}

func TestTree(t *testing.T) {
	cmd := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; sleep 60 & wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	root := cmd.Process.Pid
	defer func() {
		_ = syscall.Kill(-root, syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	if !weirtest.Eventually(func() bool { return len(tree(root)) == 2 }) {
		t.Fatalf("%+v", tree(root))
	}
	if used(root) == 0 {
		t.Error("no processor time")
	}
	if m := memoryOf(root); m.shared == 0 || m.high < m.shared {
		t.Errorf("memory %+v", m)
	}
}

func TestParseProcess(t *testing.T) {
	p, ok := parseProcess([]byte("12 (a) b) S 7 5 0 0 0 0 0 0 0 0 1 2 3 4 20 0"))
	if want := (process{12, 7, 5, 10 * tick}); !ok || p != want {
		t.Errorf("%+v %v", p, ok)
	}
}
