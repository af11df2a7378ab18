package filter

import (
	"math/rand/v2"
	"testing"

	"weir/http"
)

// TestFormsAreBounded puts forms at random and sees that those used last are kept, within their memory.
func TestFormsAreBounded(t *testing.T) {
	random := rand.New(rand.NewPCG(1, rand.Uint64()))
	s := newForms(100 * (1000 + formCost))
	for range 3000 {
		k := formKey{http.FileID{Inode: random.Int64N(300)}, 1}
		f, wait, mine := s.find(k)
		switch {
		case wait != nil:
			t.Fatal("nobody else makes forms here")
		case mine:
			s.put(f, make([]byte, 1+random.IntN(1000)))
		}
		if again, _, mine := s.find(k); mine || again.text == nil {
			t.Fatal("what was used last is not there")
		}
		if s.size > s.limit || len(s.byKey) != s.recent.Len() {
			t.Fatalf("%d bytes of %d in %d forms, %d in the list", s.size, s.limit, len(s.byKey), s.recent.Len())
		}
	}
}

// TestFormsAreMadeOnce sees that whoever asks meanwhile waits for the one that makes a form, also if that fails.
func TestFormsAreMadeOnce(t *testing.T) {
	s := newForms(1 << 20)
	k := formKey{http.FileID{Inode: 1}, 1}
	f, _, mine := s.find(k)
	other, wait, again := s.find(k)
	if !mine || again || other != f || wait == nil {
		t.Fatalf("%v %v %v", mine, again, wait)
	}
	s.put(f, nil)
	if other.text != nil || len(s.byKey) != 0 || s.size != 0 {
		t.Error("a form that could not be made is there")
	}
	f, _, mine = s.find(k)
	if !mine {
		t.Fatal("it is not made again")
	}
	s.put(f, []byte("text"))
	if f, wait, mine := s.find(k); mine || wait != nil || string(f.text) != "text" {
		t.Error("it is not there")
	}
	huge, _, _ := s.find(formKey{http.FileID{Inode: 2}, 1})
	s.put(huge, make([]byte, 2<<20))
	if string(huge.text[:1]) != "\x00" || s.size > s.limit {
		t.Errorf("a form larger than the memory: %d bytes in it", s.size)
	}
}
