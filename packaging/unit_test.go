package packaging_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"weir/weirtest"
)

// settings reads a unit: each word with its values in order.
func settings(t *testing.T, path string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for line := range strings.Lines(read(t, path)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && key[0] != '#' {
			all[key] = append(all[key], value)
		}
	}
	return all
}

// command splits a command of the unit into words, with single quotes as systemd has them.
func command(line string) []string {
	var words []string
	for _, w := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1) {
		words = append(words, strings.Trim(w, "'"))
	}
	return words
}

// TestUnits lets systemd read the units.
func TestUnits(t *testing.T) {
	need(t, "systemd-analyze")
	dir := t.TempDir()
	if s := settings(t, "weir.service"); s["Type"][0] != "notify" || len(s["ExecReload"]) != 1 {
		t.Error("a reload is one command that waits, and no signal beside it")
	}
	for _, name := range []string{"weir.service", "weir.socket"} {
		// it wants to see the program
		write(t, filepath.Join(dir, name), strings.ReplaceAll(read(t, name), "/usr/sbin/weir", "/bin/true"))
	}
	cmd := exec.Command("systemd-analyze", "verify", "--man=no", filepath.Join(dir, "weir.service"), filepath.Join(dir, "weir.socket"))
	out, _ := cmd.CombinedOutput() // it may fail for units of the machine's
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "weir.") {
			t.Error(line)
		}
	}
}

// TestSystemCalls traces weir at work and finds what the unit would refuse it.
func TestSystemCalls(t *testing.T) {
	need(t, "strace", "systemd-analyze")
	dir, user := t.TempDir(), ""
	if os.Geteuid() == 0 { // the worker becomes another, who has to come here
		user = "user www-data;"
		for _, d := range []string{dir, filepath.Dir(dir)} {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	web, origin := port(t), port(t)
	write(t, dir+"/www/index.html", "hello\n")
	size := int64(big(t, dir+"/www/big"))
	write(t, dir+"/nginx.conf", `
		worker_processes 2;
		worker_rlimit_nofile 4096;
		error_log error.log notice;
		pid nginx.pid;
		events {}
		http {
			access_log access.log combined buffer=1k flush=50ms;
			client_body_temp_path body;
			proxy_temp_path proxy;
			client_body_buffer_size 1k;
			upstream origin { server `+origin+`; keepalive 4; }
			server {
				listen `+web+`;
				location / { root www; disable_symlinks on; open_file_cache max=10; }
				location /p/ { proxy_pass http://origin/; }
				location /u/ { proxy_buffering off; proxy_pass http://origin/; }
			}
			server {
				listen `+origin+`;
				listen unix:`+dir+`/socket;
				root www;
				error_page 405 =200 /index.html;
			}
		}`)
	weir, trace := staticBinary(t), dir+"/trace"
	cmd := exec.Command("strace", "-f", "-c", "-o", trace, weir, "-p", dir, "-c", "nginx.conf", "-e", "error.log",
		"-g", "daemon off;"+user)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // ESRCH: it has ended
	pid := 0
	if !weirtest.Eventually(func() bool {
		b, _ := os.ReadFile(dir + "/nginx.pid")
		pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return pid > 0
	}) {
		t.Skipf("nothing can be traced here: %s", out.String())
	}

	get(t, "tcp", web, "/", nil, 6)
	get(t, "unix", dir+"/socket", "/", nil, 6)
	for _, path := range []string{"/big", "/p/big", "/u/big"} {
		get(t, "tcp", web, path, nil, size)
	}
	get(t, "tcp", web, "/p/", bytes.NewReader(make([]byte, 100_000)), 6)
	for _, step := range []struct {
		sig  syscall.Signal
		said string
	}{{syscall.SIGHUP, "reconfiguring"}, {syscall.SIGUSR1, "reopening logs"}, {syscall.SIGQUIT, "shutting down"}} {
		if err := syscall.Kill(pid, step.sig); err != nil {
			t.Fatal(err)
		}
		if !weirtest.Eventually(func() bool { return strings.Contains(read(t, dir+"/error.log"), step.said) }) {
			t.Errorf("%s did nothing", step.sig)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}

	used := regexp.MustCompile(`(?m)^\s*[\d.]+\s.*\s([a-z][a-z0-9_]*)$`).FindAllStringSubmatch(read(t, trace), -1)
	if len(used) < 30 {
		t.Fatalf("the trace is too short:\n%s", read(t, trace))
	}
	allowed := systemCalls(t)
	for _, u := range used {
		// a program that is traced restarts calls; the kernel does that by itself otherwise
		if name := u[1]; name != "total" && name != "syscall" && !allowed[name] {
			t.Errorf("weir calls %s, which the unit refuses", name)
		}
	}
	if settings(t, "weir.service")["RestrictSUIDSGID"] != nil {
		t.Error("RestrictSUIDSGID refuses openat2, whatever the filter says")
	}
	// what weir and the master will call on other machines, at other times, or soon
	for _, name := range []string{
		"splice", "sendfile", "preadv2", "statx", "openat2", "memfd_create", "fadvise64", "fallocate", "copy_file_range", "renameat2", "linkat",
		"socketpair", "sendmsg", "recvmsg", "setuid", "setgid", "setgroups", "setresuid", "setresgid", "prlimit64", "setpriority",
		"sched_setaffinity", "kill", "wait4", "waitid", "pidfd_open", "pidfd_send_signal", "execve", "clone3", "inotify_init1", "getrandom",
		"rseq", "umask",
	} {
		if !allowed[name] {
			t.Errorf("the unit refuses %s", name)
		}
	}
	for _, name := range []string{
		"io_uring_setup", "ptrace", "mount", "bpf", "kexec_load", "init_module", "process_vm_readv", "userfaultfd", "add_key",
	} {
		if allowed[name] {
			t.Errorf("the unit allows %s", name)
		}
	}
}

// get asks over a network for a path and reads the whole answer.
func get(t *testing.T, network, addr, path string, body io.Reader, size int64) {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	method := "GET"
	if body != nil {
		method = "POST"
	}
	client := http.Client{Transport: &http.Transport{
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return c, nil },
		DisableCompression: true, DisableKeepAlives: true,
	}}
	req, err := http.NewRequest(method, "http://x"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if n, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != 200 || n != size {
		t.Errorf("%s %s: status %d, %d bytes, %v", method, path, answer.StatusCode, n, err)
	}
}

// systemCalls are those that the unit's filter allows: its lines in order, each adding or taking away.
func systemCalls(t *testing.T) map[string]bool {
	t.Helper()
	allowed := map[string]bool{}
	for _, name := range group(t, "@default") { // is always allowed
		allowed[name] = true
	}
	for _, line := range settings(t, "weir.service")["SystemCallFilter"] {
		line, less := strings.CutPrefix(line, "~")
		for _, word := range strings.Fields(line) {
			for _, name := range group(t, word) {
				allowed[name] = !less
			}
		}
	}
	return allowed
}

// group is what a word of the filter stands for.
func group(t *testing.T, word string) []string {
	t.Helper()
	if word[0] != '@' {
		return []string{word}
	}
	var all []string
	for line := range strings.Lines(run(t, exec.Command("systemd-analyze", "syscall-filter", word))) {
		if line = strings.TrimSpace(line); line == "" || line == word || line[0] == '#' {
			continue
		}
		all = append(all, group(t, line)...)
	}
	return all
}

// TestSocket holds the addresses of weir.socket against those that the package's configuration listens on.
func TestSocket(t *testing.T) {
	units := settings(t, "weir.socket")["ListenStream"]
	for _, m := range regexp.MustCompile(`(?m)^\s*listen (\S+?)[ ;]`).FindAllStringSubmatch(read(t, "nginx.conf"), -1) {
		addr := m[1]
		if !strings.Contains(addr, ":") {
			addr = "0.0.0.0:" + addr
		}
		if !slices.Contains(units, addr) {
			t.Errorf("nginx.conf listens on %s, and weir.socket has %v", addr, units)
		}
	}
}

// TestManual wants every option of -h in the manual page.
func TestManual(t *testing.T) {
	page := strings.ReplaceAll(read(t, "weir.8"), `\-`, "-")
	help := run(t, exec.Command(staticBinary(t), "-h"))
	options := regexp.MustCompile(`(?m)^  -(\S)`).FindAllStringSubmatch(help, -1)
	if len(options) < 10 {
		t.Fatal(help)
	}
	for _, m := range options {
		if !regexp.MustCompile(`(?m)^\.(TP\n)?\.?B[IR]? -` + regexp.QuoteMeta(m[1]) + `( |$)`).MatchString(page) {
			t.Errorf("weir.8 says nothing of -%s", m[1])
		}
	}
}
