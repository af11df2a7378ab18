package zone

import (
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// punch gives the memory of a part of a file back.
func punch(f *os.File, at, bytes int64) {
	if bytes > 0 {
		_ = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, bytes)
	}
}

// punchBetween does so with all of it that is not used.
func punchBetween(f *os.File, from, to int64, used map[int64]int64) {
	for _, at := range slices.Sorted(maps.Keys(used)) {
		punch(f, from, at-from)
		from = at + used[at]
	}
	punch(f, from, to-from)
}

// copyFile copies a part of a file, and leaves holes as they are.
func copyFile(to *os.File, toAt int64, from *os.File, fromAt, bytes int64) error {
	b := make([]byte, min(bytes, 1<<20))
	for at, end := fromAt, fromAt+bytes; at < end; {
		data, err := unix.Seek(int(from.Fd()), at, unix.SEEK_DATA)
		if err == unix.ENXIO || data >= end { // only holes from here on
			return nil
		}
		if err != nil {
			return err
		}
		at = max(at, data)
		n, err := from.ReadAt(b[:min(int64(len(b)), end-at)], at)
		if err != nil {
			return err
		}
		if _, err := to.WriteAt(b[:n], toAt+at-fromAt); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}
