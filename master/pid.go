package master

import (
	"fmt"
	"os"
	"strconv"

	"weir/logs"
)

// oldPid is the name of the pid file of a master whose new binary runs.
func oldPid(path string) string {
	if path == "" {
		return ""
	}
	return path + ".oldbin"
}

// WritePid makes the pid file; one that a killed server has left is overwritten.
func WritePid(path string) error {
	if path == "" {
		return nil
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return fmt.Errorf("open() \"%s\" failed %s", path, logs.AppendErrno(nil, err))
	}
	return nil
}

func removePid(path string) {
	if path != "" {
		_ = os.Remove(path)
	}
}

// MovePid follows a pid directive that a reload has changed.
func MovePid(from, to string, report func(error)) {
	if from == to {
		return
	}
	if err := WritePid(to); err != nil {
		report(err)
		return
	}
	removePid(from)
}
