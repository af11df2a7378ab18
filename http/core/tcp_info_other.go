//go:build !linux

package core

import "golang.org/x/sys/unix"

// tcpStateOf has nothing to say: what the kernels have to say has as many forms as there are kernels.
func tcpStateOf(int) (tcpState, error) { return tcpState{}, unix.ENOPROTOOPT }
