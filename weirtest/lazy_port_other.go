//go:build !linux

package weirtest

import "syscall"

// LazyPort does nothing: only Linux can choose the port when it knows where the connection goes.
func LazyPort(_, _ string, _ syscall.RawConn) error { return nil }
