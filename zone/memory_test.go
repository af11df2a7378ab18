package zone

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// learn writes something down of a key.
func (t *Table[V]) learn(key int64, what V) {
	id := t.id(key)
	row := t.Lock(id)
	v := row.Use(id)
	if v == nil {
		v = row.Add(id)
	}
	*v = what
	t.Unlock(id)
}

func (t *Table[V]) knows(key int64) bool {
	id := t.id(key)
	defer t.Unlock(id)
	return t.Lock(id).Look(id) != nil
}

// fileMemory is how much memory, or disk, a file takes.
func fileMemory(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}

// TestMemory follows zones over the deaths of processes and over reloads.
func TestMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "memory")
	_, first := someTable(t, path, 1<<20)
	first.learn(1, value{key: 1})

	if _, tab := someTable(t, path, 1<<20); !tab.knows(1) || tab.knows(2) { // the process has died
		t.Error("the next process does not know what is known")
	}
	g, tab := someTable(t, path, 2<<20)
	if tab.knows(1) {
		t.Error("a zone of another size knows something")
	}
	tab.learn(2, value{key: 2})
	if again := declare(t, g, "one", 2<<20); again != tab {
		t.Error("a reload has made another table")
	}

	// A configuration that comes to nothing leaves nothing.
	s := g.Begin()
	_, _ = State(mustDeclare(t, s, "two", 1<<20, "test"), func(size int64) *Table[value] {
		t := NewTable[value](size, "$key")
		return &t
	})
	if err := g.Ready(s); err != nil {
		t.Fatal(err)
	}
	g.Undo(s)
	if n := len(g.memory.taken); n != 1 {
		t.Errorf("%d tables are in use", n)
	}

	// A zone that a configuration does not name is forgotten, though it comes again.
	two := declare(t, g, "two", 1<<20)
	if tab.learn(3, value{key: 3}); !tab.knows(2) {
		t.Error("who still uses the old configuration has lost its zone")
	}
	two.learn(2, value{key: 2})
	if one := declare(t, g, "one", 2<<20); one == tab || one.knows(2) {
		t.Error("a zone that was gone knows something")
	}
	g, tab = someTable(t, path, 2<<20)
	if tab.knows(2) {
		t.Error("a zone that was gone knows something in the next process")
	}
	if two := declare(t, g, "two", 1<<20); two.knows(2) {
		t.Error("a zone that was gone knows something in the next process but one")
	}
}

// TestMemoryIsGivenBack: what is not touched takes none, and what is not used any more takes none in the end.
func TestMemoryIsGivenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "memory")
	g, tab := someTable(t, path, 64<<20)
	if n := fileMemory(t, path); n > 128<<10 {
		t.Errorf("%d bytes for a zone that was not used", n)
	}
	for key := range int64(10_000) {
		tab.learn(key, value{key: key})
	}
	full := fileMemory(t, path)
	if full < 1<<20 {
		t.Errorf("%d bytes for a zone with 10,000 keys", full)
	}
	tab = declare(t, g, "two", 64<<20)
	for n := 0; fileMemory(t, path) >= full; n++ {
		if n > 1000 {
			t.Fatalf("%d bytes, and %d when the zone was in use", fileMemory(t, path), full)
		}
		runtime.GC()
	}
	for key := range int64(10_000) {
		tab.learn(key, value{key: key})
	}
	_, _ = someTable(t, path, 64<<20) // which has no use for "two"
	if n := fileMemory(t, path); n > 128<<10 {
		t.Errorf("%d bytes for what the process before has left", n)
	}
	runtime.KeepAlive(tab)
}

// TestBeside has a process begin while another serves: it knows what that one knew, and then they go their own ways.
func TestBeside(t *testing.T) {
	dir := t.TempDir()
	_, old := someTable(t, filepath.Join(dir, "old"), 1<<20)
	for key := range int64(100) {
		old.learn(key, value{key: key})
	}
	m, err := OpenMemory(someFile(t, filepath.Join(dir, "new")), someFile(t, filepath.Join(dir, "old")))
	if err != nil {
		t.Fatal(err)
	}
	tab := declare(t, NewRegistry(m), "one", 1<<20)
	for key := range int64(100) {
		if !tab.knows(key) {
			t.Fatalf("key %d is not known", key)
		}
	}
	tab.learn(1000, value{})
	old.learn(2000, value{})
	if old.knows(1000) || tab.knows(2000) {
		t.Error("two processes have one table")
	}
	if err := os.WriteFile(filepath.Join(dir, "nonsense"), make([]byte, 2*dirBytes), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nonsense", "empty"} {
		m, err := OpenMemory(someFile(t, filepath.Join(dir, "new for "+name)), someFile(t, filepath.Join(dir, name)))
		if err != nil {
			t.Fatal(err)
		}
		if tab := declare(t, NewRegistry(m), "one", 1<<20); tab.knows(1) {
			t.Errorf("%s: something is known", name)
		}
	}
}

// TestDamagedDirectory opens files with anything in their directory: nothing is believed that could do harm.
func TestDamagedDirectory(t *testing.T) {
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 1))
	path := filepath.Join(dir, "memory")
	_, tab := someTable(t, path, 1<<20)
	tab.learn(1, value{})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 60 {
		for range 1 + rnd.IntN(4) {
			whole[rnd.IntN(256)] = byte(rnd.Uint32())
		}
		if rnd.IntN(10) == 0 {
			whole = whole[:rnd.IntN(len(whole))]
			whole = append(whole, make([]byte, 256)...)
		}
		path := filepath.Join(dir, fmt.Sprint(n)) // nobody cuts off a file that a process has mapped
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		g, tab := someTable(t, path, 1<<20)
		for key := range int64(100) {
			tab.learn(key, value{})
		}
		declare(t, g, "two", 1<<20)
	}
}

// TestManyZones fills the directory: the zones that have no room in it end with the process.
func TestManyZones(t *testing.T) {
	path := filepath.Join(t.TempDir(), "memory")
	g, _ := someTable(t, path, 1<<20)
	*g.memory.used = uint64(slots)
	for i := range g.memory.slots {
		g.memory.slots[i].sum[0] = 1
	}
	tab := declare(t, g, "two", 1<<20)
	if tab.learn(1, value{}); !tab.knows(1) {
		t.Error("nothing is kept")
	}
	declare(t, g, "three", 1<<20)
}
