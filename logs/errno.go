package logs

import (
	"errors"
	"strconv"
	"syscall"
)

// AppendErrno adds the cause of a failure as nginx writes it after "failed ": the number and the C
// library's text for it.
//
//	(2: No such file or directory)
//
// An error that has no number stands in the brackets as it is.
func AppendErrno(dst []byte, err error) []byte {
	var no syscall.Errno
	if !errors.As(err, &no) {
		dst = append(dst, '(')
		if err != nil {
			dst = append(dst, err.Error()...)
		}
		return append(dst, ')')
	}
	dst = append(dst, '(')
	dst = strconv.AppendInt(dst, int64(no), 10)
	dst = append(dst, ": "...)
	dst = append(dst, ErrnoText(no)...)
	return append(dst, ')')
}

// ErrnoText is the C library's text for an error number.
func ErrnoText(no syscall.Errno) string {
	if no == 0 {
		return "Success"
	}
	if text := errnoText(no); text != "" {
		return text
	}
	return "Unknown error " + strconv.Itoa(int(no))
}

// A CallError is a failed system call in nginx's words: open() "x" failed (2: No such file or directory).
type CallError struct {
	Call string // "open()"
	On   string // what it was about, as it is to be printed; may be empty
	Err  error
}

func (e *CallError) Error() string {
	b := append(make([]byte, 0, 128), e.Call...)
	if e.On != "" {
		b = append(append(b, ' '), e.On...)
	}
	b = append(b, " failed "...)
	return string(AppendErrno(b, e.Err))
}

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }
