package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"weir/logs"
	"weir/master"
)

// sendSignal answers -s: it signals the process of the pid file. As in nginx the configuration must be good, since it names
// the file; for a reload that is the first half of the test, and the running server tells of the second.
func sendSignal(word string, r *master.Reading) int {
	fail := func(format string, a ...any) int {
		fmt.Fprintf(os.Stderr, "weir: [error] "+format+"\n", a...)
		return 1
	}
	if r.Diags.Failed() {
		report(r.Diags, nil, false)
		return 1
	}
	path := r.Cycle.PidFile()
	text, err := os.ReadFile(path)
	if err != nil {
		return fail("open() \"%s\" failed %s", path, logs.AppendErrno(nil, err))
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return fail("invalid PID number \"%s\" in \"%s\"", strings.TrimSpace(string(text)), path)
	}
	sig := map[string]unix.Signal{
		"stop": unix.SIGTERM, "quit": unix.SIGQUIT, "reopen": unix.SIGUSR1, "reload": unix.SIGHUP,
	}[word]
	if name, known := foreign(pid); known {
		return fail("process %d, which \"%s\" names, is \"%s\" and gets no signal: a server that was killed has left the file", pid, path, name)
	}
	if word == "reload" {
		if done, asked := master.Reload(pid, os.Stderr); asked {
			if !done {
				return fail("the configuration was not reloaded, the one before stays in force")
			}
			return 0
		}
	}
	if err := unix.Kill(pid, sig); err != nil {
		return fail("kill(%d, %d) failed %s", pid, sig, logs.AppendErrno(nil, err))
	}
	return 0
}

// foreign says what program a process is when it is surely neither weir nor nginx: a process number is used again, and what
// has it now may end at a SIGHUP.
func foreign(pid int) (name string, known bool) {
	if runtime.GOOS != "linux" {
		return "", false
	}
	own, _ := os.Executable()
	name, same := filepath.Base(own), own
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil { // somebody else's, or a kernel's that does not show it: its short name will do
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil {
			return "", false
		}
		const longest = 15 // TASK_COMM_LEN
		exe, same = strings.TrimSpace(string(comm)), name[:min(len(name), longest)]
	}
	exe = strings.TrimSuffix(exe, " (deleted)")
	name = filepath.Base(exe)
	return name, exe != same && name != filepath.Base(own) && !strings.Contains(name, "weir") && !strings.Contains(name, "nginx")
}
