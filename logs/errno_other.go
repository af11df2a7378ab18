//go:build !linux

package logs

import (
	"strings"
	"syscall"
)

// errnoText is the text that Go has, with a capital as the C library's. "" where it has none.
func errnoText(no syscall.Errno) string {
	text := no.Error()
	if strings.HasPrefix(text, "errno ") {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
