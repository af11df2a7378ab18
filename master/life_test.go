package master

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/cycle"
)

var update = flag.Bool("update", false, "write what happens into testdata")

// TestLife runs the files of testdata: what a master does about signals, about the time, and about what its processes say and how they end.
// The processes are the test's, and so is the time. A case is
//
//	=== its name
//	> a command
//	what the master does then: lines of its log, processes it starts, signals and orders it gives, messages to systemd
//
// The commands are in lifeCommands. With -update what happens is written into the file.
func TestLife(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		intro, rest, _ := strings.Cut("\n"+string(text), "\n=== ")
		out := strings.TrimPrefix(intro, "\n")
		for part := range strings.SplitSeq(rest, "\n=== ") {
			name, script, _ := strings.Cut(part, "\n")
			t.Run(name, func(t *testing.T) {
				got := live(t, script)
				if got != strings.TrimRight(script, "\n")+"\n" && !*update {
					t.Errorf("what happened:\n%s", got)
				}
				out = strings.TrimRight(out, "\n") + "\n\n=== " + name + "\n" + got
			})
		}
		if *update {
			if err := os.WriteFile(file, []byte(strings.TrimLeft(out, "\n")), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// live runs the commands of a script and returns it with what happened.
func live(t *testing.T, script string) string {
	l := newLife(t)
	var out strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		command, ok := strings.CutPrefix(line, "> ")
		if !ok {
			if strings.HasPrefix(line, "#") {
				out.WriteString(line + "\n")
			}
			continue
		}
		words := strings.Fields(command)
		f := lifeCommands[words[0]]
		if f == nil {
			t.Fatalf("unknown command %q", command)
		}
		f(l, words[1:])
		fmt.Fprintf(&out, "> %s\n%s", command, l.happened())
	}
	return out.String()
}

// lifeCommands are the commands. A process is called by its number, in the order in which they were started.
var lifeCommands = map[string]func(l *life, args []string){
	"start":  (*life).begin,                                                                // the master begins
	"signal": func(l *life, args []string) { l.m.signal(unix.SignalNum("SIG" + args[0])) }, // the master gets a signal
	"pass":   (*life).pass,                                                                 // so much time passes
	"conf":   func(l *life, args []string) { l.write(args[0]) },                            // the configuration changes: lifeConfs
	"ask":    (*life).ask,                                                                  // "weir -s reload"
	"done":   func(l *life, args []string) { l.answer(args[0], "") },                       // a worker has done what it was told to do
	"fails":  func(l *life, args []string) { l.answer(args[0], strings.Join(args[1:], " ")) },
	"says":   (*life).says,                                                   // a worker says something else: reopen, nonsense
	"exits":  func(l *life, args []string) { l.end(args[0], args[1]) },       // a process ends, with a code
	"dies":   func(l *life, args []string) { l.end(args[0], "SIG"+args[1]) }, // or by a signal
	"broken": func(l *life, _ []string) { l.broken = true },                  // from now on no process can be started
	"whole":  func(l *life, _ []string) { l.broken = false },                 // it can
	"files":  (*life).files,                                                  // the pid files there are
	"watch":  (*life).watch,                                                  // systemd wants to hear every two seconds
	"child":  func(l *life, _ []string) { l.inherited = true },               // the master is a new binary, before it begins
	"daemon": func(l *life, _ []string) { l.m.Background = true },
}

// lifeConfs are configurations. $DIR is a folder.
var lifeConfs = map[string]string{
	"first":   `http { server { listen unix:$DIR/a; } }`,
	"more":    `http { server { listen unix:$DIR/a; listen unix:$DIR/b; } }`,
	"moved":   `http { server { listen unix:$DIR/b; } }`,
	"wrong":   `http { server { listen unix:$DIR/a; rooot x; } }`,
	"nowhere": `http { server { listen unix:$DIR/a; listen unix:$DIR/no/such/folder; } }`,
	"process": `worker_processes 3; http { server { listen unix:$DIR/a; } }`,
	"pid":     `pid $DIR/other.pid; http { server { listen unix:$DIR/a; } }`,
	"logs":    `http { access_log $DIR/access.log; server { listen unix:$DIR/a; } }`,
}

// A life is a master, and the machine it runs on.
type life struct {
	t   *testing.T
	dir string
	m   *Master

	clock     time.Time
	timers    []lifeTimer
	processes []*lifeProcess
	broken    bool
	inherited bool
	events    []string
	logged    int           // bytes of the log that were seen
	systemd   *net.UnixConn // what is said to it
}

type lifeTimer struct {
	at time.Time
	f  func()
}

// A lifeProcess is a process that does what the script says.
type lifeProcess struct {
	l      *life
	number int
	far    *channel // of a worker
	read   uint64   // how many messages it has taken
	asked  []uint64 // which of them have no answer yet
	ended  chan ending
	gone   bool
}

func newLife(t *testing.T) *life {
	t.Helper()
	l := &life{t: t, dir: t.TempDir(), clock: time.Date(2026, time.May, 4, 10, 20, 30, 0, time.UTC)}
	path := filepath.Join(l.dir, "systemd")
	var err error
	if l.systemd, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.systemd.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "")
	l.write("first")
	l.m = &Master{Program: "/usr/sbin/weir", Args: []string{"weir", "-g", ""}, Version: "test", Ready: func() { l.note("ready") }}
	t.Cleanup(l.close)
	return l
}

// close ends what the script has left.
func (l *life) close() {
	if l.m.cur != nil && !l.m.over {
		l.m.finish(0)
	}
	for _, p := range l.processes {
		if !p.gone {
			p.gone = true
			p.ended <- ending{}
			<-l.m.events
		}
	}
}

func (l *life) write(name string) {
	l.t.Helper()
	text, ok := lifeConfs[name]
	if !ok {
		l.t.Fatalf("no configuration is called %q", name)
	}
	text = strings.ReplaceAll("error_log $DIR/error.log notice; events {}\n"+text, "$DIR", l.dir)
	if !strings.Contains(text, "pid ") {
		text = "pid " + l.dir + "/weir.pid;\n" + text
	}
	if err := os.WriteFile(filepath.Join(l.dir, "nginx.conf"), []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) begin([]string) {
	l.t.Helper()
	if l.inherited {
		l.m.Inherited = &Inherited{parent: os.Getppid()}
	}
	l.m.prepare(l)
	dir := l.dir + "/"
	r := Read(cycle.Options{Prefix: dir, Conf: dir + "nginx.conf", ErrorLog: dir + "error.log", AccessLog: dir + "access.log", TempPrefix: dir})
	if r.Diags.Failed() {
		l.t.Fatal(r.Diags.List())
	}
	if err := l.m.begin(r); err != nil {
		l.note("it could not begin: %v", err)
	}
}

// pass lets time pass.
func (l *life) pass(args []string) {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		l.t.Fatal(err)
	}
	end := l.clock.Add(d)
	for {
		slices.SortStableFunc(l.timers, func(a, b lifeTimer) int { return a.at.Compare(b.at) })
		if len(l.timers) == 0 || l.timers[0].at.After(end) {
			break
		}
		next := l.timers[0]
		l.timers = l.timers[1:]
		l.clock = next.at
		next.f()
		l.drain()
	}
	l.clock = end
}

func (l *life) ask([]string) {
	l.m.reload(func(res result) {
		for _, s := range res.said {
			l.note("answer: %s", s)
		}
		l.note("answer: done %v", res.next != nil)
	})
}

func (l *life) watch([]string) {
	l.t.Setenv("WATCHDOG_USEC", "2000000")
	l.t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
}

func (l *life) process(number string) *lifeProcess {
	l.t.Helper()
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(l.processes) {
		l.t.Fatalf("no process %s", number)
	}
	return l.processes[n-1]
}

// answer answers the first message that a worker has not answered yet.
func (l *life) answer(number, fault string) {
	l.t.Helper()
	p := l.process(number)
	if len(p.asked) == 0 {
		l.t.Fatalf("worker %s was asked nothing", number)
	}
	serial := p.asked[0]
	p.asked = p.asked[1:]
	l.send(p, &message{Kind: kindDone, Serial: serial, Err: fault})
}

func (l *life) says(args []string) {
	p := l.process(args[0])
	if args[1] == "nonsense" {
		if _, err := p.far.conn.Write([]byte("\xff\xff\xff\xff\x00\x00\x00\x00")); err != nil {
			l.t.Fatal(err)
		}
		l.next()
		return
	}
	l.send(p, &message{Kind: kindReopen})
}

// send has the master hear a worker.
func (l *life) send(p *lifeProcess, msg *message) {
	l.t.Helper()
	if err := p.far.send(msg, nil); err != nil {
		l.t.Fatal(err)
	}
	l.next()
}

// end ends a process.
func (l *life) end(number, how string) {
	l.t.Helper()
	p := l.process(number)
	if p.gone {
		l.t.Fatalf("process %s is gone", number)
	}
	p.gone = true
	if p.far != nil {
		p.far.close()
	}
	code, err := strconv.Atoi(how)
	if err != nil {
		p.ended <- ending{code: -1, signal: unix.SignalNum(how)}
	} else {
		p.ended <- ending{code: code}
	}
	l.next()
}

func (l *life) files([]string) {
	for _, pattern := range []string{"*.pid", "*.oldbin", "a", "b"} {
		names, _ := filepath.Glob(filepath.Join(l.dir, pattern))
		for _, name := range names {
			l.note("%s", filepath.Base(name))
		}
	}
}

// next has the master do what the next of those who post to it wants.
func (l *life) next() {
	l.t.Helper()
	select {
	case f := <-l.m.events:
		f()
	case <-time.After(time.Minute):
		l.t.Fatal("nobody posts to the master")
	}
}

// drain has it do what it knows already.
func (l *life) drain() {
	for {
		select {
		case f := <-l.m.events:
			f()
		default:
			return
		}
	}
}

// note takes note of what happens, behind what was logged before.
func (l *life) note(format string, a ...any) {
	l.readLog()
	l.hearSystemd()
	l.events = append(l.events, fmt.Sprintf(format, a...))
}

func (l *life) readLog() {
	text, err := os.ReadFile(filepath.Join(l.dir, "error.log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		l.t.Fatal(err)
	}
	for line := range strings.Lines(string(text[l.logged:])) {
		l.events = append(l.events, stampRE.ReplaceAllString(strings.TrimSuffix(line, "\n"), "$1"))
	}
	l.logged = len(text)
}

// happened is what has happened since it was asked last.
func (l *life) happened() string {
	l.drain()
	for _, p := range l.processes {
		p.listen()
	}
	l.readLog()
	l.hearSystemd()
	var b strings.Builder
	for _, e := range l.events {
		b.WriteString(e + "\n")
	}
	l.events = nil
	if l.m.over && l.m.machine != nil {
		fmt.Fprintf(&b, "it has ended: %d\n", l.m.status)
		l.m.machine = nil // it is said once
	}
	return strings.NewReplacer(l.dir, "$DIR", strconv.Itoa(os.Getpid()), "MASTER", "process 10000", "process ", "MAINPID=10000", "MAINPID=").Replace(b.String())
}

var stampRE = regexp.MustCompile(`^\S+ \S+ (\[\w+\] )\d+#\d+: `)

// hearSystemd notes what was said to systemd.
func (l *life) hearSystemd() {
	raw, err := l.systemd.SyscallConn()
	if err != nil {
		l.t.Fatal(err)
	}
	_ = raw.Read(func(fd uintptr) bool {
		buf := make([]byte, 4096)
		for {
			n, _, err := unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
			if err != nil {
				return true
			}
			said := strings.ReplaceAll(strings.TrimSpace(string(buf[:n])), "\n", " ")
			l.events = append(l.events, "to systemd: "+monotonicRE.ReplaceAllString(said, "MONOTONIC_USEC=…"))
		}
	})
}

var monotonicRE = regexp.MustCompile(`MONOTONIC_USEC=\d+`)

// listen takes the messages that a worker was sent.
func (p *lifeProcess) listen() {
	l := p.l
	if p.far == nil || p.gone {
		return
	}
	var told uint64
	for _, w := range l.m.workers() {
		if w.pid == p.pid() {
			told = w.serial
		}
	}
	for ; p.read < told; p.read++ {
		msg, fds, err := p.far.receive()
		if err != nil {
			l.t.Fatalf("worker %d: %v", p.number, err)
		}
		closeAll(fds)
		what := map[kind]string{kindLoad: "serve", kindReopen: "take these logs", kindPing: "are you alive?", kindQuit: "finish"}[msg.Kind]
		for _, s := range slices.Sorted(slices.Values(msg.Sockets)) {
			what += " +" + filepath.Base(s)
		}
		for _, s := range slices.Sorted(slices.Values(msg.Logs)) {
			what += " " + filepath.Base(s)
		}
		l.note("worker %d is told: %s", p.number, what)
		if msg.Kind != kindQuit {
			p.asked = append(p.asked, msg.Serial)
		}
	}
}

// The machine.

func (l *life) now() time.Time { return l.clock }

func (l *life) after(d time.Duration, f func()) {
	l.timers = append(l.timers, lifeTimer{l.clock.Add(d), f})
}

func (l *life) beside(f func()) { f() }

func (l *life) start(cmd *exec.Cmd) (process, error) {
	if l.broken {
		return nil, errors.New("fork failed")
	}
	p := &lifeProcess{l: l, number: len(l.processes) + 1, ended: make(chan ending, 1)}
	l.processes = append(l.processes, p)
	if !slices.ContainsFunc(cmd.Env, func(e string) bool { return strings.HasPrefix(e, WorkerMark+"=") }) {
		sockets := 0
		for _, e := range cmd.Env {
			if list, ok := strings.CutPrefix(e, inheritedMark+"="); ok {
				sockets = strings.Count(list, ";")
			}
		}
		l.note("starts process %d: %s with %d sockets", p.number, strings.Join(cmd.Args, " "), sockets)
		return p, nil
	}
	fd, err := duplicate(int(cmd.ExtraFiles[0].Fd()))
	if err == nil {
		p.far, err = newChannel(fd)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(p.far.close)
	l.note("starts worker %d", p.number)
	return p, nil
}

func (p *lifeProcess) pid() int { return 1000000 + p.number }

func (p *lifeProcess) signal(s syscall.Signal) {
	if !p.gone {
		p.l.note("%s to %d", unix.SignalName(s), p.number)
	}
}

func (p *lifeProcess) wait() ending { return <-p.ended }

var (
	_ machine = (*life)(nil)
	_ process = (*lifeProcess)(nil)
)
