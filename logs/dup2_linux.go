//go:build portable

package logs

import "golang.org/x/sys/unix"

// Not every Linux has dup2(2).
func dup2(fd, to int) error { return unix.Dup3(fd, to, 0) }
