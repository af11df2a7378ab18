package cycle

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/logs"
)

// An Identity is the user that connections are served as.
type Identity struct {
	UID, GID int
	Groups   []int // supplementary, as initgroups(3) would set them
	Raw      bool  // keep the right to bind addresses that are not the machine's (CAP_NET_RAW)
}

// Identity is the user of the configuration. The error is nginx's sentence.
func (m *MainConf) Identity(o conf.Outside) (id Identity, err error) {
	u, err := o.User(m.User)
	if err != nil {
		return id, fmt.Errorf("getpwnam(\"%s\") failed", m.User)
	}
	id.UID, id.GID = u.UID, u.GID
	if m.Group != "" {
		if id.GID, err = o.Group(m.Group); err != nil {
			return id, fmt.Errorf("getgrnam(\"%s\") failed", m.Group)
		}
	}
	id.Groups = []int{id.GID}
	for _, gid := range u.Groups {
		// initgroups(3) takes the user's own group, which is not in the group file, for the one that it is told
		if gid != id.GID && gid != u.GID {
			id.Groups = append(id.Groups, gid)
		}
	}
	return id, nil
}

// Assume makes the process run as that user, with all its threads. It is for good.
func (id Identity) Assume() error {
	if id.Raw && id.UID != 0 {
		if err := keepCapabilities(); err != nil {
			return err
		}
	}
	if err := syscall.Setgroups(id.Groups); err != nil {
		return fmt.Errorf("initgroups(%d) failed %s", id.GID, logs.AppendErrno(nil, err))
	}
	if err := syscall.Setgid(id.GID); err != nil {
		return fmt.Errorf("setgid(%d) failed %s", id.GID, logs.AppendErrno(nil, err))
	}
	if err := syscall.Setuid(id.UID); err != nil {
		return fmt.Errorf("setuid(%d) failed %s", id.UID, logs.AppendErrno(nil, err))
	}
	if id.Raw && id.UID != 0 {
		if err := onlyRawSockets(); err != nil {
			return err
		}
	}
	return allowCore()
}

// setUser reads user. As in nginx only who may change to a user looks for it.
func setUser(c *MainConf, call *conf.Call) error {
	c.User = call.Arg(0)
	if call.IsDefault() {
		return nil // with that user's own group: "nobody" here, "nogroup" there
	}
	c.Group = c.User
	if call.Len() > 1 {
		c.Group = call.Arg(1)
	}
	if !call.Tree().Facts().Root {
		call.Warnf(-1, "the \"user\" directive makes sense only if the master process runs with super-user privileges, ignored")
		return nil
	}
	if _, err := c.Identity(call.Tree().Outside()); err != nil {
		return call.Errorf(-1, "%v", err)
	}
	return nil
}

// Apply makes the process what the configuration asks: limits, priority, processors. Who has another user to become does
// it before. As in nginx a refusal is logged and no reason to stop.
func (m *MainConf) Apply(report func(logs.Level, string)) {
	try := func(call string, err error) {
		if err != nil {
			report(logs.Alert, fmt.Sprintf("%s failed %s", call, logs.AppendErrno(nil, err)))
		}
	}
	if m.Priority != 0 {
		try(fmt.Sprintf("setpriority(%d)", m.Priority), setPriority(m.Priority))
	}
	for _, l := range m.Limits() {
		try(fmt.Sprintf("setrlimit(%s, %d)", l.Name, l.Value), setLimit(l.Resource, l.Value))
	}
	if len(m.Affinity) > 0 {
		try("sched_setaffinity()", setAffinity(m.Processors))
	}
}

func setLimit(resource int, value uint64) error {
	var l unix.Rlimit
	setBoth(&l.Cur, &l.Max, value)
	return unix.Setrlimit(resource, &l)
}

// setBoth is for limits that are signed on some systems.
func setBoth[T int64 | uint64](now, most *T, value uint64) { *now, *most = T(value), T(value) }

// A Limit is one resource limit of the configuration.
type Limit struct {
	Name     string
	Resource int
	Value    uint64
}

// Limits are the resource limits that the configuration sets.
func (m *MainConf) Limits() []Limit {
	var all []Limit
	if m.RlimitNofile > 0 {
		all = append(all, Limit{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE, m.RlimitNofile})
	}
	if m.RlimitCore > 0 {
		all = append(all, Limit{"RLIMIT_CORE", unix.RLIMIT_CORE, uint64(m.RlimitCore)})
	}
	return all
}

// Settle moves the process to its working directory, which it must be able to enter as the user it is.
func (m *MainConf) Settle(report func(logs.Level, string)) {
	if m.WorkingDir == "" {
		return
	}
	if err := os.Chdir(m.WorkingDir); err != nil {
		report(logs.Alert, fmt.Sprintf("chdir(\"%s\") failed %s", m.WorkingDir, logs.AppendErrno(nil, err)))
	}
}

// Environment is what a worker and a new binary get of an environment: TZ and what the configuration names, from have
// where it gives no value.
func (m *MainConf) Environment(have []string) []string {
	value := map[string]string{}
	for _, e := range have {
		if name, v, ok := strings.Cut(e, "="); ok {
			value[name] = v
		}
	}
	var env []string
	done := map[string]bool{}
	add := func(name, v string, ok bool) {
		if ok && !done[name] {
			done[name] = true
			env = append(env, name+"="+v)
		}
	}
	for _, e := range m.Env {
		name, v, ok := strings.Cut(e, "=")
		if !ok {
			v, ok = value[name]
		}
		add(name, v, ok)
	}
	tz, ok := value["TZ"]
	add("TZ", tz, ok)
	return env
}

// setAffinityWords reads worker_cpu_affinity: one mask a loop, or auto. Loops are not bound to threads, so all of them
// together get the processors that any of the masks has.
func setAffinityWords(c *MainConf, call *conf.Call) error {
	words := make([]string, call.Len())
	for i := range words {
		words[i] = call.Arg(i)
	}
	c.Affinity = words
	first := 0
	if words[0] == "auto" {
		if len(words) > 2 {
			return call.Errorf(-1, "invalid number of arguments in \"worker_cpu_affinity\" directive")
		}
		if len(words) == 1 {
			c.Affinity = nil // every processor there is
			return nil
		}
		first = 1
	}
	for i := first; i < len(words); i++ {
		if len(words[i]) > maxProcessors {
			return call.Errorf(i, "\"worker_cpu_affinity\" supports up to %d CPUs only", maxProcessors)
		}
		for k := range len(words[i]) {
			switch ch := words[i][len(words[i])-1-k]; ch {
			case '0', ' ':
			case '1':
				c.Processors = append(c.Processors, k)
			default:
				return call.Errorf(i, "invalid character \"%c\" in \"worker_cpu_affinity\"", ch)
			}
		}
	}
	return nil
}

const maxProcessors = 1024 // of cpu_set_t
