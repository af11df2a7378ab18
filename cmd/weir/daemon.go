package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"weir/logs"
)

// daemonMark tells a process that it is the one in the background: the number of the descriptor on which
// it says that it serves.
const daemonMark = "WEIR_DAEMON"

func isDaemon() bool { return os.Getenv(daemonMark) != "" }

// readyFD is the descriptor of a daemon's pipe to the process that started it.
const readyFD = 3

// daemonize starts weir again in the background and waits until it serves or has failed: a Go program
// cannot fork.
func daemonize() int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintf(os.Stderr, "weir: [emerg] %v\n", err)
		return 1
	}
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Fprintf(os.Stderr, "weir: [emerg] pipe() failed: %v\n", err)
		return 1
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), daemonMark+"=1")
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "weir: [emerg] %v\n", err)
		return 1
	}
	_ = w.Close()
	said, _ := io.ReadAll(r)
	if string(said) != "ready" {
		return 1 // it has told why on standard error
	}
	_ = cmd.Process.Release()
	return 0
}

// daemonReady tells the process in the foreground that weir serves, and leaves the terminal.
func daemonReady() {
	if !isDaemon() {
		return
	}
	_ = os.Unsetenv(daemonMark)
	if null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0); err == nil {
		for fd := range 3 {
			_ = logs.Dup2(int(null.Fd()), fd)
		}
		_ = null.Close()
	}
	_, _ = unix.Write(readyFD, []byte("ready"))
	_ = unix.Close(readyFD)
}
