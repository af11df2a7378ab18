package filter

import (
	"bytes"
	"container/list"
	"sync"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/loop"
)

// cacheConf says of one block whether forms of static files are kept.
type cacheConf struct {
	on    bool
	total int64
}

// CompressCache is a module of weir's own: what the codings make of static files is kept.
var CompressCache = http.Define(http.Spec[cacheConf]{
	Name: "http_compress_cache",
	Doc:  "Keeps in memory what `gzip`, `brotli` and `zstd` make of static files and of cached responses, so that nothing is compressed twice. A module of weir's own.",
	Directives: []conf.Directive[cacheConf]{
		{
			Name: "compress_cache", In: codingPlaces, Syntax: "on | off", Default: "on",
			Doc: `Whether the compressed forms of static files, and of responses that a cache answers, of up to 4 MB are kept in memory. They are known by what the file system says of a file (device, inode,
size, times), so that a changed file is compressed anew; what no filter before has changed, as ssi or sub_filter do, is kept.
nginx has no such directive.`,
			Example: "compress_cache off;",
			Set:     conf.Flag(func(c *cacheConf) *bool { return &c.on }),
		},
		{
			Name: "compress_cache_size", In: conf.HTTP, Syntax: "<size>", Default: "64m",
			Doc: "How much memory compressed files may take, all together; those used least recently make room. nginx has no such directive.",
			Set: conf.Size(func(c *cacheConf) *int64 { return &c.total }),
		},
	},
	Install: func(c *cacheConf, in *http.Install) error {
		common := http.Of[codingCommon](in.Builder)
		common.cached = nil
		if !c.on {
			return nil
		}
		if common.forms == nil {
			common.forms = newForms(c.total)
		}
		common.cached = common.forms
		return nil
	},
})

// forms are compressed static files, kept in memory for all loops: no file is compressed twice in the same way as long as it stays what
// it is and there is room. What is used least recently makes room.
type forms struct {
	mu     sync.Mutex
	byKey  map[formKey]*form
	recent list.List // of *form, those that are made; the one used last in front
	size   int64
	limit  int64
}

// formKey says what a form is of: a state of a file, and a coding with its settings.
type formKey struct {
	file   http.FileID
	coding uint32
}

// A form is a file, compressed. The fields above the line are under the lock of forms; the text does not change once it is made.
type form struct {
	key     formKey
	made    bool
	gone    bool // it could not be made
	waiting []*loop.Signal
	place   *list.Element

	text []byte
}

const (
	// formSource is how large a file may be of which a form is kept.
	formSource = 4 << 20
	// formCost is what a form takes besides its text.
	formCost = 320
	// formSettled is how old a change of a file must be, in nanoseconds: file systems stamp changes with a clock that ticks every
	// 1 to 10 ms, so that another change might not show.
	formSettled = 50e6
)

func newForms(limit int64) *forms { return &forms{byKey: map[formKey]*form{}, limit: limit} }

// find returns a form that is made; or one that another request makes, and a signal for when it is; or a new one, which the caller
// must make.
func (s *forms) find(k formKey) (f *form, wait *loop.Signal, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f = s.byKey[k]
	switch {
	case f == nil:
		f = &form{key: k}
		s.byKey[k] = f
		return f, nil, true
	case f.made:
		s.recent.MoveToFront(f.place)
		return f, nil, false
	}
	wait = &loop.Signal{}
	f.waiting = append(f.waiting, wait)
	return f, wait, false
}

// put has the text of a form; nil if it could not be made. Whoever waits for it goes on.
func (s *forms) put(f *form, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range f.waiting {
		w.Fire()
	}
	f.waiting = nil
	if text == nil {
		f.gone = true
		delete(s.byKey, f.key)
		return
	}
	f.text, f.made = text, true
	f.place = s.recent.PushFront(f)
	s.size += f.cost()
	for s.size > s.limit {
		old := s.recent.Remove(s.recent.Back()).(*form)
		delete(s.byKey, old.key)
		s.size -= old.cost()
	}
}

func (f *form) cost() int64 { return int64(cap(f.text)) + formCost }

// fromMemory answers with the form of a static file: the one that is kept, or one that is made now. It says false if there can be
// none, and the body is to be compressed as any other.
func (b *codedBody) fromMemory(r *http.Request, i int, p []http.Piece, f http.Flags) (bool, error) {
	id := b.whole
	b.whole = http.FileID{}
	var size int64
	for k := range p {
		size += p[k].Size()
	}
	if f&http.Last == 0 || size != id.Size || size > formSource || r.Loop().Wall().UnixNano()-id.Changed < formSettled {
		return false, nil
	}
	made, wait, mine := b.forms.find(formKey{id, b.coding.number})
	switch {
	case mine:
		b.make(r, made, p)
	case wait != nil:
		if r.Task.Poll(&loop.Wait{Signal: wait}) != nil {
			return false, nil
		}
	}
	if made.text == nil {
		return false, nil
	}
	giveAll(r, p)
	b.in, b.out = size, int64(len(made.text))
	b.pieces = append(b.pieces[:0], http.Mem(made.text))
	return true, r.PassBody(i+1, b.pieces, f)
}

// make makes a form, apart from the loop, for it is all of a file at once.
func (b *codedBody) make(r *http.Request, made *form, p []http.Piece) {
	var text []byte
	defer func() { b.forms.put(made, text) }() // also after a panic: others may wait
	if b.begin(r) != nil {
		return
	}
	w := b.run
	b.coding.common.slots.await(r.Task, func() {
		if encodeAll(w, p) == nil {
			text = bytes.Clone(w.out)
		}
	})
	b.end()
}

// encodeAll compresses pieces. Any goroutine.
func encodeAll(w *running, p []http.Piece) error {
	var buf []byte
	for k := range p {
		if p[k].Len == 0 {
			if _, err := w.enc.Write(p[k].B); err != nil {
				return err
			}
			continue
		}
		if buf == nil {
			buf = make([]byte, 2*codingSlice)
		}
		for off, end := p[k].Off, p[k].Off+p[k].Len; off < end; {
			n, err := disk.ReadBlocking(p[k].FD, buf[:min(int64(len(buf)), end-off)], off)
			if err != nil {
				return err
			}
			if _, err := w.enc.Write(buf[:n]); err != nil {
				return err
			}
			off += int64(n)
		}
	}
	return w.enc.Close()
}
