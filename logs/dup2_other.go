//go:build !linux

package logs

import "golang.org/x/sys/unix"

// Dup2 makes to the same file as fd.
func Dup2(fd, to int) error { return unix.Dup2(fd, to) }
