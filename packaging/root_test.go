// Package packaging_test holds what is in this folder against what a machine makes of it: the package is installed, the image's file system
// is put together, and weir runs in both as the unit and the image start it.
package packaging_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// repository is the folder above this one.
const repository = ".."

// shared is a folder for what several tests look at.
var shared string

func TestMain(m *testing.M) {
	var err error
	if shared, err = os.MkdirTemp("", "packaging"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(shared)
	os.Exit(code)
}

// static is weir as it is shipped, without C: it has to run where there is no library.
var static = sync.OnceValues(func() (string, error) {
	root, err := filepath.Abs(repository)
	if err != nil {
		return "", err
	}
	return weirtest.Build(root, filepath.Join(root, ".tmp", "weir-static"), "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "./cmd/weir")
})

func staticBinary(t *testing.T) string {
	t.Helper()
	t.Setenv("CGO_ENABLED", "0")
	path, err := static()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// need skips a test on a machine that lacks a program.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}

// needRoot skips where folders cannot be mounted for one process alone.
func needRoot(t *testing.T) {
	t.Helper()
	need(t, "unshare", "chroot", "setpriv")
	if os.Geteuid() != 0 {
		t.Skip("only root can change its root folder")
	}
	if out, err := exec.Command("unshare", "--mount", "mount", "--bind", "/proc", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("no mounts here: %v: %s", err, out)
	}
}

// run runs a program to its end and returns all that it printed.
func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// change replaces a text in a file that must have it.
func change(t *testing.T, path, before, after string) {
	t.Helper()
	text := read(t, path)
	if !strings.Contains(text, before) {
		t.Fatalf("%s has no %q", path, before)
	}
	write(t, path, strings.Replace(text, before, after, 1))
}

// entries are the names in a folder, sorted.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range list {
		all = append(all, e.Name())
	}
	return all
}

// port is a free address on the loopback.
func port(t *testing.T) string {
	t.Helper()
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	addr, err := ports.Take()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// inside is a program that sees dir as its root folder, with the machine's /proc and /dev in it, as a container's or a service's has them.
// Nothing of that is seen outside of the program. User is "uid:gid", or empty for root; readOnly leaves only /tmp to be written to; bounds are
// the only capabilities that root has, as a unit names them.
type inside struct {
	dir, user string
	readOnly  bool
	bounds    string
	env       []string // besides PATH
}

// The program takes the shell's place, and unshare does not fork: the process that Go starts becomes the program.
const enter = `set -e
dir=$1 user=$2 ro=$3 bounds=$4
shift 4
if [ -n "$ro" ]; then
	mount --bind "$dir" "$dir"
	mount -o remount,bind,ro "$dir"
	mount -t tmpfs tmpfs "$dir/tmp"
fi
mount --rbind /proc "$dir/proc"
mount --rbind /dev "$dir/dev"
exec ${bounds:+setpriv --no-new-privs --bounding-set="$bounds"} chroot ${user:+--userspec="$user"} "$dir" "$@"`

func (in inside) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	for _, d := range []string{"proc", "dev", "tmp"} {
		if err := os.MkdirAll(filepath.Join(in.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ro, bounds := "", ""
	if in.readOnly {
		ro = "ro"
	}
	if in.bounds != "" {
		bounds = "-all,+sys_chroot" // which chroot itself needs
		for _, c := range strings.Fields(strings.ToLower(in.bounds)) {
			bounds += ",+" + strings.TrimPrefix(c, "cap_")
		}
	}
	cmd := exec.Command("unshare", append([]string{"--mount", "sh", "-c", enter, "sh", in.dir, in.user, ro, bounds}, args...)...)
	cmd.Dir = "/"
	cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, in.env...)
	return cmd
}

// server is a weir that runs inside.
type server struct {
	t           *testing.T
	cmd         *exec.Cmd
	out, errors *os.File
	exited      chan struct{}
}

// start starts a server and waits until addr answers.
func (in inside) start(t *testing.T, addr string, args ...string) *server {
	t.Helper()
	s := &server{t: t, cmd: in.command(t, args...), exited: make(chan struct{})}
	s.out, s.errors = in.output(t, "stdout"), in.output(t, "stderr")
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.errors
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // the status is read from ProcessState
		close(s.exited)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // ESRCH: it has ended by itself
		<-s.exited
	})
	if !weirtest.Eventually(func() bool { return s.ended() || s.takes(addr) }) || s.ended() {
		t.Fatalf("the server did not come up on %s\n%s%s", addr, s.printed(), s.complained())
	}
	return s
}

// run runs a program inside to its end and returns what it printed.
func (in inside) run(t *testing.T, args ...string) string {
	t.Helper()
	out, cmd := in.output(t, "output"), in.command(t, args...)
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	text := read(t, out.Name())
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return text
}

// output is a file that belongs to the program's user, as container engines do it: /dev/stdout is opened again by name.
func (in inside) output(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if in.user != "" {
		var uid, gid int
		if _, err := fmt.Sscanf(in.user, "%d:%d", &uid, &gid); err != nil {
			t.Fatal(err)
		}
		if err := f.Chown(uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (s *server) takes(addr string) bool {
	c, err := weirtest.Dial(addr, "")
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func (s *server) ended() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

func (s *server) printed() string    { return read(s.t, s.out.Name()) }
func (s *server) complained() string { return read(s.t, s.errors.Name()) }

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// end waits until the server has ended, which must be well.
func (s *server) end() {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(weirtest.Patience()):
		s.t.Fatal("the server did not end")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("the server ended with %d\n%s%s", code, s.printed(), s.complained())
	}
}

// fetch gets one page with curl, as a person would, and returns its body with the status on a last line.
func fetch(t *testing.T, url string) string {
	t.Helper()
	return run(t, exec.Command("curl", "-sS", "--noproxy", "*", "-w", "\n%{http_code}", url))
}

// drains asks for a file that is larger than what the kernel keeps, sends a signal while it is on its way, and wants the whole of it: new
// connections are refused, the request at work is finished, and then the server ends.
func (s *server) drains(addr, path string, size int, sig syscall.Signal) {
	s.t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * weirtest.Patience())); err != nil {
		s.t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		s.t.Fatal(err)
	}
	r := bufio.NewReader(c)
	if _, err := r.Peek(1); err != nil {
		s.t.Fatal(err)
	}
	s.signal(sig)
	if !weirtest.Eventually(func() bool { return !s.takes(addr) }) {
		s.t.Errorf("new connections are still taken after %s", sig)
	}
	if s.ended() {
		s.t.Fatal("the server ended with a request at work")
	}
	answer, err := weirtest.ReadAnswer(r, "GET")
	if err != nil {
		s.t.Fatal(err)
	}
	if answer.Status != 200 || answer.Cut != nil || len(answer.Body) != size {
		s.t.Errorf("status %d, %d bytes of %d: %v", answer.Status, len(answer.Body), size, answer.Cut)
	}
	s.end()
}

// big makes a file for drains and returns its size. It has holes and takes no room.
func big(t *testing.T, path string) int {
	t.Helper()
	const size = 64 << 20
	write(t, path, "")
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return size
}
