package cycle

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"weir/logs"
)

// eachThread calls f for every thread there is; those to come take over what their makers have.
func eachThread(f func(tid int) error) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := f(tid); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

func setPriority(nice int) error {
	return eachThread(func(tid int) error { return unix.Setpriority(unix.PRIO_PROCESS, tid, nice) })
}

func setAffinity(processors []int) error {
	var set unix.CPUSet
	for _, p := range processors {
		set.Set(p)
	}
	return eachThread(func(tid int) error { return unix.SchedSetaffinity(tid, &set) })
}

// allowCore lets a process that has changed its user dump core again.
func allowCore() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_DUMPABLE) failed %s", logs.AppendErrno(nil, err))
	}
	return nil
}

// keepCapabilities lets the process have its capabilities still when it is not root any more: permitted, and not in effect.
func keepCapabilities() error {
	_, _, e := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0)
	if e == unix.ENOTSUP { // what Go says in a program with threads that are not its own
		return errors.New("\"transparent\" needs a weir that was built with CGO_ENABLED=0, or \"user root\"")
	}
	if e != 0 {
		return fmt.Errorf("prctl(PR_SET_KEEPCAPS, 1) failed %s", logs.AppendErrno(nil, e))
	}
	return nil
}

// onlyRawSockets gives up every capability but CAP_NET_RAW, for all threads.
func onlyRawSockets() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: 1 << unix.CAP_NET_RAW, Permitted: 1 << unix.CAP_NET_RAW}}
	_, _, e := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&data[0])), 0)
	if e != 0 {
		return fmt.Errorf("capset() failed %s", logs.AppendErrno(nil, e))
	}
	return nil
}

// LimitOther sets the resource limits of another process, which needs the rights to. As in nginx a refusal is logged.
func (m *MainConf) LimitOther(pid int, report func(logs.Level, string)) {
	for _, l := range m.Limits() {
		if err := unix.Prlimit(pid, l.Resource, &unix.Rlimit{Cur: l.Value, Max: l.Value}, nil); err != nil {
			report(logs.Alert, fmt.Sprintf("prlimit(%s, %d) failed %s", l.Name, l.Value, logs.AppendErrno(nil, err)))
		}
	}
}
