package script

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"weir/weirtest"
)

// expand puts the addresses into the configuration files. It runs before every use of them, since a script may start a back end or put a
// file in place at any time.
func (r *run) expand() {
	r.must(weirtest.ExpandFiles(r.dir, r.names, "*.conf", "*.conf.*", "conf.d/*"))
	if r.h2 {
		r.must(r.speak("http2 ", " http2 on;"))
	}
	if r.tls {
		path := filepath.Join(r.dir, secret)
		r.must(r.speak("ssl_certificate ", " ssl_certificate "+path+".crt; ssl_certificate_key "+path+".key;"))
	}
}

var httpRE = regexp.MustCompile(`(?m)^http\s*\{`)

// secret is the name of the certificate of scripts that run over TLS.
const secret = "tls-wire"

var anyListenRE = regexp.MustCompile(`(listen\s+[^;]*);`)

// speak puts directives into a configuration that says nothing of the kind; with TLS all its addresses have it.
func (r *run) speak(without, directives string) error {
	files, err := filepath.Glob(filepath.Join(r.dir, "*.conf"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if at := httpRE.FindIndex(text); at != nil && !bytes.Contains(text, []byte(without)) {
			text = append(append(text[:at[1]:at[1]], directives...), text[at[1]:]...)
			if bytes.Contains([]byte(directives), []byte("ssl_certificate")) {
				text = anyListenRE.ReplaceAll(text, []byte("$1 ssl;"))
			}
			if err := os.WriteFile(file, text, 0o644); err != nil {
				return err
			}
		}
	}
	return err
}

func runWeir(r *run, args []string) {
	r.expand()
	r.must(os.MkdirAll(filepath.Join(r.dir, "logs"), 0o755))
	cmd := exec.Command(r.binary, append(weirtest.Options{Dir: r.dir}.Arguments(), args...)...)
	cmd.Dir = r.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	_, _ = r.ts.Stdout().Write(out.Bytes())
	_, _ = r.ts.Stderr().Write(errs.Bytes())
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.fail("%v", err)
	}
	r.want(err == nil, "a successful run; it ended with %v\n%s%s", err, out.Bytes(), errs.Bytes())
}

// runNeeds asks the server itself: a directive that it knows fails, if at all, for another reason. That nginx was built without a module is
// no fault of the script; that weir lacks one is.
func runNeeds(r *run, args []string) {
	for _, name := range args {
		file := filepath.Join(r.dir, "needs.conf")
		r.must(os.WriteFile(file, []byte("events {}\nhttp { server { "+name+"; } }\n"), 0o644))
		flags := append(weirtest.Flags(r.dir, "needs.conf"), "-t", "-g", weirtest.Globals())
		out, _ := exec.Command(r.binary, flags...).CombinedOutput()
		if bytes.Contains(out, []byte(`unknown directive "`+name)) || bytes.Contains(out, []byte(name+`" directive is known to nginx but not supported`)) {
			if r.names["SERVER"] == "weir" {
				r.fail("weir has no %s", name)
			}
			r.skip("the server has no " + name)
		}
	}
}

var listenRE = regexp.MustCompile(`(?:^|[\s{;])listen\s+(?:(?:127\.0\.0\.1|\*|0\.0\.0\.0):)?(unix:\S+|\d+)\b([^;]*);`)

// tlsRE finds configurations that speak TLS, with clients or with servers.
var tlsRE = regexp.MustCompile(`(?m)^[^#\n]*(?:\blisten\s[^;]*\bssl\b|_pass\s+(?:https|suwsgi|grpcs)://)`)

func runStart(r *run, args []string) {
	if r.server != nil && !r.server.Exited() {
		r.fail("the server runs already")
	}
	r.expand()
	conf := "nginx.conf"
	if len(args) > 0 {
		conf = args[0]
	}
	text, err := os.ReadFile(filepath.Join(r.dir, conf))
	r.must(err)
	if tlsRE.Match(text) {
		r.needsPlain()
	}
	s, err := startServer(weirtest.Options{Binary: r.binary, Dir: r.dir, Conf: conf, Ready: listening(string(text))})
	r.want(err == nil, "a server that starts: %v", err)
	if err == nil {
		r.server, r.atStart = s, s.Settled()
	}
}

// server is one in the foreground or in the background.
type server interface {
	Master() int
	Old() int
	Worker() int
	Processes() []weirtest.Process
	Descriptors() []string
	Settled() int
	Output() string
	Signal(s syscall.Signal) error
	Stop(s syscall.Signal) (int, error)
	Wait() (int, error)
	Exited() bool
	Kill()
}

// startServer starts it where the configuration wants it.
func startServer(o weirtest.Options) (server, error) {
	if o.InBackground() {
		return weirtest.StartDaemon(o)
	}
	return weirtest.Start(o)
}

// listening finds the TCP addresses of a configuration; a listener of datagrams takes no connections.
func listening(conf string) []string {
	var addrs []string
	for _, m := range listenRE.FindAllStringSubmatch(conf, -1) {
		if !strings.Contains(m[2], "udp") && !strings.Contains(m[2], "quic") {
			addr := m[1]
			if !strings.HasPrefix(addr, "unix:") {
				addr = "127.0.0.1:" + addr
			}
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

func (r *run) running() server {
	if r.server == nil {
		r.fail("no server has been started")
	}
	return r.server
}

func runReload(r *run, _ []string) {
	r.expand()
	r.must(r.running().Signal(syscall.SIGHUP))
}

func runSignal(r *run, args []string) {
	sig, ok := map[string]syscall.Signal{
		"HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "WINCH": syscall.SIGWINCH,
		"QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL,
	}[args[0]]
	if !ok {
		r.fail("no signal %q", args[0])
	}
	who := "master"
	if len(args) > 1 {
		who = args[1]
	}
	r.must(syscall.Kill(r.process(who), sig))
}

// process finds a living process of the server by what it is.
func (r *run) process(who string) int {
	s := r.running()
	find, ok := map[string]func() int{"master": s.Master, "old": s.Old, "worker": s.Worker}[who]
	if !ok {
		r.fail("no process is called %q: master, old, worker", who)
	}
	pid := 0
	if !weirtest.Eventually(func() bool {
		pid = find()
		return slices.ContainsFunc(s.Processes(), func(p weirtest.Process) bool { return p.PID == pid })
	}) {
		r.fail("the server has no %s process", who)
	}
	return pid
}

func runProcess(r *run, args []string) {
	re, err := regexp.Compile(args[1])
	r.must(err)
	has := func() bool {
		pid := r.process(args[0])
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		lines := append(strings.Split(string(status), "\n"), "Title:\t"+strings.ReplaceAll(strings.TrimRight(string(title), "\x00"), "\x00", " "))
		return slices.ContainsFunc(lines, re.MatchString)
	}
	ok := false
	if r.neg {
		ok = has()
	} else {
		ok = weirtest.Eventually(has)
	}
	r.want(ok, "a line of the status of the %s that matches %q", args[0], re)
}

func runProcesses(r *run, args []string) {
	want, err := strconv.Atoi(args[0])
	r.must(err)
	s := r.running()
	if !weirtest.Eventually(func() bool { return len(s.Processes()) == want }) {
		r.fail("wanted %d processes, have %+v", want, s.Processes())
	}
}

func runQuit(r *run, args []string) {
	sig := syscall.SIGQUIT
	if len(args) == 1 && args[0] == "fast" {
		sig = syscall.SIGTERM
	}
	code, err := r.running().Stop(sig)
	r.must(err)
	r.want(code == 0, "exit status 0, not %d\n%s", code, r.server.Output())
}

func runExited(r *run, _ []string) {
	code, err := r.running().Wait()
	r.must(err)
	r.want(code == 0, "exit status 0, not %d\n%s", code, r.server.Output())
}

func runGone(r *run, args []string) {
	path := r.ts.MkAbs(args[0])
	if !weirtest.Eventually(func() bool { _, err := os.Lstat(path); return os.IsNotExist(err) }) {
		r.fail("%s is still there", args[0])
	}
}

func runNoLeak(r *run, _ []string) {
	s := r.running()
	var now []string
	ok := weirtest.Eventually(func() bool {
		now = s.Descriptors()
		return len(now) <= r.atStart
	})
	if !ok {
		r.fail("%d descriptors at the start, %d now:\n%s", r.atStart, len(now), strings.Join(now, "\n"))
	}
}
