package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"weir/weirtest"
)

// TestChaosConfigurationGone takes the configuration away from a server that is told to reload, in all ways
// that a file can be away: it says what is missing, and serves on.
func TestChaosConfigurationGone(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	s := c.start()
	load := c.crowd()
	worker := s.Worker()
	for i, gone := range []struct {
		what string
		do   func()
		log  string
	}{
		{"moved away", func() { _ = os.Rename(c.path("nginx.conf"), c.path("away")) }, `\[emerg\].*open\(\) ".*/nginx.conf" failed \(2: No such file or directory\)`},
		{"a folder", func() { _ = os.Remove(c.path("nginx.conf")); _ = os.Mkdir(c.path("nginx.conf"), 0o755) }, `\[crit\].*pread\(\) ".*/nginx.conf" failed \(21: Is a directory\)`},
		{"a loop of links", func() { _ = os.Remove(c.path("nginx.conf")); _ = os.Symlink("nginx.conf", c.path("nginx.conf")) }, `\[emerg\].*open\(\) ".*/nginx.conf" failed \(40: Too many levels of symbolic links\)`},
		{"empty", func() { c.write("") }, `\[emerg\].*no "events" section in configuration`},
		{"half", func() { c.write("events {} http { server { listen 127.") }, `\[emerg\].*unexpected end of file`},
		{"no include", func() { c.write("include gone.conf;\n") }, `\[emerg\].*open\(\) ".*/gone.conf" failed \(2: No such file or directory\)`},
		{"itself included", func() { c.write("include nginx.conf;\n") }, `\[emerg\]`},
		{"binary", func() { c.write("\x7fELF\x02\x01\x01\x00\x00") }, `\[emerg\]`},
	} {
		gone.do()
		lines := len(weirtest.Lines(c.path("error.log")))
		if out, err := s.Command("-s", "reload"); err == nil {
			t.Errorf("%s: -s reload says that it has done it: %s", gone.what, out)
		}
		if err := s.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		c.loggedAfter(lines, gone.log)
		_ = os.RemoveAll(c.path("nginx.conf"))
		c.configure(i + 1)
		if err := s.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		c.servedBy(worker, i+1)
	}
	load.End()
	c.unfailing(load)
}

// TestChaosIncludeFlickers takes an include away and brings it back while the server reloads all the time:
// each reload succeeds or fails as a whole.
func TestChaosIncludeFlickers(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	c.write(strings.Replace(weirtest.Expand(chaosConf, c.names), "http {", "http { include extra.conf; include many/*.conf;", 1))
	if err := os.Mkdir(c.path("many"), 0o755); err != nil {
		t.Fatal(err)
	}
	extra := "map $uri $extra { default 1; }\n"
	put := func(name, text string) {
		if err := os.WriteFile(c.path("half"), []byte(text), 0o644); err != nil {
			t.Error(err)
		}
		if err := os.Rename(c.path("half"), c.path(name)); err != nil {
			t.Error(err)
		}
	}
	put("extra.conf", extra)
	put("many/a.conf", "map $uri $a { default 1; }\n")
	s := c.start()
	load := c.crowd()
	worker := s.Worker()
	count := func(line string) (n int) {
		for _, l := range weirtest.Lines(c.path("error.log")) {
			if strings.HasSuffix(l, line) {
				n++
			}
		}
		return n
	}
	for n := range rounds(40, 400) {
		began := count(": reconfiguring")
		if err := s.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for pause := range 1 + n%4 { // some of it before, some while it reads
			_ = os.Remove(c.path("extra.conf"))
			_ = os.Remove(c.path("many/a.conf"))
			weirtest.Eventually(func() bool { return pause > 0 || count(": reconfiguring") > began })
			put("extra.conf", extra)
			put("many/a.conf", "map $uri $a { default 1; }\n")
		}
	}
	reloads, failed := count(": reconfiguring"), count("test failed")
	c.servedBy(worker, 0)
	load.End()
	t.Logf("%d reloads, %d of them failed: %v", reloads, failed, load)
	c.unfailing(load)
	if out, err := s.Command("-s", "reload"); err != nil {
		t.Errorf("with all files back: %v\n%s", err, out)
	}
}

// TestChaosReopen moves logs away again and again under load, while configurations change as well: all lines
// of all files are as many as the requests, and each is whole. One log is written through a buffer.
func TestChaosReopen(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	format := `log_format whole '<$connection $connection_requests $uri $http_nth>'; access_log access.log whole; access_log buffered.log whole buffer=4k flush=50ms;`
	c.write(strings.Replace(weirtest.Expand(chaosConf, c.names), "access_log access.log;", format, 1))
	s := c.start()
	var asked atomic.Int64
	stop := make(chan struct{})
	done := make(chan error, 6)
	for i := range cap(done) {
		go func() { done <- c.askNumbered(i, stop, &asked) }()
	}
	for n := range rounds(30, 300) {
		for _, name := range []string{"access.log", "buffered.log"} {
			if err := os.Rename(c.path(name), c.path(fmt.Sprintf("%s.%d", name, n))); err != nil {
				t.Fatal(err)
			}
		}
		if n%5 == 4 {
			if out, err := s.Command("-s", "reopen"); err != nil {
				t.Errorf("-s reopen: %v\n%s", err, out)
			}
		} else if err := s.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		if n%10 == 9 {
			_ = s.Signal(syscall.SIGHUP)
		}
		if !weirtest.Eventually(func() bool { return exists(c.path("access.log")) && exists(c.path("buffered.log")) }) {
			t.Fatal("the logs were not opened anew")
		}
	}
	close(stop)
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"access.log", "buffered.log"} {
		c.wholeLog(name, asked.Load())
	}
}

// askNumbered asks on one kept connection, each request with a number of its own.
func (c *chaos) askNumbered(client int, stop chan struct{}, asked *atomic.Int64) error {
	conn, err := weirtest.Dial(c.addr, "")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := conn.Send(fmt.Sprintf("GET /n HTTP/1.1\r\nHost: a\r\nNth: %d-%d\r\n\r\n", client, n)); err != nil {
			return err
		}
		if a, err := conn.Answer(); err != nil || a.Status != 200 {
			return fmt.Errorf("%v, %w", a, err)
		}
		asked.Add(1)
	}
}

// wholeLog wants as many lines in all files of a log as there were requests, all different, all whole.
func (c *chaos) wholeLog(name string, asked int64) {
	c.t.Helper()
	whole := regexp.MustCompile(`^<\d+ \d+ /n \d+-\d+>$`)
	seen := map[string]bool{}
	lines := func() (n int64) {
		clear(seen)
		all, _ := filepath.Glob(c.path(name) + "*")
		for _, path := range all {
			for _, line := range weirtest.Lines(path) {
				seen[line] = true
				n++
			}
		}
		return n
	}
	if !weirtest.Eventually(func() bool { return lines() == asked }) || int64(len(seen)) != asked {
		c.t.Errorf("%s: %d lines, %d of them different; want %d", name, lines(), len(seen), asked)
	}
	for line := range seen {
		if !whole.MatchString(line) {
			c.t.Errorf("%s: a line in pieces: %q", name, line)
		}
	}
	c.t.Logf("%s: %d lines, as many as requests", name, len(seen))
}

// TestChaosPidFile has the pid file name a process that is dead, or somebody else's: a start overwrites it,
// and no command signals it.
func TestChaosPidFile(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	sleep := exec.Command("sleep", "600")
	if err := sleep.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = sleep.Process.Kill(); _ = sleep.Wait() })
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Skip(err)
	}
	o := c.options()
	for _, pid := range []struct {
		file string
		says string
	}{
		{fmt.Sprint(dead.Process.Pid), `kill\(\d+, \d+\) failed \(3: No such process\)`},
		{fmt.Sprint(sleep.Process.Pid), `is "sleep" and gets no signal`},
		{"0", `invalid PID number "0"`},
		{"-1", `invalid PID number "-1"`},
		{"99999999999999999999", `invalid PID number`},
		{"x\n", `invalid PID number "x"`},
		{"", `invalid PID number ""`},
	} {
		for _, word := range []string{"reload", "reopen", "quit", "stop"} {
			if err := os.WriteFile(c.path("nginx.pid"), []byte(pid.file), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(o.Binary, append(append(weirtest.Flags(o.Dir, ""), "-g", weirtest.Globals()), "-s", word)...)
			out, err := cmd.CombinedOutput()
			if err == nil || !regexp.MustCompile(pid.says).Match(out) {
				t.Errorf("pid file %q: -s %s: %v\n%s; want %q", pid.file, word, err, out, pid.says)
			}
		}
		_ = os.WriteFile(c.path("nginx.pid"), []byte(pid.file), 0o644)
		s, err := weirtest.Start(o)
		if err != nil {
			t.Errorf("a start with %q in the pid file: %v", pid.file, err)
			continue
		}
		if !weirtest.Eventually(func() bool {
			b, _ := os.ReadFile(c.path("nginx.pid"))
			return strings.TrimSpace(string(b)) == fmt.Sprint(s.PID())
		}) {
			t.Errorf("a start with %q in the pid file: the file is not the server's", pid.file)
		}
		if out, err := s.Command("-s", "quit"); err != nil {
			t.Errorf("-s quit: %v\n%s", err, out)
		}
		if code, err := s.Wait(); code != 0 || err != nil {
			t.Errorf("exit status %d, %v", code, err)
		}
	}
	if sleep.Process.Signal(syscall.Signal(0)) != nil {
		t.Error("the foreign process is gone")
	}
}
