//go:build !linux

package cycle

import (
	"syscall"

	"weir/logs"
)

func setPriority(nice int) error { return syscall.Setpriority(syscall.PRIO_PROCESS, 0, nice) }

// setAffinity is not to be had on every system; nginx says so as well.
func setAffinity([]int) error { return syscall.ENOSYS }

func allowCore() error { return nil }

// Where there are no capabilities, transparent needs a worker that is root.
func keepCapabilities() error { return nil }
func onlyRawSockets() error   { return nil }

// LimitOther cannot be done here: new limits hold from the next start on.
func (m *MainConf) LimitOther(int, func(logs.Level, string)) {}
