package content

import (
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"testing"

	"weir/disk"
)

func newMemory() *memory { return &memory{seed: maphash.MakeSeed()} }

func TestMemoryAdmitsAtTheSecondReading(t *testing.T) {
	m := newMemory()
	const now = int64(10e9)
	old := disk.Info{Size: 10, Ctime: disk.Moment{Sec: 9}}
	for _, c := range []struct {
		name string
		info disk.Info
		want [2]bool
	}{
		{"small", old, [2]bool{false, true}},
		{"largest", disk.Info{Size: maxBody}, [2]bool{false, true}},
		{"too large", disk.Info{Size: maxBody + 1}, [2]bool{false, false}},
		{"changed just now", disk.Info{Size: 10, Ctime: disk.Moment{Sec: 9, Nsec: 999e6}}, [2]bool{false, false}},
		{"changed in the future", disk.Info{Size: 10, Ctime: disk.Moment{Sec: 11}}, [2]bool{false, false}},
	} {
		got := [2]bool{m.wants([]byte(c.name), &c.info, now), m.wants([]byte(c.name), &c.info, now)}
		if got != c.want {
			t.Errorf("%s: wanted %v; want %v", c.name, got, c.want)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := newMemory()
	hot := []byte("/hot")
	m.put(hot, &disk.Info{Size: 9}, []byte("hot stuff"))
	body := make([]byte, maxBody)
	for i := range 4 * memoryTotal / maxBody {
		if m.get(hot) == nil {
			t.Fatalf("a file in use was pushed out by file %d", i)
		}
		m.put(fmt.Appendf(nil, "/cold/%d", i), &disk.Info{Size: maxBody}, body)
	}
	total, files := 0, 0
	for i := range m.shards {
		s := &m.shards[i]
		listed := 0
		for k := range s.lists {
			for f := s.lists[k].Load(); f != nil; f = f.next.Load() {
				listed++
			}
		}
		if listed != len(s.ring) {
			t.Errorf("shard %d: %d files, %d in its ring", i, listed, len(s.ring))
		}
		for k, f := range s.ring {
			if f.place != k || m.get([]byte(f.path)) != f {
				t.Errorf("shard %d: %s is not in place", i, f.path)
			}
			total -= f.cost()
		}
		total += s.size
		files += len(s.ring)
		if s.size > memoryTotal/memoryShards {
			t.Errorf("shard %d holds %d bytes", i, s.size)
		}
	}
	if total != 0 {
		t.Errorf("the count of bytes is off by %d", total)
	}
	if files < memoryTotal/maxBody/2 {
		t.Errorf("only %d files are kept", files)
	}
}

func TestMemoryReplacesAndDrops(t *testing.T) {
	m := newMemory()
	p := []byte("/f")
	first := m.put(p, &disk.Info{Ino: 1}, []byte("one"))
	second := m.put(p, &disk.Info{Ino: 2}, []byte("two"))
	if m.match(p, &first.info) != nil || m.match(p, &second.info) != second {
		t.Error("the newer content does not replace the older")
	}
	m.drop(first) // too late: it is gone
	if m.get(p) != second {
		t.Error("dropping the older content took the newer")
	}
	m.drop(second)
	s, _ := m.shard(p)
	if m.get(p) != nil || s.size != 0 || len(s.ring) != 0 {
		t.Error("dropped content is still counted")
	}
}

func TestMemoryIsReadWhileItChanges(t *testing.T) {
	m := newMemory()
	hot := []byte("/hot")
	kept := m.put(hot, &disk.Info{Size: 9}, []byte("hot stuff"))
	var readers sync.WaitGroup
	var stop atomic.Bool
	for range 4 {
		readers.Go(func() {
			for !stop.Load() {
				if m.get(hot) != kept {
					t.Error("a file in use is not found")
					return
				}
				m.get([]byte("/cold/17"))
			}
		})
	}
	body := make([]byte, maxBody)
	for i := range 4 * memoryTotal / maxBody {
		kept.used.Store(true) // the readers may not have had their turn
		m.drop(m.put(fmt.Appendf(nil, "/cold/%d", i%50), &disk.Info{Size: maxBody}, body))
		m.put(fmt.Appendf(nil, "/cold/%d", i), &disk.Info{Size: maxBody}, body)
	}
	stop.Store(true)
	readers.Wait()
}
