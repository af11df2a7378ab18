package logs

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
)

func TestAppendErrno(t *testing.T) {
	_, missing := os.Open("/nonexistent/x")
	tests := []struct {
		err  error
		want string
	}{
		{syscall.ENOENT, "(2: No such file or directory)"},
		{syscall.EACCES, "(13: Permission denied)"},
		{syscall.EADDRINUSE, "(98: Address already in use)"},
		{syscall.ECONNREFUSED, "(111: Connection refused)"},
		{syscall.ETIMEDOUT, "(110: Connection timed out)"},
		{syscall.ECONNRESET, "(104: Connection reset by peer)"},
		{syscall.Errno(133), "(133: Memory page has hardware error)"},
		{syscall.Errno(0), "(0: Success)"},
		{syscall.Errno(41), "(41: Unknown error 41)"},
		{syscall.Errno(9999), "(9999: Unknown error 9999)"},
		{missing, "(2: No such file or directory)"},
		{fmt.Errorf("x: %w", syscall.EPIPE), "(32: Broken pipe)"},
		{errors.New("odd"), "(odd)"},
		{nil, "()"},
	}
	for _, tt := range tests {
		if got := string(AppendErrno(nil, tt.err)); got != tt.want {
			t.Errorf("AppendErrno(%v) = %q; want %q", tt.err, got, tt.want)
		}
	}
}

func TestCallError(t *testing.T) {
	err := error(&CallError{Call: "open()", On: `"x"`, Err: syscall.EACCES})
	if got := err.Error(); got != `open() "x" failed (13: Permission denied)` {
		t.Error(got)
	}
	if !errors.Is(err, syscall.EACCES) {
		t.Error("the cause is lost")
	}
	if got := (&CallError{Call: "send()", Err: syscall.EPIPE}).Error(); got != "send() failed (32: Broken pipe)" {
		t.Error(got)
	}
}
