package master

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"weir/logs"
)

// A signal has no answer. So that "weir -s reload" can say what came of it, the master also takes the command on a socket in
// the abstract name space, which needs no file and goes with the process. Both sides look who the other is: the master obeys
// root and its own user, the command believes only the process that the pid file names.

// control is the master's end.
type control struct{ ln *net.UnixListener }

func controlName(pid int) *net.UnixAddr {
	return &net.UnixAddr{Net: "unix", Name: "@weir-master-" + strconv.Itoa(pid)}
}

// The command and the last line of its answer.
const (
	commandReload = "reload\n"
	answerDone    = "done\n"
	answerFailed  = "failed\n"
)

// listenForCommands makes the socket. Without one, signals do.
func (m *Master) listenForCommands() *control {
	ln, err := net.ListenUnix("unix", controlName(os.Getpid()))
	if err != nil {
		m.log(logs.Info, "commands come by signals only: %v", err)
		return nil
	}
	go func() {
		for {
			c, err := ln.AcceptUnix()
			if err != nil {
				return
			}
			go m.command(c)
		}
	}()
	return &control{ln}
}

func (c *control) close() {
	if c != nil {
		_ = c.ln.Close()
	}
}

// command obeys one command.
func (m *Master) command(c *net.UnixConn) {
	defer func() { _ = c.Close() }()
	who, err := peerOf(c)
	if err != nil || who.Uid != 0 && int(who.Uid) != os.Geteuid() {
		_, _ = io.WriteString(c, "weir: [emerg] only root and the user of the master may do that\n"+answerFailed)
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if line, err := bufio.NewReader(io.LimitReader(c, 64)).ReadString('\n'); err != nil || line != commandReload {
		return
	}
	answer := make(chan result, 1)
	m.post(func() {
		m.log(logs.Notice, "reload command received from %d, reconfiguring", who.Pid)
		m.reload(func(res result) { answer <- res })
	})
	res := <-answer
	for _, s := range res.said {
		_, _ = fmt.Fprintln(c, s)
	}
	if res.next == nil {
		_, _ = io.WriteString(c, answerFailed)
		return
	}
	_, _ = io.WriteString(c, answerDone)
}

func peerOf(c *net.UnixConn) (*unix.Ucred, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var who *unix.Ucred
	var bad error
	err = raw.Control(func(fd uintptr) { who, bad = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err == nil {
		err = bad
	}
	return who, err
}

// Reload asks the master of that process number for a reload and writes what it has to say. It returns false when there is no
// such master to be asked; done says whether the new configuration is in force.
func Reload(pid int, out io.Writer) (done, asked bool) {
	c, err := net.DialUnix("unix", nil, controlName(pid))
	if err != nil {
		return false, false
	}
	defer func() { _ = c.Close() }()
	who, err := peerOf(c)
	if err != nil || int(who.Pid) != pid {
		return false, false
	}
	if _, err := io.WriteString(c, commandReload); err != nil {
		return false, false
	}
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		switch {
		case line == answerDone:
			return true, true
		case line == answerFailed:
			return false, true
		case err != nil:
			_, _ = fmt.Fprintf(out, "weir: [error] process %d ended before it has answered\n", pid)
			return false, true
		}
		_, _ = io.WriteString(out, line)
	}
}
