package weirtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Daemon is a server in the background, as an administrator starts it. All its processes, those of new binaries too, are of one process
// group. A guard, which is a process of its own, kills what is left of the group at the end, or when the test process has ended in whatever
// way.
type Daemon struct {
	Dir string

	o       Options
	group   int
	guard   *exec.Cmd
	release io.Closer
}

// StartDaemon starts a server in the background and waits until it serves.
func StartDaemon(o Options) (*Daemon, error) {
	if err := os.MkdirAll(filepath.Join(o.Dir, "logs"), 0o755); err != nil {
		return nil, err
	}
	o.Background = true
	d := &Daemon{Dir: o.Dir, o: o}
	cmd := exec.Command(o.Binary, o.Arguments()...)
	cmd.Dir = o.Dir
	cmd.Env = append(os.Environ(), o.Env...)
	var said lockedBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the status is read from ProcessState
		close(exited)
	}()
	returned := func() bool {
		select {
		case <-exited:
			return true
		default:
			return false
		}
	}
	// The group is guarded as soon as it is there, which is before it serves: a start may fail half way.
	Eventually(func() bool {
		d.group = d.findGroup(cmd.Process.Pid, returned())
		return d.group != 0 || returned() && !cmd.ProcessState.Success()
	})
	if d.group == 0 {
		_ = cmd.Process.Kill()
		return nil, fmt.Errorf("no daemon came up: %s", said.String())
	}
	if err := d.startGuard(); err != nil {
		_ = syscall.Kill(-d.group, syscall.SIGKILL)
		return nil, err
	}
	var err error
	if !Eventually(returned) {
		_ = cmd.Process.Kill()
		err = errors.New("the command does not return")
	} else if !cmd.ProcessState.Success() {
		err = errors.New(cmd.ProcessState.String())
	}
	up := func() bool { return d.WorkerOf(d.Master()) != 0 && !slices.ContainsFunc(o.Ready, closedTo) }
	if err == nil && !Eventually(up) {
		err = errors.New("it does not serve")
	}
	if err != nil {
		d.Kill()
		return nil, fmt.Errorf("the daemon: %w\n%s\n%s", err, said.String(), strings.Join(Lines(filepath.Join(o.Dir, "error.log")), "\n"))
	}
	return d, nil
}

func closedTo(addr string) bool { return !takesConnections(addr) }

// findGroup finds the process that the command has put in the background, which leads the group: its child, or, when the command was
// quicker than we were, the master of the pid file, unless that was left by a server that was killed.
func (d *Daemon) findGroup(command int, returned bool) int {
	if pid := childOf(command); pid != 0 {
		return pid
	}
	if m := d.Master(); returned && len(Processes(m)) > 0 {
		return m
	}
	return 0
}

// startGuard starts the process that ends the group when our end of its pipe is closed.
func (d *Daemon) startGuard() error {
	d.guard = exec.Command("/bin/sh", "-c", `cat >/dev/null; kill -9 "-$0"`, strconv.Itoa(d.group))
	d.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a ^C for the test is not for the guard
	var err error
	if d.release, err = d.guard.StdinPipe(); err != nil {
		return err
	}
	return d.guard.Start()
}

// childOf finds a child of a process that leads a group.
func childOf(parent int) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if p, group, ok := parseStat(b); ok && p.Parent == parent && group == p.PID {
			return p.PID
		}
	}
	return 0
}

// Kill ends all processes at once; it may be called when all is over already.
func (d *Daemon) Kill() {
	_ = d.release.Close()
	_ = d.guard.Wait() // the status of a kill that found nobody
}

// Master is the process of the pid file, Old that of the file which an upgrade has renamed; 0 when there is none.
func (d *Daemon) Master() int { return pidIn(filepath.Join(d.Dir, "nginx.pid")) }

// Old is the old binary's master.
func (d *Daemon) Old() int { return pidIn(filepath.Join(d.Dir, "nginx.pid.oldbin")) }

func pidIn(path string) int {
	b, _ := os.ReadFile(path)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid
}

// Processes are all living processes of the daemon.
func (d *Daemon) Processes() []Process { return Processes(d.group) }

// Descriptors lists the open descriptors of all of them.
func (d *Daemon) Descriptors() []string { return descriptorsOf(d.Processes()) }

// Settled is Server.Settled for a daemon.
func (d *Daemon) Settled() int { return settled(d.Processes, d.Master()) }

// Output is what a daemon says, which is nothing: it has a log.
func (d *Daemon) Output() string { return "" }

// Alive reports whether one of them lives.
func (d *Daemon) Alive(pid int) bool {
	return slices.ContainsFunc(d.Processes(), func(p Process) bool { return p.PID == pid })
}

// Worker is the worker process of the master of the pid file, 0 when it has none.
func (d *Daemon) Worker() int { return d.WorkerOf(d.Master()) }

// WorkerOf is the worker process of that master.
func (d *Daemon) WorkerOf(master int) int { return workerOf(d.Processes(), master) }

// Signal sends a signal to the master of the pid file.
func (d *Daemon) Signal(s syscall.Signal) error { return d.SignalTo(d.Master(), s) }

// SignalTo sends a signal to one of the daemon's processes.
func (d *Daemon) SignalTo(pid int, s syscall.Signal) error {
	if !d.Alive(pid) {
		return fmt.Errorf("process %d is none of the daemon's", pid)
	}
	return syscall.Kill(pid, s)
}

// Stop sends a signal to the master and waits until nobody is left. The status of a daemon is nobody's to know: it is 0 when all went.
func (d *Daemon) Stop(s syscall.Signal) (int, error) {
	if err := d.Signal(s); err != nil {
		return -1, err
	}
	return d.Wait()
}

// Wait waits until nobody is left; who stays is killed and reported.
func (d *Daemon) Wait() (int, error) {
	if Eventually(d.Exited) {
		return 0, nil
	}
	err := fmt.Errorf("the server did not exit: %+v", d.Processes())
	d.Kill()
	return -1, err
}

// Exited reports whether all processes have ended.
func (d *Daemon) Exited() bool { return len(d.Processes()) == 0 }

// Command runs the binary with the daemon's flags and args, and returns what it says.
func (d *Daemon) Command(args ...string) (string, error) { return Command(d.o, args...) }
