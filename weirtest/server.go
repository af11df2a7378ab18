package weirtest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options says which server to start, and where.
type Options struct {
	Binary string
	Dir    string   // the prefix; has the configuration, gets logs and temporary files
	Conf   string   // relative to Dir; nginx.conf if empty
	Env    []string // added to the environment
	Ready  []string // addresses that must take a connection before Start returns

	Background bool // the configuration need not say "daemon on"
}

// Server is a running server: a process group led by the master.
type Server struct {
	Dir    string
	o      Options
	cmd    *exec.Cmd
	output lockedBuffer
	exited chan struct{}
	alone  bool // there is no worker beside the master
}

// Flags are the command-line arguments that put a server into dir, as nginx-tests does it: prefix, file, first error log.
func Flags(dir, conf string) []string {
	if conf == "" {
		conf = "nginx.conf"
	}
	return []string{"-p", dir + "/", "-c", conf, "-e", "error.log"}
}

// Globals is the -g text: what every server on the bench has in common. Root's workers stay root, since the files under test are root's.
func Globals() string { return "daemon off; pid nginx.pid;" + userGlobal() }

func userGlobal() string {
	if os.Geteuid() == 0 {
		if u, err := user.Current(); err == nil {
			return " user " + u.Username + ";"
		}
	}
	return ""
}

// Arguments are all flags of a server, with a -g text that leaves out what its configuration says itself.
func (o Options) Arguments() []string {
	text, _ := os.ReadFile(filepath.Join(o.Dir, cmp.Or(o.Conf, "nginx.conf")))
	g := "pid nginx.pid;"
	if !backgroundRE.Match(text) && !o.Background {
		g += " daemon off;"
	}
	if !userRE.Match(text) {
		g += userGlobal()
	}
	return append(Flags(o.Dir, o.Conf), "-g", g)
}

var (
	backgroundRE = regexp.MustCompile(`(?m)^daemon\s+on;`)
	userRE       = regexp.MustCompile(`(?m)^user\s`)
)

// InBackground reports whether the configuration asks for a daemon.
func (o Options) InBackground() bool {
	text, _ := os.ReadFile(filepath.Join(o.Dir, cmp.Or(o.Conf, "nginx.conf")))
	return o.Background || backgroundRE.Match(text)
}

// Command runs the binary with a server's flags and args, and returns what it says.
func Command(o Options, args ...string) (string, error) {
	cmd := exec.Command(o.Binary, append(o.Arguments(), args...)...)
	cmd.Dir = o.Dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Start runs the server and waits until it takes connections. The error of a server that did not come up has its own words in it.
func Start(o Options) (*Server, error) {
	if err := os.MkdirAll(filepath.Join(o.Dir, "logs"), 0o755); err != nil {
		return nil, err
	}
	s := &Server{Dir: o.Dir, o: o, exited: make(chan struct{})}
	if text, err := os.ReadFile(filepath.Join(o.Dir, cmp.Or(o.Conf, "nginx.conf"))); err == nil {
		s.alone = bytes.Contains(text, []byte("master_process off"))
	}
	s.cmd = exec.Command(o.Binary, o.Arguments()...)
	s.cmd.Dir = o.Dir
	s.cmd.Env = append(os.Environ(), o.Env...)
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.cmd.WaitDelay = time.Second // a left-over child must not keep the pipe, and us, for ever
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait() // the status is read from ProcessState
		close(s.exited)
	}()
	if err := s.ready(o.Ready); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

func (s *Server) ready(addrs []string) error {
	up := func() bool {
		if s.Exited() {
			return true
		}
		if b, _ := os.ReadFile(filepath.Join(s.Dir, "nginx.pid")); len(b) == 0 {
			return false // the listeners are open before the pid file is there
		}
		for _, a := range addrs {
			if !takesConnections(a) {
				return false
			}
		}
		return true
	}
	ok := Eventually(up)
	if ok && !s.Exited() {
		return nil
	}
	log := strings.Join(Lines(filepath.Join(s.Dir, "error.log")), "\n")
	return fmt.Errorf("the server did not come up on %s\n%s\n%s", strings.Join(addrs, " "), s.output.String(), log)
}

func takesConnections(addr string) bool {
	network := "tcp"
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
	}
	c, err := net.Dial(network, addr)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// PID is the master's.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Master is the same, Old nobody: only a daemon can be upgraded.
func (s *Server) Master() int { return s.PID() }

// Old is the master of an old binary.
func (s *Server) Old() int { return 0 }

// Worker is the worker process, 0 when there is none.
func (s *Server) Worker() int { return workerOf(s.Processes(), s.PID()) }

// Command runs the binary with the server's flags and args, and returns what it says.
func (s *Server) Command(args ...string) (string, error) { return Command(s.o, args...) }

// Output is what the server wrote to its standard output and error.
func (s *Server) Output() string { return s.output.String() }

// Processes are the server's living processes, the master among them.
func (s *Server) Processes() []Process { return Processes(s.PID()) }

// Descriptors lists the open descriptors of all the server's processes.
func (s *Server) Descriptors() []string { return descriptorsOf(s.Processes()) }

// Settled waits until a worker is at work, with an event loop of its own, and returns the number of open descriptors then. The
// listening sockets take connections long before that.
func (s *Server) Settled() int {
	master := s.PID()
	if s.alone {
		master = 0 // which serves itself
	}
	return settled(s.Processes, master)
}

// Exited reports whether the master has ended.
func (s *Server) Exited() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// Signal sends a signal to the master.
func (s *Server) Signal(sig syscall.Signal) error { return s.cmd.Process.Signal(sig) }

// Stop sends a signal and waits for the exit status, as Wait does.
func (s *Server) Stop(sig syscall.Signal) (int, error) {
	if err := s.Signal(sig); err != nil {
		return -1, err
	}
	return s.Wait()
}

// Wait waits for the master to exit and returns its status; a server that stays is killed and reported.
func (s *Server) Wait() (int, error) {
	t := time.NewTimer(Patience())
	defer t.Stop()
	select {
	case <-s.exited:
		return s.cmd.ProcessState.ExitCode(), nil
	case <-t.C:
		s.Kill()
		return -1, errors.New("the server did not exit")
	}
}

// Kill ends the whole process group at once; it may be called when all is over already.
func (s *Server) Kill() {
	_ = syscall.Kill(-s.PID(), syscall.SIGKILL) // ESRCH: nobody is left
	<-s.exited
}

// lockedBuffer takes a process's output while others look at it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
