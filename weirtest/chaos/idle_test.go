package chaos

import (
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/loop"
	"weir/weirtest"
)

// raiseFiles makes room for n descriptors in this process and those it starts.
func raiseFiles(t *testing.T, n uint64) {
	t.Helper()
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	if uint64(lim.Cur) >= n { // they are signed on some systems
		return
	}
	if uint64(lim.Max) < n {
		t.Skipf("needs %d descriptors; the hard limit of open files (ulimit -Hn) is %d", n, lim.Max)
	}
	lim.Cur = lim.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		t.Skipf("needs %d descriptors: %v", n, err)
	}
}

// idleCrowd opens n connections, asks once on each and leaves them idle.
func idleCrowd(t *testing.T, addr string, n int) []net.Conn {
	t.Helper()
	all := make([]net.Conn, 0, n)
	t.Cleanup(func() {
		for _, c := range all {
			_ = c.Close()
		}
	})
	const batch = 20 // less than the room that any of the servers has
	buf := make([]byte, 4096)
	for len(all) < n {
		for range min(batch, n-len(all)) {
			d := net.Dialer{Timeout: weirtest.Patience(), Control: weirtest.LazyPort, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+len(all)/2000))}}
			c, err := d.Dial("tcp", addr)
			if err != nil {
				t.Fatalf("connection %d: %v", len(all), err)
			}
			all = append(all, c)
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range all[max(0, len(all)-batch):] {
			_ = c.SetReadDeadline(time.Now().Add(weirtest.Patience()))
			if k, err := c.Read(buf); err != nil || !strings.HasPrefix(string(buf[:k]), "HTTP/1.1 200") {
				t.Fatalf("%q, %v", buf[:k], err)
			}
		}
	}
	return all
}

// TestTortureIdle leaves ten thousand connections idle: they cost no more than 4 MB of resident memory and
// no thread, they still answer, and nothing is left of them when they are closed.
func TestTortureIdle(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	const crowd = 10_000
	raiseFiles(t, crowd+200)
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	addr := mustTake(t, ports)
	binary := tortureBinary(t)
	s := startTorture(t, weirtest.Options{Binary: binary, Dir: t.TempDir(), Ready: []string{addr}}, fmt.Sprintf(`
		error_log error.log; worker_processes 2; events { worker_connections %d; }
		http { access_log off; server { listen %s backlog=4096; keepalive_timeout 1h; location / { return 200 "ok\n"; } } }`, crowd, addr))
	for _, c := range idleCrowd(t, addr, 300) { // whatever is made once is made now
		_ = c.Close()
	}
	settled := func() (rss int64, threads, files int) {
		weirtest.Eventually(func() bool { files = len(s.Descriptors()); return files < 100 })
		for _, p := range s.Processes() {
			rss += p.RSS
			threads += p.Threads
		}
		return rss, threads, files
	}
	rss, threads, files := settled()
	all := idleCrowd(t, addr, crowd)
	large := weirtest.Race || loop.Portable // the race detector's memory says nothing, and the portable engine has goroutines
	var with int64
	more := 0
	small := weirtest.Eventually(func() bool { // the runtime gives back what it does not need in its own time
		with, more = 0, 0
		for _, p := range s.Processes() {
			with += p.RSS
			more += p.Threads
		}
		return large || with-rss <= 4<<20
	})
	t.Logf("%d idle connections: %d KB, %d bytes each; %d threads, %d before", crowd, (with-rss)>>10, (with-rss)/crowd, more, threads)
	if !small {
		t.Errorf("%d idle connections cost %d KB; want at most 4 MB", crowd, (with-rss)>>10)
	}
	if more > threads+4 {
		t.Errorf("%d threads; %d before", more, threads)
	}
	for i := 0; i < crowd; i += 997 {
		buf := make([]byte, 1000)
		_, _ = io.WriteString(all[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		_ = all[i].SetReadDeadline(time.Now().Add(weirtest.Patience()))
		if n, err := all[i].Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 200") {
			t.Errorf("connection %d afterwards: %q, %v", i, buf[:n], err)
		}
	}
	for _, c := range all {
		_ = c.Close()
	}
	if !weirtest.Eventually(func() bool { return len(s.Descriptors()) <= files }) {
		t.Errorf("%d descriptors afterwards; %d before", len(s.Descriptors()), files)
	}
}

// TestTortureShedding uses up worker_connections: idle clients make room for new ones, kept or not yet heard
// of; busy ones do not, then a new client is turned away and the log says so, not more than once a second;
// and when they are gone all is as before.
func TestTortureShedding(t *testing.T) {
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	addr, silent := mustTake(t, ports), mustTake(t, ports)
	b, err := weirtest.StartBackend("SILENT", silent, "silent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Down)
	s := startTorture(t, weirtest.Options{Binary: tortureBinary(t), Dir: t.TempDir(), Ready: []string{addr}}, fmt.Sprintf(`
		error_log error.log; worker_processes 1; events { worker_connections 60; }
		http { access_log off; proxy_temp_path tmp; client_body_temp_path tmp; server { listen %s;
			location / { return 200 "ok\n"; } location /silent { proxy_pass http://%s; } } }`, addr, silent))
	answered := func() bool {
		answers, err := weirtest.Ask(addr, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		return err == nil && len(answers) == 1 && answers[0].Status == 200
	}
	idleCrowd(t, addr, 200)
	for range 20 {
		if !answered() {
			t.Error("with idle clients: no answer")
		}
	}
	mute := make([]net.Conn, 200) // they never say a word
	for i := range mute {
		if mute[i], err = net.Dial("tcp", addr); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = mute[i].Close() }()
	}
	for range 20 {
		if !answered() {
			t.Error("with mute clients: no answer")
		}
	}
	busy := make([]*weirtest.Client, 40) // two connections each
	for i := range busy {
		if busy[i], err = weirtest.Dial(addr, ""); err != nil {
			t.Fatal(err)
		}
		_ = busy[i].Send("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n")
	}
	if !weirtest.Eventually(func() bool { return b.Open() >= 25 && !answered() }) {
		t.Errorf("%d busy clients, and the next is answered", b.Open())
	}
	start := time.Now()
	for range 50 {
		answered()
	}
	lines := 0
	for _, line := range weirtest.Lines(s.Dir + "/error.log") {
		if strings.Contains(line, "[alert]") && strings.Contains(line, "60 worker_connections are not enough") {
			lines++
		}
	}
	if most := 4 + int(time.Since(start)/time.Second); lines == 0 || lines > most {
		t.Errorf("%d lines about worker_connections; want 1 to %d", lines, most)
	}
	for _, c := range busy {
		_ = c.Close()
	}
	if !weirtest.Eventually(answered) {
		t.Error("no recovery")
	}
}

// TestTortureDescriptors lets the process run out of descriptors: idle clients make room, the log says what
// is wrong, and the server recovers.
func TestTortureDescriptors(t *testing.T) {
	if weirtest.Race {
		t.Skip("a server with the race detector is too slow to run out of descriptors in time")
	}
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	addr, silent := mustTake(t, ports), mustTake(t, ports)
	b, err := weirtest.StartBackend("SILENT", silent, "silent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Down)
	s := startTorture(t, weirtest.Options{Binary: tortureBinary(t), Dir: t.TempDir(), Ready: []string{addr}}, fmt.Sprintf(`
		error_log error.log; worker_processes 2; worker_rlimit_nofile 100; events { worker_connections 1000; }
		http { access_log off; proxy_temp_path tmp; client_body_temp_path tmp; root www; server { listen %s;
			location / { return 200 "ok\n"; } location /silent { proxy_pass http://%s; } } }`, addr, silent))
	answered := func() bool {
		answers, err := weirtest.Ask(addr, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		return err == nil && len(answers) == 1 && answers[0].Status == 200
	}
	idleCrowd(t, addr, 300)
	if !weirtest.Eventually(answered) {
		t.Error("with idle clients: no answer")
	}
	var busy []*weirtest.Client // those that have not said a word when others need room may be shed: more come
	if !weirtest.Eventually(func() bool {
		c, err := weirtest.Dial(addr, "")
		if err != nil {
			t.Fatal(err)
		}
		busy = append(busy, c)
		_ = c.Send("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n")
		log := strings.Join(weirtest.Lines(s.Dir+"/error.log"), "\n")
		return strings.Contains(log, "(24: Too many open files)")
	}) {
		t.Errorf("the log does not say it: %d busy\n%q\n%q", b.Open(), s.Descriptors(), weirtest.Lines(s.Dir+"/error.log"))
	}
	if n := len(weirtest.Lines(s.Dir + "/error.log")); n > 200 {
		t.Errorf("%d lines in the log", n)
	}
	for _, c := range busy {
		_ = c.Close()
	}
	if !weirtest.Eventually(answered) {
		t.Error("no recovery")
	}
}
