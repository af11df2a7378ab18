package disk

import (
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Mapped is a file whose bytes are read where the kernel has them, without a copy. It ends when nobody refers to it.
type Mapped struct{ b []byte }

// MapBlocking maps all of a regular file, and has the kernel begin to read it, so that a loop that looks into it later finds it in memory.
// Where the file system cannot map, it is read. The file may be closed.
func MapBlocking(f *os.File) (*Mapped, error) {
	i, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := int(i.Size())
	if !i.Mode().IsRegular() || size == 0 || int64(size) != i.Size() {
		return nil, unix.EINVAL
	}
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		b = make([]byte, size)
		if _, err = io.ReadFull(io.NewSectionReader(f, 0, int64(size)), b); err != nil {
			return nil, err
		}
		return &Mapped{b}, nil
	}
	_ = unix.Madvise(b, unix.MADV_WILLNEED)
	m := &Mapped{b}
	runtime.AddCleanup(m, func(b []byte) { _ = unix.Munmap(b) }, b)
	return m, nil
}

// Bytes are the bytes of the file, to be read within Read only. They must not be changed.
func (m *Mapped) Bytes() []byte { return m.b }

// Read runs f, which may look at the bytes and must keep none of them. It reports false when somebody has cut the file short in place: then
// its end is gone, and f ended where it came upon that.
func (m *Mapped) Read(f func()) (whole bool) {
	defer runtime.KeepAlive(m)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			if fault, ok := v.(interface{ Addr() uintptr }); !ok || !m.has(fault.Addr()) {
				panic(v)
			}
		}
	}()
	f()
	return true
}

func (m *Mapped) has(address uintptr) bool {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(m.b)))
	return from <= address && address < from+uintptr(len(m.b))
}
