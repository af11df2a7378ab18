package logs

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// timers is a Timer whose time only passes when it is told to.
type timers struct {
	d       time.Duration
	f       func()
	started int
	stopped int
}

func (m *timers) after(d time.Duration, f func()) (stop func()) {
	m.d, m.f = d, f
	m.started++
	return func() { m.stopped++ }
}

func newBuffered(t *testing.T, o Buffer) (b *Buffered, fs *Files, path string) {
	t.Helper()
	fs = NewFiles()
	path = filepath.Join(t.TempDir(), "a.log")
	return NewBuffered(openFile(t, fs, path), o), fs, path
}

func write(t *testing.T, b *Buffered, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if err := b.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBufferedWritesWhenFull(t *testing.T) {
	b, _, path := newBuffered(t, Buffer{Size: 10})
	steps := []struct{ line, file string }{
		{"1234\n", ""},
		{"5678\n", ""}, // exactly full
		{"a\n", "1234\n5678\n"},
		{"0123456789\n", "1234\n5678\na\n0123456789\n"}, // larger than the buffer
		{"b\n", "1234\n5678\na\n0123456789\n"},
	}
	for _, s := range steps {
		write(t, b, s.line)
		if got := read(t, path); got != s.file {
			t.Errorf("after %q the file is %q; want %q", s.line, got, s.file)
		}
	}
	b.Close()
	if got := read(t, path); got != "1234\n5678\na\n0123456789\nb\n" {
		t.Errorf("after Close: %q", got)
	}
}

func TestBufferedFlushTime(t *testing.T) {
	var m timers
	b, _, path := newBuffered(t, Buffer{Size: 10, Flush: 3 * time.Second, After: m.after})
	defer b.Close()
	write(t, b, "1\n", "2\n")
	if m.started != 1 || m.d != 3*time.Second {
		t.Fatalf("%d timers of %v", m.started, m.d)
	}
	m.f()
	if got := read(t, path); got != "1\n2\n" {
		t.Errorf("%q", got)
	}
	m.f() // nothing to write
	write(t, b, "3\n", "12345678\n")
	if m.started != 3 || m.stopped != 1 {
		t.Errorf("%d timers, %d stopped; want 3, 1", m.started, m.stopped)
	}
	if got := read(t, path); got != "1\n2\n3\n" {
		t.Errorf("%q", got)
	}
}

func TestBufferedReopen(t *testing.T) {
	b, fs, path := newBuffered(t, Buffer{Size: 100})
	defer b.Close()
	write(t, b, "old\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if errs := fs.Reopen(); errs != nil {
		t.Fatal(errs)
	}
	write(t, b, "new\n")
	fs.Flush()
	if read(t, path+".1") != "old\n" || read(t, path) != "new\n" {
		t.Errorf("%q, %q", read(t, path+".1"), read(t, path))
	}
}

func TestBufferedCloseReleases(t *testing.T) {
	b, fs, _ := newBuffered(t, Buffer{})
	b.Close()
	if opened(fs) != 0 {
		t.Error("the file stays open")
	}
}

func TestGzip(t *testing.T) {
	for _, level := range []int{1, 6, 9, 12} {
		b, _, path := newBuffered(t, Buffer{Size: 1000, Gzip: level})
		want := ""
		for range 100 {
			line := strings.Repeat("x", 70) + "\n"
			write(t, b, line)
			want += line
		}
		long := strings.Repeat("y", 3000) + "\n"
		write(t, b, long)
		want += long
		b.Flush()
		got, members := gunzip(t, path)
		b.Close()
		if got != want {
			t.Errorf("level %d: %d bytes; want %d", level, len(got), len(want))
		}
		if members < 3 {
			t.Errorf("level %d: %d members; want one a write", level, members)
		}
	}
}

// gunzip reads a file of gzip members.
func gunzip(t *testing.T, path string) (text string, members int) {
	t.Helper()
	raw := []byte(read(t, path))
	if !bytes.HasPrefix(raw, []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0}) || raw[9] != gzipUnix {
		t.Errorf("head % x", raw[:10])
	}
	r := bytes.NewReader(raw)
	z, err := gzip.NewReader(r)
	for ; err == nil; err = z.Reset(r) {
		z.Multistream(false)
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
		members++
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	return text, members
}

func TestBufferedReports(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	var told []error
	fs := NewFiles()
	b := NewBuffered(openFile(t, fs, "/dev/full"), Buffer{Size: 10, Report: func(err error) { told = append(told, err) }})
	write(t, b, "1\n")
	b.Flush()
	if len(told) != 1 || told[0].Error() != `write() to "/dev/full" failed (28: No space left on device)` {
		t.Error(told)
	}
	b.Close()
}

func TestBufferedAllocatesNothing(t *testing.T) {
	fs := NewFiles()
	b := NewBuffered(openFile(t, fs, "/dev/null"), Buffer{Size: 4096})
	defer b.Close()
	line := bytes.Repeat([]byte("x"), 200)
	if n := testing.AllocsPerRun(1000, func() { _ = b.Write(line) }); n != 0 {
		t.Errorf("Write allocates %v times; want 0", n)
	}
}

// TestBufferedGivesMemoryBack fills a buffer and then hardly uses it.
func TestBufferedGivesMemoryBack(t *testing.T) {
	var m timers
	b, _, _ := newBuffered(t, Buffer{Size: 64 << 10, Flush: time.Second, Gzip: 1, After: m.after})
	defer b.Close()
	for range 2 {
		write(t, b, strings.Repeat("x", 60<<10))
		m.f()
	}
	if n := cap(b.buf) + cap(b.spare); n < 120<<10 {
		t.Errorf("%d bytes of buffers in use", n)
	}
	for range 2 {
		write(t, b, "x\n")
		m.f()
	}
	if n := cap(b.buf) + cap(b.spare) + b.zbuf.Cap(); n > 1<<10 {
		t.Errorf("%d bytes are kept", n)
	}
}
