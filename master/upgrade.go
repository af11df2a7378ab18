package master

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"weir/listen"
	"weir/logs"
)

// The upgrade of the binary is nginx's: at USR2 the master renames its pid file to .oldbin and starts the new binary with the
// same command line and the listening sockets, whose descriptors the environment variable NGINX names. Both serve then. WINCH
// and QUIT end the old one; HUP to the old and QUIT to the new one go back.

// inheritedMark is the variable; its value is numbers, each with a semicolon behind. rememberedMark has what workers remember by.
const (
	inheritedMark  = "NGINX"
	rememberedMark = "WEIR_MEMORY"
)

// Inherited is listening sockets that another process has opened.
type Inherited struct {
	fds    []int
	parent int  // the old binary's process; 0 when it was another who gave the sockets
	lent   bool // by systemd, which keeps them
	unused []*socket
	left   remembrance
}

// FindInherited looks for sockets of an old binary or of systemd, and takes them out of the environment, since they are
// nothing for children. It returns nil when there are none.
func FindInherited() *Inherited {
	marks, _ := os.LookupEnv(rememberedMark)
	_ = os.Unsetenv(rememberedMark)
	left := findRemembrance(marks)
	if list, ok := os.LookupEnv(inheritedMark); ok {
		_ = os.Unsetenv(inheritedMark)
		h := &Inherited{parent: os.Getppid(), left: left}
		for word := range strings.SplitSeq(list, ";") {
			fd, err := strconv.Atoi(word)
			if err != nil || fd < 3 {
				continue
			}
			unix.CloseOnExec(fd)
			h.fds = append(h.fds, fd)
		}
		return h
	}
	files := activation.Files(true)
	if len(files) == 0 {
		return nil
	}
	h := &Inherited{lent: true}
	for _, f := range files {
		fd, err := duplicate(int(f.Fd()))
		_ = f.Close()
		if err == nil {
			h.fds = append(h.fds, fd)
		}
	}
	return h
}

// fromLivingParent reports whether the old binary still runs.
func (h *Inherited) fromLivingParent() bool {
	return h != nil && h.parent != 0 && os.Getppid() == h.parent
}

// remembrance is what the workers of the old binary have left.
func (h *Inherited) remembrance() remembrance {
	if h == nil {
		return remembrance{}
	}
	return h.left
}

// sockets describes what was inherited. What is no listening socket is told to say and left alone: it may be a descriptor of
// our own, when somebody has set the variable by hand.
func (h *Inherited) sockets(say func(logs.Level, string)) []*socket {
	if h == nil {
		return nil
	}
	var words strings.Builder
	for _, fd := range h.fds {
		fmt.Fprintf(&words, "%d;", fd)
		spec, err := listen.Inherited(fd)
		if err == nil {
			err = unix.SetNonblock(fd, true)
		}
		for i := 0; spec.Datagrams && i < len(h.unused); i++ { // they come in the order of the loops
			if h.unused[i].spec.Key() == spec.Key() {
				spec.Loop++
			}
		}
		if err != nil {
			say(logs.Alert, err.Error())
			continue
		}
		h.unused = append(h.unused, &socket{spec: spec, fd: fd, lent: h.lent})
	}
	h.fds = nil
	say(logs.Notice, fmt.Sprintf("using inherited sockets from \"%s\"", words.String()))
	return h.unused
}

// closeUnused closes those that the configuration has no use for.
func (h *Inherited) closeUnused(used map[string]*socket) {
	if h == nil {
		return
	}
	for _, s := range h.unused {
		if u := used[s.spec.Key()]; u == nil || u.fd != s.fd {
			s.close(false)
		}
	}
	h.unused = nil
}

// changeBinary starts the new binary. The old one goes on, with its pid file renamed.
func (m *Master) changeBinary() {
	if m.reading {
		m.upgrade = true // when it is done: the new binary reads the file itself, and must not race with this
		return
	}
	if m.quitting || m.stopping || m.next != nil {
		return
	}
	m.log(logs.Notice, "changing binary")
	path := m.cur.outline.PidFile()
	if path != "" {
		if err := os.Rename(path, oldPid(path)); err != nil {
			m.log(logs.Alert, "rename() \"%s\" to \"%s\" failed %s", path, oldPid(path), logs.AppendErrno(nil, err))
			return
		}
	}
	next, err := m.startBinary()
	if err != nil {
		m.log(logs.Alert, "execve() failed while executing new binary process \"%s\" %s", m.Program, logs.AppendErrno(nil, err))
		m.renameBack(path)
		return
	}
	m.next = next
	m.log(logs.Notice, "start new binary process %d", next.pid)
}

// startBinary executes the binary by its name, with all listening sockets.
func (m *Master) startBinary() (*child, error) {
	cmd := exec.Command(m.Program, m.Args[1:]...)
	cmd.Args[0] = m.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	var list strings.Builder
	for i, s := range m.cur.all() {
		fd, err := duplicate(s.fd)
		if err != nil {
			return nil, err
		}
		f := os.NewFile(uintptr(fd), s.spec.String())
		defer func() { _ = f.Close() }()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		fmt.Fprintf(&list, "%d;", 3+i)
	}
	left := remembrance{health: m.health, zones: m.zones}.mark(&cmd.ExtraFiles)
	cmd.Env = append(m.childEnv(m.cur), inheritedMark+"="+list.String(), rememberedMark+"="+left)
	cmd.Env = append(cmd.Env, m.notify.environment()...)
	return m.start(cmd, m.binaryGone)
}

// binaryGone goes back to the old binary when the new one has ended.
func (m *Master) binaryGone(c *child, e ending) {
	level, how := e.say("new binary process", c.pid)
	m.log(level, "%s", how)
	m.next = nil
	if m.over {
		return
	}
	m.renameBack(m.cur.outline.PidFile())
	if m.noAccept {
		m.comeBack()
	}
}

func (m *Master) renameBack(path string) {
	if path == "" {
		return
	}
	if err := os.Rename(oldPid(path), path); err != nil {
		m.log(logs.Alert, "rename() \"%s\" back to \"%s\" failed after the attempt to execute new binary process \"%s\" %s",
			oldPid(path), path, m.Program, logs.AppendErrno(nil, err))
	}
}
