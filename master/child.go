package master

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"weir/http"
	"weir/logs"
)

// WorkerMark is the environment variable by which a process knows that it is a worker: the number of its channel's
// descriptor, and behind it those of what it remembers by (memory.go).
const WorkerMark = "WEIR_WORKER"

// A child is a process that the master has started and will hear of when it ends.
type child struct {
	process process
	pid     int
	since   time.Time

	// of a worker
	zones   *os.File // in which its zones lie; nil: they end with it
	ch      *channel
	outbox  chan parcel
	ready   bool                   // it serves
	ending  bool                   // it was told to end
	pending map[uint64]func(error) // who waits for which answer
	serial  uint64
}

// A parcel is a message on its way to a worker. The descriptors are its own.
type parcel struct {
	m   *message
	fds []int
}

// start starts a process; what it ends with comes to gone, on the master's goroutine.
func (m *Master) start(cmd *exec.Cmd, gone func(*child, ending)) (*child, error) {
	p, err := m.machine.start(cmd)
	if err != nil {
		return nil, err
	}
	c := &child{process: p, pid: p.pid(), since: m.machine.now()}
	go func() {
		e := p.wait()
		m.post(func() { gone(c, e) })
	}()
	return c, nil
}

// startWorker starts a worker process, which waits for its first order.
func (m *Master) startWorker(next *loaded) (*child, error) {
	near, far, err := newChannels()
	if err != nil {
		return nil, err
	}
	defer func() { _ = far.Close() }()
	cmd := exec.Command(m.selfPath())
	cmd.Args = []string{workerTitle, titleRoom}
	cmd.ExtraFiles = []*os.File{far}
	left := m.remembranceFor()
	cmd.Env = append(m.childEnv(next), WorkerMark+"=3"+left.mark(&cmd.ExtraFiles))
	cmd.Stdout, cmd.Stderr = os.Stdout, m.stderr(next)
	w, err := m.start(cmd, m.workerGone)
	if err != nil {
		near.close()
		m.dropZones(left.zones)
		return nil, err
	}
	w.zones = left.zones
	w.ch, w.outbox, w.pending = near, make(chan parcel, 64), map[uint64]func(error){}
	m.log(logs.Notice, "start worker process %d", w.pid)
	go w.write()
	go m.listenTo(w)
	return w, nil
}

// selfPath is the program that the master itself is, even when its file was replaced meanwhile.
func (m *Master) selfPath() string {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	return m.Program
}

// childEnv is the environment of a worker: what the configuration names, and what steers the Go runtime.
func (m *Master) childEnv(next *loaded) []string {
	env := next.outline.Main.Environment(m.environ)
	for _, e := range m.environ {
		for _, name := range []string{"GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG", "GOTRACEBACK", "GORACE", "GOCOVERDIR"} {
			if strings.HasPrefix(e, name+"=") {
				env = append(env, e)
			}
		}
	}
	return env
}

// stderr is where a child's last words go: in the background, to the error log.
func (m *Master) stderr(next *loaded) *os.File {
	if !m.Background {
		return os.Stderr
	}
	return next.lastWords
}

// write sends what is in the outbox until it is closed.
func (w *child) write() {
	var broken bool
	for p := range w.outbox {
		if !broken && w.ch.send(p.m, p.fds) != nil {
			broken = true // its end will be noticed
		}
		closeAll(p.fds)
	}
}

// listenTo brings what the worker says to the master's goroutine.
func (m *Master) listenTo(w *child) {
	for {
		msg, _, err := w.ch.receive()
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET):
			return // its end will be noticed
		case err != nil:
			m.post(func() {
				m.log(logs.Alert, "worker process %d says what makes no sense and is killed: %v", w.pid, err)
				w.signal(syscall.SIGKILL)
			})
			return
		}
		m.post(func() { m.heard(w, msg) })
	}
}

// heard obeys a worker.
func (m *Master) heard(w *child, msg *message) {
	switch msg.Kind {
	case kindDone:
		if f := w.pending[msg.Serial]; f != nil {
			delete(w.pending, msg.Serial)
			if msg.Err != "" {
				f(errors.New(msg.Err))
			} else {
				f(nil)
			}
		}
	case kindReopen:
		m.reopen()
	}
}

// tell sends a message; answered, which may be nil, gets the answer, or why there is none, later. It copies the descriptors; if
// it cannot, nothing was sent.
func (w *child) tell(msg *message, fds []int, answered func(error)) error {
	own := make([]int, 0, len(fds))
	for _, fd := range fds {
		d, err := duplicate(fd)
		if err != nil {
			closeAll(own)
			return fmt.Errorf("fcntl(F_DUPFD_CLOEXEC) failed %s", logs.AppendErrno(nil, err))
		}
		own = append(own, d)
	}
	w.serial++
	msg.Serial = w.serial
	if answered != nil {
		w.pending[msg.Serial] = answered
	}
	select {
	case w.outbox <- parcel{msg, own}:
	default: // it does not read any more: whoever waits will learn it when it ends
		closeAll(own)
	}
	return nil
}

// orderPatience is how long a worker may take to serve what it was told to. One with 10,000 servers needs a second.
const orderPatience = time.Minute

// order has a worker serve a configuration. A worker that does not answer is killed and, as any that dies, replaced: else it
// would stand in the way of every reload and upgrade to come.
func (m *Master) order(w *child, next *loaded, sockets []*socket, answered func(error)) {
	if next.generation == 0 {
		next.generation, next.since = m.cur.generation+1, m.machine.now()
	}
	msg, fds := next.order(sockets)
	msg.Load.Past = http.History{Generation: next.generation, Loaded: next.since, Respawned: m.respawned}
	if err := w.tell(msg, fds, answered); err != nil {
		m.machine.beside(func() { m.post(func() { answered(err) }) }) // not now: who asks may not know w yet
		return
	}
	serial := w.serial
	m.machine.after(orderPatience, func() {
		m.post(func() {
			if w.pending[serial] != nil {
				m.log(logs.Alert, "worker process %d has not answered for %v and is killed", w.pid, orderPatience)
				w.signal(syscall.SIGKILL)
			}
		})
	})
}

// signal sends a signal to the process. It may be gone already.
func (c *child) signal(s syscall.Signal) { c.process.signal(s) }

// over ends what belongs to a worker that is no more.
func (w *child) over() {
	close(w.outbox)
	w.ch.close()
	for serial, f := range w.pending {
		delete(w.pending, serial)
		f(fmt.Errorf("the worker process %d %w", w.pid, errEnded))
	}
}

// errEnded is the answer of a worker that has ended before it gave one.
var errEnded = errors.New("has ended")
