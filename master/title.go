package master

import (
	"os"
	"strings"
	"unsafe"
)

// A Title is where the system finds what ps, pgrep and monitors show of the process: the memory of its arguments, and of its environment
// behind them. nil does nothing.
type Title struct{ area []byte }

// TakeTitle takes that memory, of which os.Args are copied out. It must be called before anything else looks at os.Args.
func TakeTitle() *Title {
	if !titled || len(os.Args) == 0 {
		return nil
	}
	first := unsafe.StringData(os.Args[0])
	size := 0
	for i, arg := range os.Args {
		if unsafe.StringData(arg) != (*byte)(unsafe.Add(unsafe.Pointer(first), size)) && arg != "" {
			return nil // they are not where the kernel has put them
		}
		size += len(arg) + 1
		os.Args[i] = strings.Clone(arg)
	}
	for _, s := range os.Environ() { // which are copies already
		size += len(s) + 1
	}
	return &Title{unsafe.Slice(first, size)}
}

// Set shows a text, cut to the room that there is.
func (t *Title) Set(text string) {
	if t == nil {
		return
	}
	n := copy(t.area[:len(t.area)-1], text)
	clear(t.area[n:])
}
