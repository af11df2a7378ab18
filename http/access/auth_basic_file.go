package access

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"weir/disk"
	"weir/loop"
)

// userFiles are the password files of a configuration that were read, as long as they are what they were. Any goroutine.
type userFiles struct {
	secret [32]byte // of this process: what a password that was right is remembered by
	tokens chan struct{}

	mu    sync.Mutex
	files map[string]*userFile
}

const (
	maxUserFiles = 64      // more are read at every request: their names come from variables
	maxUserFile  = 4 << 20 // a larger file is searched on disk
)

// A userFile is a file in memory.
type userFile struct {
	is   disk.Info // what identifies the content
	text []byte

	mu    sync.Mutex
	right map[string][sha256.Size]byte // by user: the password that was right last, with the secret
}

// begin makes them ready, at load. Half as many hashes as there are loops are worked out at once, for the loops need processors, too.
func (f *userFiles) begin(loops int) {
	if f.files == nil {
		_, _ = rand.Read(f.secret[:])
		f.files = map[string]*userFile{}
		f.tokens = make(chan struct{}, max(1, loops/2))
	}
}

// A check holds a name and a password against a file. Its functions may block: they are for goroutines.
type check struct {
	path, user, password string
	files                *userFiles

	opened  bool
	err     error // the file cannot be read
	file    *userFile
	found   []byte // the hash of the user
	unfit   error  // it is no hash that can be worked out
	slow    bool   // it takes long: hash is to be called
	matches bool
	done    loop.Signal
	left    atomic.Bool // nobody waits for the hash any more
}

// find looks the user up, and compares the password if that is quickly done.
func (c *check) find() {
	if c.err = c.open(); c.err != nil || c.found == nil {
		return
	}
	switch quick := quickHash(c.found); {
	case quick:
		c.matches, c.unfit = matchPassword(c.found, c.password)
	case c.remembered():
		c.matches = true
	default:
		c.slow = true
	}
}

// open finds the line of the user.
func (c *check) open() error {
	fd, is, err := disk.OpenBlocking(c.path)
	if err != nil {
		return err
	}
	defer fd.Close()
	c.opened = true
	if is.Size > maxUserFile || !is.IsRegular() {
		c.found, err = searchUser(fd, c.user)
		return err
	}
	if c.file = c.files.get(c.path, &is); c.file == nil {
		text, err := io.ReadAll(io.LimitReader(fd, maxUserFile))
		if err != nil {
			return err
		}
		c.file = &userFile{is: is, text: text, right: map[string][sha256.Size]byte{}}
		c.files.put(c.path, c.file)
	}
	c.found = findUser(c.file.text, c.user)
	return nil
}

// get returns a file that is in memory, and unchanged on disk.
func (f *userFiles) get(path string, is *disk.Info) *userFile {
	f.mu.Lock()
	defer f.mu.Unlock()
	have := f.files[path]
	if have == nil || have.is != *is {
		return nil
	}
	return have
}

func (f *userFiles) put(path string, file *userFile) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files[path] == nil && len(f.files) >= maxUserFiles {
		for other := range f.files {
			delete(f.files, other)
			break
		}
	}
	f.files[path] = file
}

// hash works the hash out, when it is its turn, and tells the task that waits. Who has left meanwhile costs no more: else clients that
// ask and go, again and again, would hold up all that stay.
func (c *check) hash() {
	defer c.done.Fire()
	c.files.tokens <- struct{}{}
	defer func() { <-c.files.tokens }()
	if c.left.Load() {
		return
	}
	if c.matches, c.unfit = matchPassword(c.found, c.password); c.matches {
		c.remember()
	}
}

// mark is what a password is remembered by: nobody can tell the password from it.
func (c *check) mark() [sha256.Size]byte {
	h := sha256.New()
	h.Write(c.files.secret[:])
	h.Write(c.found)
	h.Write([]byte{0})
	h.Write([]byte(c.password))
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return sum
}

// remember keeps in mind that the password was right, so that the next request with it costs no hash. The file's change ends it.
func (c *check) remember() {
	if f := c.file; f != nil {
		f.mu.Lock()
		f.right[c.user] = c.mark()
		f.mu.Unlock()
	}
}

func (c *check) remembered() bool {
	f := c.file
	if f == nil {
		return false
	}
	f.mu.Lock()
	have, ok := f.right[c.user]
	f.mu.Unlock()
	mark := c.mark()
	return ok && subtle.ConstantTimeCompare(have[:], mark[:]) == 1
}

// findUser returns the hash of a user: what is between the first two colons of the first line that begins with the name. nil if there
// is none.
func findUser(text []byte, user string) []byte {
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte("\n"))
		if hash := userOf(line, user); hash != nil {
			return hash
		}
	}
	return nil
}

// userOf returns the hash in a line if it is the user's.
func userOf(line []byte, user string) []byte {
	if len(line) <= len(user) || line[0] == '#' || line[len(user)] != ':' || string(line[:len(user)]) != user {
		return nil
	}
	hash := line[len(user)+1:]
	if i := bytes.IndexAny(hash, "\r:"); i >= 0 {
		hash = hash[:i]
	}
	return cutNUL(hash[:len(hash):len(hash)])
}

// maxUserLine is how long a line may be in a file that is searched on disk; what is behind belongs to no user.
const maxUserLine = 8 << 10

// searchUser is findUser for a large file.
func searchUser(f *os.File, user string) ([]byte, error) {
	buf := make([]byte, 64<<10)
	fill, skip := 0, false
	for {
		n, err := f.Read(buf[fill:])
		fill += n
		rest := buf[:fill]
		for {
			line, after, ended := bytes.Cut(rest, []byte("\n"))
			if !ended && err == nil && len(line) < maxUserLine {
				break
			}
			if !skip {
				if hash := userOf(line, user); hash != nil {
					return bytes.Clone(hash), nil
				}
			}
			skip = !ended
			if rest = after; !ended {
				break
			}
		}
		fill = copy(buf, rest)
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
