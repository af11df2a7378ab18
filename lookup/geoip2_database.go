package lookup

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2/mmdbdata"

	"weir/disk"
	"weir/load"
	"weir/logs"
)

// A database is a file in MaxMind's format, which may be replaced by a newer one. Any goroutine.
type database struct {
	path     string
	interval time.Duration // how often to look for a newer one; 0: never

	current atomic.Pointer[edition]
	seen    disk.Info    // the file that was last opened, whatever came of it; for who opens it
	checked atomic.Int64 // when it was last looked at, and
	changed atomic.Int64 // of when it is; both in seconds since 1970
}

// An edition of a database is one file.
type edition struct {
	file   *disk.Mapped
	reader *maxminddb.Reader
}

var errCut = errors.New("the file was cut short while it was opened")

// openEdition reads what a file says of itself.
func openEdition(f *os.File) (*edition, error) {
	m, err := disk.MapBlocking(f)
	if err != nil {
		return nil, err
	}
	e := &edition{file: m}
	if whole := m.Read(func() { e.reader, err = maxminddb.OpenBytes(m.Bytes(), maxminddb.DisableStringCache()) }); !whole {
		err = errCut
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// open begins with a file.
func (db *database) open(f *os.File) error {
	e, err := openEdition(f)
	if err != nil {
		return err
	}
	if err := disk.StatFD(int(f.Fd()), &db.seen); err != nil {
		return err
	}
	now := time.Now().Unix()
	db.checked.Store(now)
	db.changed.Store(now)
	db.current.Store(e)
	return nil
}

// built is when the database was made, in seconds since 1970.
func (db *database) built() int64 { return int64(db.current.Load().reader.Metadata.BuildEpoch) }

// watch takes newer files in the place of the one that is there.
func (db *database) watch(j *load.Job, log *logs.Logger) {
	for j.Sleep(db.interval) == nil {
		var level logs.Level
		var said string
		j.Task().Await(func() { level, said = db.renew() })
		if said != "" {
			log.LogString(level, 0, said)
		}
	}
}

// renew looks whether there is another file than the one that was opened last, off the loop.
func (db *database) renew() (level logs.Level, said string) {
	db.checked.Store(time.Now().Unix())
	f, info, err := disk.OpenBlocking(db.path)
	if err != nil {
		return logs.Emerg, fmt.Sprintf("open() \"%s\" failed %s", db.path, logs.AppendErrno(nil, err))
	}
	defer func() { _ = f.Close() }()
	if info == db.seen {
		return 0, ""
	}
	db.seen = info
	e, err := openEdition(f)
	if err != nil {
		return logs.Error, fmt.Sprintf("MMDB_open(\"%s\") failed to reload - %v", db.path, err)
	}
	db.changed.Store(info.Mtime.Sec)
	db.current.Store(e)
	return logs.Info, fmt.Sprintf("Reload MMDB \"%s\"", db.path)
}

// find returns the value at the end of a path in the record of an address, as text. It may be used as long as the caller likes.
func (db *database) find(a netip.Addr, path []string) (value []byte, ok bool) {
	e := db.current.Load()
	w := walk{path: path}
	whole := e.file.Read(func() {
		found := e.reader.Lookup(a)
		ok = found.Found() && found.Decode(&w) == nil && w.found
	})
	runtime.KeepAlive(e)
	return w.value, ok && whole
}

// A walk goes along a path in a record: keys of maps, numbers of elements of lists.
type walk struct {
	path  []string
	value []byte
	found bool
}

// UnmarshalMaxMindDBCursor reads a record.
func (w *walk) UnmarshalMaxMindDBCursor(record mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	at, ok := record, true
	for _, step := range w.path {
		if at, ok = into(at, step); !ok {
			break
		}
	}
	if ok {
		w.value, w.found = textOf(at)
	}
	return record.Skip()
}

// into is what stands in a map under a key, or in a list at a number; negative ones are from its end.
func into(at mmdbdata.Cursor, step string) (mmdbdata.Cursor, bool) {
	kind, err := at.Kind()
	if err != nil {
		return at, false
	}
	switch kind {
	case mmdbdata.KindMap:
		m, err := at.Map()
		if err != nil {
			return at, false
		}
		for key, value, more := m.Next(mmdbdata.Cursor{}); more; {
			if string(key) == step {
				return value, true
			}
			next, err := value.Skip()
			if err != nil {
				return at, false
			}
			key, value, more = m.Next(next)
		}
	case mmdbdata.KindSlice:
		s, err := at.Slice()
		if err != nil {
			return at, false
		}
		size, err := s.Size()
		want, bad := strconv.Atoi(step)
		if err != nil || bad != nil {
			return at, false
		}
		if want < 0 {
			want += int(size)
		}
		for i, value, more := s.Next(mmdbdata.Cursor{}); more; {
			if int(i) == want {
				return value, true
			}
			next, err := value.Skip()
			if err != nil {
				return at, false
			}
			i, value, more = s.Next(next)
		}
	}
	return at, false
}

// textOf is a value as text: numbers in decimal, of fractions five digits. Maps and lists are none.
func textOf(at mmdbdata.Cursor) (text []byte, ok bool) {
	kind, err := at.Kind()
	if err != nil {
		return nil, false
	}
	switch kind {
	case mmdbdata.KindString:
		var s string
		s, _, err = at.ReadString()
		text = []byte(s)
	case mmdbdata.KindBytes:
		var b []byte
		b, _, err = at.ReadBytes()
		text = append([]byte{}, b...)
	case mmdbdata.KindBool:
		var b bool
		if b, _, err = at.ReadBool(); b {
			text = []byte("1")
		} else {
			text = []byte("0")
		}
	case mmdbdata.KindFloat32, mmdbdata.KindFloat64:
		var f float64
		f, _, err = at.ReadFloat()
		text = strconv.AppendFloat(nil, f, 'f', 5, 64)
	case mmdbdata.KindInt32:
		var n int32
		n, _, err = at.ReadInt32()
		text = appendInt(nil, int64(n))
	case mmdbdata.KindUint16, mmdbdata.KindUint32, mmdbdata.KindUint64:
		var n uint64
		n, _, err = at.ReadUint()
		text = strconv.AppendUint(nil, n, 10)
	case mmdbdata.KindUint128:
		var high, low uint64
		high, low, _, err = at.ReadUint128()
		text = fmt.Appendf(nil, "0x%016x%016x", high, low)
	default:
		return nil, false
	}
	return text, err == nil
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }
