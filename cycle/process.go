package cycle

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"weir/logs"
)

// ids are the numbers of the user and group that connections are served as.
func (m *Main) ids() (uid, gid int, err error) {
	u, err := user.Lookup(m.User)
	if err != nil {
		return 0, 0, fmt.Errorf("getpwnam(\"%s\") failed", m.User)
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	if m.Group != "" && m.Group != m.User {
		g, err := user.LookupGroup(m.Group)
		if err != nil {
			return 0, 0, fmt.Errorf("getgrnam(\"%s\") failed", m.Group)
		}
		gid, _ = strconv.Atoi(g.Gid)
	}
	return uid, gid, nil
}

// apply makes the process what the configuration asks: limits, priority, environment, working directory.
// As in nginx a refusal is logged and no reason to stop.
func (m *Main) apply(report func(logs.Level, string)) {
	try := func(call string, err error) {
		if err != nil {
			report(logs.Alert, fmt.Sprintf("%s failed %s", call, logs.AppendErrno(nil, err)))
		}
	}
	if n := m.RlimitNofile; n > 0 {
		try(fmt.Sprintf("setrlimit(RLIMIT_NOFILE, %d)", n), unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: n}))
	}
	if n := uint64(m.RlimitCore); n > 0 {
		try(fmt.Sprintf("setrlimit(RLIMIT_CORE, %d)", n), unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: n, Max: n}))
	}
	if m.Priority != 0 {
		try(fmt.Sprintf("setpriority(%d)", m.Priority), setPriority(m.Priority))
	}
	for _, e := range m.Env {
		if name, value, ok := strings.Cut(e, "="); ok {
			_ = os.Setenv(name, value)
		}
	}
	if m.WorkingDir != "" {
		try(fmt.Sprintf("chdir(\"%s\")", m.WorkingDir), os.Chdir(m.WorkingDir))
	}
}

// setPriority sets the priority of every thread there is; those to come take it over from them.
func setPriority(nice int) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, tid, nice); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}
