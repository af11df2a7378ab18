package master

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"weir/logs"
)

// machine is what the master needs besides files and addresses: processes, and the time. Tests have one of their own.
type machine interface {
	now() time.Time
	// after has f called when so much time has passed, on a goroutine of its own.
	after(d time.Duration, f func())
	// beside runs f on a goroutine of its own.
	beside(f func())
	start(cmd *exec.Cmd) (process, error)
}

// A process was started, and may have ended.
type process interface {
	pid() int
	// signal sends a signal. The process may be gone already.
	signal(s syscall.Signal)
	// wait waits for the end. It is called once.
	wait() ending
}

// An ending is how a process ended.
type ending struct {
	code   int            // of its own accord; -1 if it was not
	signal syscall.Signal // by a signal, if that is not 0
	core   bool           // and its memory was written down
}

// say says it in nginx's words, and at what level that is logged.
func (e ending) say(what string, pid int) (logs.Level, string) {
	switch {
	case e.signal != 0 && e.core:
		return logs.Alert, fmt.Sprintf("%s %d exited on signal %d (core dumped)", what, pid, e.signal)
	case e.signal != 0:
		return logs.Alert, fmt.Sprintf("%s %d exited on signal %d", what, pid, e.signal)
	}
	return logs.Notice, fmt.Sprintf("%s %d exited with code %d", what, pid, e.code)
}

// realMachine is the one that the master runs on.
type realMachine struct{}

func (realMachine) now() time.Time { return time.Now() }

func (realMachine) after(d time.Duration, f func()) { time.AfterFunc(d, f) }

func (realMachine) beside(f func()) { go f() }

func (realMachine) start(cmd *exec.Cmd) (process, error) { return realProcess{cmd}, cmd.Start() }

type realProcess struct{ cmd *exec.Cmd }

func (p realProcess) pid() int { return p.cmd.Process.Pid }

func (p realProcess) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // who is gone needs none

func (p realProcess) wait() ending {
	_ = p.cmd.Wait() // the state says what there is to say
	return endingOf(p.cmd.ProcessState)
}

func endingOf(state *os.ProcessState) ending {
	e := ending{code: state.ExitCode()}
	if s, ok := state.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		e.signal, e.core = s.Signal(), s.CoreDump()
	}
	return e
}

var _ machine = realMachine{}
