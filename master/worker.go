package master

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/cycle"
	"weir/disk"
	"weir/http"
	"weir/listen"
	"weir/logs"
)

// orphanPatience is how long a worker without its master goes on with what it has begun. It does not accept any more, so
// that the next server can have the addresses at once.
const orphanPatience = 5 * time.Second

// A worker is the process that serves.
type worker struct {
	ch      *channel
	p       *cycle.Process
	rt      *cycle.Runtime
	sockets handed
	left    remembrance
	title   *Title
}

// Worker is the life of a worker process. mark is the value of WorkerMark. The status is the process's.
func Worker(mark string, signals <-chan os.Signal, title *Title) int {
	channelMark, _, _ := strings.Cut(mark, ":")
	fd, err := strconv.Atoi(channelMark)
	if err == nil {
		var ch *channel
		unix.CloseOnExec(fd)
		if ch, err = newChannel(fd); err == nil {
			// the name that ps -C, pgrep and monitors know: it was started as /proc/self/exe, and would be called "exe"
			_ = os.WriteFile("/proc/self/comm", []byte("weir"), 0) // only Linux has it
			title.Set(workerTitle)
			w := &worker{ch: ch, sockets: handed{}, title: title, left: findRemembrance(mark)}
			return w.run(signals)
		}
	}
	fmt.Fprintf(os.Stderr, "weir: [emerg] a worker is started by its master: %s=%s: %v\n", WorkerMark, mark, err)
	return fatal
}

// fatal is the status of a worker that could not begin, as in nginx.
const fatal = 2

// run takes the first order, and then obeys master and signals until the server has ended.
func (w *worker) run(signals <-chan os.Signal) int {
	msg, fds, err := w.ch.receive()
	if err == nil && msg.Kind != kindLoad {
		err = errors.New("the first message is no order")
	}
	if err != nil {
		return fatal // the master is gone, or is none
	}
	err = w.begin(msg, fds)
	w.answer(msg, err)
	if err != nil {
		return fatal
	}
	go debug.FreeOSMemory() // what building took
	orphaned := make(chan struct{})
	go w.obey(orphaned)
	for {
		select {
		case <-w.rt.Done():
			w.log(logs.Notice, "exit")
			return 0
		case s := <-signals:
			w.signal(s.(unix.Signal))
		case <-orphaned:
			orphaned = nil
			w.log(logs.Alert, "the master process is gone, shutting down")
			w.quit()
			time.AfterFunc(orphanPatience, w.rt.Stop)
		}
	}
}

// quit ends the worker when what it has begun is done.
func (w *worker) quit() {
	w.title.Set(workerTitle + leaving)
	w.rt.Quit()
}

// workerTitle is what tools see of a worker, leaving what is added when it ends, and titleRoom an argument that makes room for that.
const (
	workerTitle = "weir: worker process"
	leaving     = " is shutting down"
	titleRoom   = "                 "
)

func (w *worker) log(v logs.Level, format string, a ...any) {
	w.rt.Current().Log.Logf(v, 0, format, a...)
}

func (w *worker) answer(msg *message, err error) {
	m := &message{Kind: kindDone, Serial: msg.Serial}
	if err != nil {
		m.Err = err.Error()
	}
	_ = w.ch.send(m, nil) // a master that does not hear it is gone, which will be noticed
}

// begin makes the process what the configuration asks for, and serves it. The rights of the master end before a line of the
// configuration is read.
func (w *worker) begin(msg *message, fds []int) error {
	o := msg.Load
	var early []said
	report := func(v logs.Level, text string) { early = append(early, said{v, text}) }
	o.Main.Apply(report)
	if o.Identity != nil {
		if err := o.Identity.Assume(); err != nil {
			closeAll(fds)
			return err
		}
	}
	o.Main.Settle(report)
	files := logs.NewFiles()
	files.OpenFD = func(string) (int, error) { return -1, errNotHanded }
	health, zones, err := w.left.open()
	if err != nil {
		report(logs.Warn, "the zones will end with this worker: "+err.Error())
	}
	w.p = &cycle.Process{
		Files: files, Temp: disk.NewTempNumbers(), Sockets: w.sockets, Outside: o.World.Outside(), Replica: true,
		Memory: health, Zones: zones,
	}
	w.p.Past = &http.Past{}
	w.p.Past.Set(o.Past)
	release := w.take(msg, fds)
	defer release()
	c, d := cycle.Build(o.Options, w.p)
	if d.Failed() {
		cycle.Sentences(d, report)
		return errors.New(early[len(early)-1].text)
	}
	for _, s := range early {
		c.Log.LogString(s.level, 0, s.text)
	}
	w.rt, err = cycle.Start(c, w.p)
	return err
}

// errNotHanded is why a worker has not what its configuration asks for: master and worker read it differently, which is a fault
// in weir. A worker must not help itself with other rights than its master's.
var errNotHanded = errors.New("the master has not handed it over")

// take receives log files, sockets and files to be read. What of it the configuration does not use is closed by release.
func (w *worker) take(msg *message, fds []int) (release func()) {
	var files []*logs.File
	for i, path := range msg.Logs {
		f, err := w.p.Files.Add(path, fds[i])
		if err == nil {
			files = append(files, f)
		}
	}
	for i, name := range msg.Sockets {
		w.sockets[name] = fds[len(msg.Logs)+i]
	}
	for i, path := range msg.Opened {
		msg.Load.World.Hand(path, fds[len(msg.Logs)+len(msg.Sockets)+i])
	}
	return func() {
		for _, f := range files {
			f.Release()
		}
		for name, fd := range w.sockets {
			_ = unix.Close(fd)
			delete(w.sockets, name)
		}
	}
}

// obey does what the master says. It ends with the master.
func (w *worker) obey(orphaned chan<- struct{}) {
	for {
		msg, fds, err := w.ch.receive()
		if err != nil {
			close(orphaned)
			return
		}
		switch msg.Kind {
		case kindLoad:
			w.answer(msg, w.reload(msg, fds))
		case kindReopen:
			w.log(logs.Notice, "reopening logs")
			w.take(msg, fds)()
			w.answer(msg, nil)
		case kindFiles:
			w.answer(msg, w.rt.FilesChanged(*msg.Files))
		case kindQuit:
			w.log(logs.Notice, "shutting down")
			w.quit()
		case kindPing:
			go func() { // loops that do not answer must not keep orders from being obeyed
				w.rt.Alive()
				w.answer(msg, nil)
			}()
		default:
			closeAll(fds)
		}
	}
}

// reload swaps another configuration in.
func (w *worker) reload(msg *message, fds []int) error {
	release := w.take(msg, fds)
	err := w.rt.Reload(msg.Load.World.Outside())
	if err == nil {
		w.p.Past.Set(msg.Load.Past)
	}
	release()
	go debug.FreeOSMemory() // two configurations were there, and their texts
	return err
}

// signal obeys what was sent to the worker itself, as nginx's does.
func (w *worker) signal(s unix.Signal) {
	what, obey := "", func() {}
	switch s {
	case unix.SIGTERM, unix.SIGINT:
		what, obey = ", exiting", w.rt.Stop
	case unix.SIGQUIT, unix.SIGWINCH:
		what, obey = ", shutting down", w.quit
	case unix.SIGUSR1: // the files are the master's to open
		what, obey = ", reopening logs", func() { _ = w.ch.send(&message{Kind: kindReopen}, nil) }
	case unix.SIGHUP, unix.SIGUSR2:
		what = ", ignoring"
	}
	w.log(logs.Notice, "signal %d (%s) received%s", int(s), unix.SignalName(s), what)
	obey()
}

// handed is the listening sockets that came from the master and are not in use yet, by their addresses.
type handed map[string]int

// Open takes those of the Specs (cycle.Sockets).
func (h handed) Open(specs []listen.Spec, report func(logs.Level, string)) ([]int, error) {
	fds := make([]int, len(specs))
	for i, s := range specs {
		fd, ok := h[s.Key()]
		if !ok {
			err := fmt.Errorf("listening on %s failed (%w)", s, errNotHanded)
			report(logs.Alert, err.Error())
			return nil, err
		}
		fds[i] = fd
	}
	for _, s := range specs {
		delete(h, s.Key())
	}
	return fds, nil
}

// Close closes the worker's copy (cycle.Sockets).
func (handed) Close(_ listen.Spec, fd int) { _ = unix.Close(fd) }
