//go:build !linux

package logs

import "golang.org/x/sys/unix"

func dup2(fd, to int) error { return unix.Dup2(fd, to) }
