package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// process is one process of a server. Its processor time has that of its children that ended and were waited for: workers come and go
// with reloads, and what they cost counts.
type process struct {
	pid, parent, group int
	used               time.Duration
}

// The kernel counts processor time in ticks of 1/100 s.
const tick = 10 * time.Millisecond

// tree returns the processes of a server: those of its process group, and all that descend from the one that was started, which may
// have left the group. Those that ended and were not waited for yet are among them, for what they have cost.
func tree(root int) []process {
	names, _ := os.ReadDir("/proc")
	var all []process
	for _, n := range names {
		if c := n.Name()[0]; c < '1' || c > '9' {
			continue
		}
		b, err := os.ReadFile(filepath.Join("/proc", n.Name(), "stat"))
		if err != nil {
			continue
		}
		if p, ok := parseProcess(b); ok {
			all = append(all, p)
		}
	}
	in := map[int]bool{root: true}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if !in[p.pid] && (p.group == root || in[p.parent]) {
				in[p.pid], grown = true, true
			}
		}
	}
	return slices.DeleteFunc(all, func(p process) bool { return !in[p.pid] })
}

// parseProcess reads /proc/PID/stat; the second field is the name in brackets and may hold anything.
func parseProcess(b []byte) (p process, ok bool) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < 0 {
		return p, false
	}
	f := strings.Fields(string(b[end+1:])) // f[0] is field 3, the state
	if len(f) < 15 {
		return p, false
	}
	num := func(i int) int { n, _ := strconv.Atoi(f[i-3]); return n }
	p.pid, _ = strconv.Atoi(strings.TrimSpace(string(b[:open])))
	p.parent, p.group = num(4), num(5)
	p.used = time.Duration(num(14)+num(15)+num(16)+num(17)) * tick
	return p, true
}

// used is the processor time of a server so far, with that of its processes that ended.
func used(root int) time.Duration {
	var sum time.Duration
	for _, p := range tree(root) {
		sum += p.used
	}
	return sum
}

// memory is what a server's processes have in memory, in bytes.
type memory struct {
	shared int64 // pages that several of them have are divided among them (PSS)
	high   int64 // the most that each ever had (VmHWM), added up: shared pages count for each
}

func memoryOf(root int) memory {
	var m memory
	for _, p := range tree(root) {
		dir := filepath.Join("/proc", strconv.Itoa(p.pid))
		m.shared += kilobytes(filepath.Join(dir, "smaps_rollup"), "Pss:") << 10
		m.high += kilobytes(filepath.Join(dir, "status"), "VmHWM:") << 10
	}
	return m
}

// forgetHigh makes the kernel count the most that a server's processes have had from now on.
func forgetHigh(root int) {
	for _, p := range tree(root) {
		_ = os.WriteFile(filepath.Join("/proc", strconv.Itoa(p.pid), "clear_refs"), []byte("5"), 0)
	}
}

// kilobytes reads a number from a file of lines "Name:  123 kB"; 0 when the process has gone meanwhile.
func kilobytes(path, name string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		if f := strings.Fields(string(line)); len(f) > 1 && f[0] == name {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}
