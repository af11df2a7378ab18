package master

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/cycle"
	"weir/http"
)

// What master and worker say to each other. The worker can ask for two things only, to have the logs opened anew and to be
// believed; a worker that somebody else has taken over gets no file, no address and no right by it.
type kind uint8

const (
	kindLoad   kind = iota + 1 // to the worker: serve this configuration
	kindReopen                 // to the worker: these are the log files now; to the master: let me have them
	kindFiles                  // to the worker: these files have changed
	kindPing                   // to the worker: are your loops alive?
	kindQuit                   // to the worker: finish what you have begun, as at a SIGQUIT
	kindDone                   // to the master: the answer to one of these
)

// A message goes over a channel, with descriptors: first those of Logs, then those of Sockets, then those of Opened.
type message struct {
	Kind    kind
	Serial  uint64 // kindDone has that of what it answers
	Err     string // kindDone: why not; empty: it is done
	Logs    []string
	Sockets []string
	Opened  []string       // files of Load.World
	Load    *order         // kindLoad
	Files   *conf.Recorded // kindFiles
}

// An order is what a worker is to serve.
type order struct {
	Options cycle.Options
	World   conf.Recorded
	// What the process is once and for all; a reload does not change it.
	Main     cycle.MainConf
	Identity *cycle.Identity // nil: as it is
	// Past is what the server has been through.
	Past http.History
}

// A channel is one end of the socket pair. Any goroutine may send; one receives.
type channel struct {
	conn  *net.UnixConn
	mu    sync.Mutex // held while sending
	bytes uint32     // how long a message may be that is received
	files int        // how many descriptors may come with it
}

// most is how many descriptors go with one byte: SCM_MAX_FD of the kernel is 253.
const most = 250

// What a worker takes from its master, and a master from its worker, which has nothing to give and may not be what it was.
const (
	maxMessage = 1 << 30
	maxFiles   = 1 << 20
	maxAnswer  = 64 << 10
)

// errTooMuch is what the other end has no reason to send.
var errTooMuch = errors.New("a message that is too long, or has too many descriptors")

// newChannels makes both ends of a channel; the far one is a file to be given to a child.
func newChannels() (near *channel, far *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair()", err)
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	far = os.NewFile(uintptr(fds[1]), "channel")
	if near, err = newChannel(fds[0]); err != nil {
		_ = far.Close()
		return nil, nil, err
	}
	near.bytes, near.files = maxAnswer, 0
	return near, far, nil
}

// newChannel takes over a descriptor.
func newChannel(fd int) (*channel, error) {
	f := os.NewFile(uintptr(fd), "channel")
	defer func() { _ = f.Close() }()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.New("the channel is no Unix domain socket")
	}
	return &channel{conn: u, bytes: maxMessage, files: maxFiles}, nil
}

// send sends a message with copies of the descriptors. It waits for the other end to read.
//
// The descriptors go with single bytes behind the message. A read that knows how long the message is never comes as far as
// these, and so cannot lose them.
func (c *channel) send(m *message, fds []int) error {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	if err := gob.NewEncoder(&b).Encode(m); err != nil {
		return err
	}
	head := b.Bytes()
	if b.Len() > maxMessage {
		return fmt.Errorf("the configuration is too large: %d bytes", b.Len())
	}
	binary.NativeEndian.PutUint32(head, uint32(b.Len()-8))
	binary.NativeEndian.PutUint32(head[4:], uint32(len(fds)))
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.conn.Write(head); err != nil {
		return err
	}
	for len(fds) > 0 {
		n := min(len(fds), most)
		if _, _, err := c.conn.WriteMsgUnix([]byte{0}, unix.UnixRights(fds[:n]...), nil); err != nil {
			return err
		}
		fds = fds[n:]
	}
	return nil
}

// receive waits for a message. The descriptors are the caller's.
func (c *channel) receive() (*message, []int, error) {
	var head [8]byte
	if _, err := io.ReadFull(c.conn, head[:]); err != nil {
		return nil, nil, err
	}
	size, count := binary.NativeEndian.Uint32(head[:]), int(binary.NativeEndian.Uint32(head[4:]))
	if size > c.bytes || count > c.files {
		return nil, nil, errTooMuch
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(c.conn, body); err != nil {
		return nil, nil, err
	}
	fds, err := c.receiveFiles(count)
	if err != nil {
		return nil, nil, err
	}
	m := new(message)
	if err := gob.NewDecoder(bytes.NewReader(body)).Decode(m); err != nil {
		closeAll(fds)
		return nil, nil, err
	}
	return m, fds, nil
}

// receiveFiles takes the descriptors behind a message.
func (c *channel) receiveFiles(count int) ([]int, error) {
	var fds []int
	oob := make([]byte, unix.CmsgSpace(4*most))
	var b [1]byte
	for len(fds) < count {
		n, oobn, flags, _, err := c.conn.ReadMsgUnix(b[:], oob)
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		var got []int
		if err == nil {
			got, err = rightsOf(oob[:oobn])
			fds = append(fds, got...)
		}
		if err == nil && (len(got) == 0 || flags&unix.MSG_CTRUNC != 0) {
			err = errors.New("descriptors were lost: is the limit of open files reached?")
		}
		if err != nil {
			closeAll(fds)
			return nil, err
		}
	}
	return fds, nil
}

// rightsOf are the descriptors in a control message.
func rightsOf(oob []byte) (fds []int, err error) {
	parts, err := unix.ParseSocketControlMessage(oob)
	for i := range parts {
		more, err := unix.ParseUnixRights(&parts[i])
		if err != nil {
			return fds, err
		}
		fds = append(fds, more...)
	}
	return fds, err
}

func (c *channel) close() { _ = c.conn.Close() }

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// duplicate copies a descriptor, so that it lives until it is sent.
func duplicate(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}
