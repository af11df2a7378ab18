package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"weir/weirtest"
)

// site is what all servers serve: the same files, the same origin, each server in a directory of its own.
type site struct {
	dir    string
	ports  *weirtest.Ports
	origin string // address
	cgi    string // address of the FastCGI server
	h2     string // address of the origin over HTTP/2
	tls    string // address of the origin over TLS
	o      options
	stop   []func()
}

// sizes are the files, by name.
func sizes() map[string]string {
	return map[string]string{"1k": "1024", "100k": "100k", "1m": "1m", "10m": "10m"}
}

func newSite(o options) (*site, error) {
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	s := &site{dir: dir, ports: weirtest.NewPorts(), o: o}
	s.stop = append(s.stop, func() { os.RemoveAll(dir) }, s.ports.Close)
	if err := s.fill(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// fill writes the files and starts the origin that every proxy asks.
func (s *site) fill() error {
	if err := os.Chmod(s.dir, 0o755); err != nil { // the workers of a root master are somebody else
		return err
	}
	www := filepath.Join(s.dir, "www")
	if err := os.MkdirAll(filepath.Join(www, "origin"), 0o755); err != nil {
		return err
	}
	for name, size := range sizes() {
		for _, dir := range []string{www, filepath.Join(www, "origin")} {
			if err := os.WriteFile(filepath.Join(dir, name), weirtest.Pattern(size), 0o644); err != nil {
				return err
			}
		}
	}
	if err := os.WriteFile(filepath.Join(www, page), htmlPage(), 0o644); err != nil {
		return err
	}
	if err := s.writeCertificates(); err != nil {
		return err
	}
	for _, o := range []struct {
		addr  *string
		start func(addr string) (stop func(), err error)
	}{
		{&s.origin, startOrigin},
		{&s.cgi, startFastCGI},
		{&s.h2, startH2Origin},
		{&s.tls, func(addr string) (func(), error) { return startTLSOrigin(addr, s.dir) }},
	} {
		var err error
		if *o.addr, err = s.ports.Take(); err != nil {
			return err
		}
		stop, err := o.start(*o.addr)
		if err != nil {
			return err
		}
		s.stop = append(s.stop, stop)
	}
	return nil
}

func (s *site) close() {
	for i := len(s.stop) - 1; i >= 0; i-- {
		s.stop[i]()
	}
}

// instance is a server that runs: a process group.
type instance struct {
	name, addr string
	secure     bool // TLS
	cmd        *exec.Cmd
	done       chan struct{}
	took       time.Duration // until it answered
}

// start runs a server's command in a process group of its own and waits until it takes connections.
func (s *site) start(sv server) (*instance, error) {
	addr, err := s.ports.Take()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(s.dir, sv.name+"-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	cmd, err := sv.command(s, dir, addr)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	in := &instance{name: sv.name, addr: addr, secure: sv.secure, cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(in.done)
	}()
	up := weirtest.Eventually(func() bool {
		answer, err := in.ask("GET /origin/1k HTTP/1.1\r\nHost: localhost\r\n\r\n")
		return err == nil && answer.Status == 200 && len(answer.Body) == 1024
	})
	in.took = time.Since(begin)
	if !up {
		in.kill()
		text, _ := os.ReadFile(filepath.Join(dir, "output"))
		return nil, fmt.Errorf("%s did not come up:\n%s", sv.name, text)
	}
	return in, nil
}

// ask sends a request on a connection of its own.
func (in *instance) ask(request string) (*weirtest.Answer, error) {
	c, err := weirtest.Dial(in.addr, "")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if in.secure {
		if err := c.Secure("", nil); err != nil {
			return nil, err
		}
	}
	if err := c.Send(request); err != nil {
		return nil, err
	}
	return c.Answer()
}

// url is where a path of the instance is.
func (in *instance) url(path string) string {
	if in.secure {
		return "https://" + in.addr + path
	}
	return "http://" + in.addr + path
}

func (in *instance) kill() {
	_ = syscall.Kill(-in.cmd.Process.Pid, syscall.SIGKILL)
	<-in.done
}

// cost is what the instance has used so far.
type cost struct {
	user, system time.Duration
	rss          int64
}

func (in *instance) cost() cost {
	var c cost
	for _, p := range weirtest.Processes(in.cmd.Process.Pid) {
		c.user += p.User
		c.system += p.System
		c.rss += p.RSS
	}
	return c
}

// raiseFileLimit lifts our own limit of open files to what the system allows; the servers inherit it.
func raiseFileLimit() (uint64, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, err
	}
	l.Cur = l.Max
	return uint64(l.Cur), syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
}
