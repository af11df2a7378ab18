//go:build !linux

package script

import "errors"

// mount makes a file system of a size in a folder, and returns what takes it away.
func mount(string, string) (unmount func(), err error) {
	return nil, errors.ErrUnsupported
}
