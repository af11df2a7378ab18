package weirtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Process is what the kernel's accounting says about one process.
type Process struct {
	PID, Parent  int
	User, System time.Duration
	RSS          int64 // bytes
	Threads      int
}

// The kernel counts processor time in ticks of 1/100 s on every Linux port that Go has.
const tick = 10 * time.Millisecond

// Processes returns the living processes of a process group.
func Processes(group int) []Process {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var all []Process
	for _, f := range stats {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if p, g, ok := parseStat(b); ok && g == group {
			all = append(all, p)
		}
	}
	return all
}

// parseStat reads /proc/PID/stat; the second field is the name in brackets and may hold anything.
func parseStat(b []byte) (p Process, group int, ok bool) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < 0 {
		return p, 0, false
	}
	f := strings.Fields(string(b[end+1:])) // f[0] is field 3, the state
	if len(f) < 22 || f[0] == "Z" {
		return p, 0, false
	}
	num := func(i int) int64 { n, _ := strconv.ParseInt(f[i-3], 10, 64); return n }
	p.PID, _ = strconv.Atoi(strings.TrimSpace(string(b[:open])))
	p.Parent = int(num(4))
	p.User, p.System = time.Duration(num(14))*tick, time.Duration(num(15))*tick
	p.Threads = int(num(20))
	p.RSS = num(24) * int64(os.Getpagesize())
	return p, int(num(5)), true
}

// Descriptors lists what the open descriptors of a process point to: "socket:[123]", a path, "anon_inode:[eventpoll]".
func Descriptors(pid int) []string {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	var to []string
	for _, l := range links {
		if target, err := os.Readlink(l); err == nil {
			to = append(to, target)
		}
	}
	return to
}

// workerOf knows a worker by its title, which is nginx's.
func workerOf(all []Process, master int) int {
	for _, p := range all {
		title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID))
		if p.Parent == master && strings.Contains(string(title), "worker process") {
			return p.PID
		}
	}
	return 0
}

// descriptorsOf lists the open descriptors of some processes.
func descriptorsOf(all []Process) []string {
	var to []string
	for _, p := range all {
		to = append(to, Descriptors(p.PID)...)
	}
	return to
}

// settled waits until a process that is not the master has an event loop and nothing is opened any more. The master may have an event
// loop too, which means nothing unless it serves itself.
func settled(processes func() []Process, master int) int {
	last, same := -1, 0
	Eventually(func() bool {
		n, loops := 0, 0
		for _, p := range processes() {
			for _, to := range Descriptors(p.PID) {
				n++
				if to == "anon_inode:[eventpoll]" && p.PID != master {
					loops++
				}
			}
		}
		if n == last && loops > 0 {
			same++
		} else {
			last, same = n, 0
		}
		return same == 5
	})
	return last
}
