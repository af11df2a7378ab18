package packaging_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"weir/weirtest"
)

// deb is the package, built once.
func deb(t *testing.T) string {
	t.Helper()
	need(t, "dpkg-deb", "dpkg", "bash", "gzip")
	weir := staticBinary(t)
	if built, _ := filepath.Glob(shared + "/*.deb"); len(built) == 1 {
		return built[0]
	}
	return build(t, weir, shared)
}

// build packs the binary into dir, without the time that compression takes.
func build(t *testing.T, binary, dir string) string {
	t.Helper()
	cmd := exec.Command("bash", "deb", "-o", dir)
	cmd.Env = append(os.Environ(), "WEIR_BINARY="+binary, "DEB_COMPRESSION=none", "SOURCE_DATE_EPOCH=1700000000")
	return strings.TrimSpace(run(t, cmd))
}

// TestPackage looks at the package from outside.
func TestPackage(t *testing.T) {
	path := deb(t)
	if again := build(t, staticBinary(t), t.TempDir()); read(t, path) != read(t, again) {
		t.Error("two builds differ")
	}
	version := regexp.MustCompile(`(?m)^const version = "(.*)"$`).FindStringSubmatch(read(t, repository+"/cmd/weir/main.go"))[1]
	field := func(name string) string {
		return strings.TrimSpace(run(t, exec.Command("dpkg-deb", "--field", path, name)))
	}
	if v := field("Version"); v != version+"-1" {
		t.Errorf("version %s of weir %s", v, version)
	}
	if arch := strings.TrimSpace(run(t, exec.Command("dpkg", "--print-architecture"))); field("Architecture") != arch {
		t.Errorf("architecture %s on %s", field("Architecture"), arch)
	}
	contents := run(t, exec.Command("dpkg-deb", "--contents", path))
	if regexp.MustCompile(`(?m)^\S+ (?:root/root\B|[^r]\S*)`).MatchString(contents) {
		t.Errorf("not everything is root's:\n%s", contents)
	}
	files := packed(contents)
	for _, want := range []string{
		"/usr/sbin/weir", "/usr/lib/systemd/system/weir.service", "/etc/logrotate.d/00-weir", "/usr/share/weir/nginx.conf",
		"/usr/share/man/man8/weir.8.gz", "/usr/share/doc/weir/copyright", "/usr/share/doc/weir/changelog.gz",
		"/usr/share/doc/weir/directives/README.md", "/usr/share/bash-completion/completions/weir",
		"/usr/share/zsh/vendor-completions/_weir", "/usr/share/fish/vendor_completions.d/weir.fish",
	} {
		if !files[want] {
			t.Errorf("%s is missing", want)
		}
	}
	for _, page := range []string{"nginx.conf", "weir.service", "weir.socket", "weir.8", "weir.logrotate"} {
		for _, named := range regexp.MustCompile(`/usr/share/(?:doc/)?weir[\w/.-]*\w`).FindAllString(read(t, page), -1) {
			if !files[named] && !strings.Contains(contents, " ."+named+"/\n") {
				t.Errorf("%s names %s, which the package does not have", page, named)
			}
		}
		if strings.Contains(read(t, page), " docs/") {
			t.Errorf("%s names a file of the source, which nobody has who has the package", page)
		}
	}
	for file := range files {
		if strings.HasPrefix(file, "/etc/nginx/") || strings.HasPrefix(file, "/usr/share/nginx/") {
			t.Errorf("%s would be nginx's", file)
		}
	}
	for _, p := range []string{"nginx-common", "nginx", "nginx-light"} {
		theirs, _ := exec.Command("dpkg", "-L", p).Output() // fails if it is not installed
		for file := range strings.Lines(string(theirs)) {
			if file = strings.TrimSpace(file); files[file] {
				t.Errorf("%s is in %s", file, p)
			}
		}
	}
	if lint, err := exec.LookPath("lintian"); err == nil {
		if out, err := exec.Command(lint, "--fail-on=error", "--suppress-tags=statically-linked-binary", path).CombinedOutput(); err != nil {
			t.Errorf("%s", out)
		}
	}
}

// packed are the files, not the folders, of a listing.
func packed(contents string) map[string]bool {
	files := map[string]bool{}
	for line := range strings.Lines(contents) {
		f := strings.Fields(line)
		if name := f[5]; !strings.HasSuffix(name, "/") {
			files[strings.TrimPrefix(name, ".")] = true
		}
	}
	return files
}

// machine is a folder with a package database and the users of every Debian.
type machine struct {
	t   *testing.T
	dir string
}

func newMachine(t *testing.T) machine {
	t.Helper()
	needRoot(t)
	m := machine{t, t.TempDir()}
	if err := os.Chmod(m.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"run", "var/lib/dpkg/updates", "var/lib/dpkg/info", "var/lib/dpkg/triggers"} {
		if err := os.MkdirAll(filepath.Join(m.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, m.dir+"/var/lib/dpkg/status", "")
	write(t, m.dir+"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n")
	write(t, m.dir+"/etc/group", "root:x:0:\nadm:x:4:\nwww-data:x:33:\n")
	return m
}

// dpkg runs dpkg for the machine. The package's scripts run outside of it, as they do when an image is made: there is no shell in it.
func (m machine) dpkg(args ...string) string {
	m.t.Helper()
	return run(m.t, exec.Command("dpkg", append([]string{
		"--root=" + m.dir, "--force-not-root", "--force-script-chrootless", "--force-bad-path", "--log=" + m.dir + "/var/log/dpkg.log",
	}, args...)...))
}

func (m machine) has(path string) bool {
	_, err := os.Lstat(m.dir + path)
	return err == nil
}

// enabled reports whether weir comes up with the machine.
func (m machine) enabled() bool {
	return m.has("/etc/systemd/system/multi-user.target.wants/weir.service")
}

// TestInstall installs the package, runs weir as the unit does, with the paths that it has on a real machine, and takes it away again.
func TestInstall(t *testing.T) {
	need(t, "curl", "deb-systemd-helper")
	path, m := deb(t), newMachine(t)
	m.dpkg("--install", path)
	if !m.enabled() {
		t.Error("weir is not enabled")
	}
	addr := port(t)
	change(t, m.dir+"/etc/nginx/nginx.conf", "listen 80 default_server;", "listen "+addr+" default_server;")

	unit := settings(t, "weir.service")
	in := inside{dir: m.dir, bounds: unit["CapabilityBoundingSet"][0]}
	in.run(t, command(unit["ExecStartPre"][0])...)
	s := in.start(t, addr, command(unit["ExecStart"][0])...)
	if page := fetch(t, "http://"+addr+"/"); !strings.Contains(page, "weir is running") || !strings.HasSuffix(page, "\n200") {
		t.Error(page)
	}

	t.Run("the worker has no rights", func(t *testing.T) {
		workers := 0
		for _, p := range weirtest.Processes(s.cmd.Process.Pid) {
			if p.PID == s.cmd.Process.Pid {
				continue
			}
			workers++
			status := read(t, fmt.Sprintf("/proc/%d/status", p.PID))
			for _, want := range []string{"Name:\tweir\n", "Uid:\t33\t33\t33\t33\n", "Gid:\t33\t33\t33\t33\n", "CapEff:\t0000000000000000\n", "NoNewPrivs:\t1\n"} {
				if !strings.Contains(status, want) {
					t.Errorf("the worker's status has no %q:\n%s", want, status)
				}
			}
		}
		if workers != 1 {
			t.Errorf("%d workers", workers)
		}
	})
	t.Run("reload", func(t *testing.T) {
		write(t, m.dir+"/etc/nginx/conf.d/more.conf", "server { listen "+addr+"; server_name localhost; return 200 more; }")
		in.run(t, command(unit["ExecReload"][0])...)
		url := "http://" + strings.Replace(addr, "127.0.0.1", "localhost", 1) + "/"
		if page := fetch(t, url); page != "more\n200" { // the command returns when it is done
			t.Errorf("%s\n%s", page, read(t, m.dir+"/var/log/nginx/error.log"))
		}
		change(t, m.dir+"/etc/nginx/conf.d/more.conf", "return 200 more;", "retrun 200 less;")
		bad := in.command(t, command(unit["ExecReload"][0])...)
		if out, err := bad.CombinedOutput(); err == nil || !strings.Contains(string(out), `unknown directive "retrun"`) {
			t.Errorf("a bad configuration: %v, %s", err, out)
		}
		change(t, m.dir+"/etc/nginx/conf.d/more.conf", "retrun 200 less;", "return 200 more;")
	})
	t.Run("log rotation", func(t *testing.T) { m.rotate(t, addr) })
	t.Run("an upgrade by signals, taken back", func(t *testing.T) {
		pid := func(name string) string {
			b, _ := os.ReadFile(m.dir + "/run/" + name)
			return strings.TrimSpace(string(b))
		}
		old := pid("nginx.pid")
		s.signal(syscall.SIGUSR2)
		if !weirtest.Eventually(func() bool { return pid("nginx.pid.oldbin") == old && pid("nginx.pid") != "" }) {
			t.Fatalf("no new master\n%s", read(t, m.dir+"/var/log/nginx/error.log"))
		}
		run(t, exec.Command("kill", "-QUIT", pid("nginx.pid")))
		if !weirtest.Eventually(func() bool { return pid("nginx.pid") == old }) {
			t.Errorf("the pid file has %s, not %s", pid("nginx.pid"), old)
		}
		if page := fetch(t, "http://"+addr+"/"); !strings.HasSuffix(page, "\n200") {
			t.Error(page)
		}
	})
	t.Run("quit", func(t *testing.T) {
		sig := map[string]syscall.Signal{"SIGQUIT": syscall.SIGQUIT}[unit["KillSignal"][0]]
		s.drains(addr, "/big", big(t, m.dir+"/usr/share/weir/html/big"), sig)
		if m.has("/run/nginx.pid") {
			t.Error("the pid file is still there")
		}
		if log := read(t, m.dir+"/var/log/nginx/error.log"); strings.Contains(log, "alert") || strings.Contains(log, "emerg") {
			t.Error(log)
		}
	})
	t.Run("an upgrade", func(t *testing.T) {
		before := read(t, m.dir+"/etc/nginx/nginx.conf")
		m.dpkg("--install", path)
		if read(t, m.dir+"/etc/nginx/nginx.conf") != before {
			t.Error("nginx.conf has been changed")
		}
	})
	t.Run("remove and purge", func(t *testing.T) {
		if err := os.Remove(m.dir + "/usr/share/weir/html/big"); err != nil {
			t.Fatal(err)
		}
		m.dpkg("--remove", "weir")
		if m.has("/usr/sbin/weir") || m.has("/usr/share/weir") || !m.has("/etc/nginx/nginx.conf") || !m.has("/var/log/nginx/access.log") {
			t.Error("a removal takes the program, and leaves configuration and logs")
		}
		out := m.dpkg("--purge", "weir")
		if !strings.Contains(out, "weir: /etc/nginx/nginx.conf has been changed and stays") || !m.has("/etc/nginx/nginx.conf") {
			t.Errorf("nginx.conf has been changed by its owner and must stay: %s", out)
		}
		for _, path := range []string{
			"/etc/nginx/mime.types", "/etc/logrotate.d/00-weir", "/var/log/nginx", "/var/lib/nginx", "/var/lib/weir",
		} {
			if m.has(path) {
				t.Errorf("%s is still there", path)
			}
		}
		if m.enabled() {
			t.Error("the service is still enabled")
		}
	})
}

// rotate runs logrotate with the package's file, its paths moved into the machine.
func (m machine) rotate(t *testing.T, addr string) {
	need(t, "logrotate")
	file := m.dir + "/00-weir"
	text := strings.ReplaceAll(read(t, m.dir+"/etc/logrotate.d/00-weir"), "/var/log/nginx/", m.dir+"/var/log/nginx/")
	write(t, file, strings.ReplaceAll(text, "/run/nginx.pid", m.dir+"/run/nginx.pid"))
	// as nginx-common has it, for the same files
	write(t, m.dir+"/nginx", m.dir+"/var/log/nginx/*.log {\n\tdaily\n\tpostrotate\n\t\tfalse\n\tendscript\n}\n")
	out := run(t, exec.Command("logrotate", "--verbose", "--force", "--state", m.dir+"/state", file, m.dir+"/nginx"))
	if strings.Contains(out, "error:") {
		t.Error(out)
	}
	log := m.dir + "/var/log/nginx/access.log"
	if !strings.Contains(read(t, log+".1"), "curl") {
		t.Errorf("the requests so far are not in the moved log\n%s", out)
	}
	if !weirtest.Eventually(func() bool {
		fetch(t, "http://"+addr+"/after")
		return strings.Contains(read(t, log), "/after")
	}) {
		t.Errorf("the new log is not written to\n%s", out)
	}
	info, err := os.Stat(log)
	if err != nil {
		t.Fatal(err)
	}
	if own := info.Sys().(*syscall.Stat_t); info.Mode() != 0o640 || own.Uid != 33 || own.Gid != 4 {
		t.Errorf("%s: %s, %d:%d", log, info.Mode(), own.Uid, own.Gid)
	}
}

// TestBesideNginx installs the package where nginx is.
func TestBesideNginx(t *testing.T) {
	need(t, "deb-systemd-helper")
	path, m := deb(t), newMachine(t)
	m.dpkg("--install", nginxCommon(t))
	if err := os.MkdirAll(m.dir+"/etc/systemd/system/multi-user.target.wants", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/lib/systemd/system/nginx.service", m.dir+"/etc/systemd/system/multi-user.target.wants/nginx.service"); err != nil {
		t.Fatal(err)
	}
	theirs := []string{"/etc/nginx/nginx.conf", "/etc/nginx/mime.types", "/etc/logrotate.d/nginx", "/var/log/nginx/access.log"}
	same := func(when string) {
		t.Helper()
		for _, f := range theirs {
			if have, err := os.ReadFile(m.dir + f); err != nil || string(have) != "nginx's\n" {
				t.Errorf("%s: %s is %q, %v", when, f, have, err)
			}
		}
	}
	if out := m.dpkg("--install", path); !strings.Contains(out, "systemctl disable --now nginx") {
		t.Errorf("it does not say how to change over: %s", out)
	}
	if m.enabled() {
		t.Error("two servers for one port are enabled")
	}
	same("installed")
	m.dpkg("--purge", "weir")
	same("purged")
}

// nginxCommon is a package with the files in question of Debian's.
func nginxCommon(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/DEBIAN/control", "Package: nginx-common\nVersion: 1\nArchitecture: all\nMaintainer: test <test@example.org>\nDescription: test\n")
	for _, f := range []string{"/etc/nginx/nginx.conf", "/etc/nginx/mime.types", "/etc/logrotate.d/nginx", "/var/log/nginx/access.log"} {
		write(t, dir+f, "nginx's\n")
	}
	path := filepath.Join(t.TempDir(), "nginx-common.deb")
	run(t, exec.Command("dpkg-deb", "--root-owner-group", "-Znone", "--build", dir, path))
	return path
}
