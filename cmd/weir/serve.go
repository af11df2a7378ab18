package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"weir/cycle"
	"weir/http"
	"weir/logs"
)

func goVersion() string { return runtime.Version() }

// serve reads the configuration and does what the options ask: test it, signal a running weir, or run.
func serve(o *options) int {
	place := place(o)
	p := &cycle.Process{Files: logs.NewFiles(), Temp: http.NewTempNumbers()}
	early := earlyLog(p.Files, place.ErrorLog)
	c, d := cycle.Build(place, p)
	if o.signal != "" {
		return sendSignal(o.signal, c)
	}
	if !o.quiet || d.Failed() {
		report(d, early)
	}
	if d.Failed() {
		if o.test {
			fmt.Fprintf(os.Stderr, "weir: configuration file %s test failed\n", place.Conf)
		}
		return 1
	}
	if o.test {
		return test(o, c)
	}
	return start(c, p)
}

// earlyLog is the error log before the configuration names one.
func earlyLog(files *logs.Files, path string) *logs.Logger {
	f, err := files.Open(path)
	if err != nil {
		fmt.Fprintf(os.Stderr, "weir: [alert] could not open error log file: %v\n", err)
		return nil
	}
	return logs.NewLogger(logs.Options{}, logs.Target{Level: logs.Notice, Sink: f})
}

// test answers -t and -T for a configuration without errors.
func test(o *options, c *cycle.Cycle) int {
	if !o.quiet {
		fmt.Fprintf(os.Stderr, "weir: the configuration file %s syntax is ok\n", c.Conf)
	}
	say := func(v logs.Level, msg string) { fmt.Fprintf(os.Stderr, "weir: [%s] %s\n", v, msg) }
	if err := c.Check(say); err != nil {
		if !errors.As(err, new(*logs.CallError)) {
			say(logs.Emerg, err.Error())
		}
		fmt.Fprintf(os.Stderr, "weir: configuration file %s test failed\n", c.Conf)
		return 1
	}
	if !o.quiet {
		fmt.Fprintf(os.Stderr, "weir: configuration file %s test is successful\n", c.Conf)
	}
	if o.dump {
		if err := c.Tree.Dump(os.Stdout); err != nil {
			return 1
		}
	}
	return 0
}

// sendSignal answers -s: it signals the process of the pid file.
func sendSignal(word string, c *cycle.Cycle) int {
	fail := func(format string, a ...any) int {
		fmt.Fprintf(os.Stderr, "weir: [error] "+format+"\n", a...)
		return 1
	}
	path := c.PidFile()
	text, err := os.ReadFile(path)
	if err != nil {
		return fail("open() \"%s\" failed %s", path, logs.AppendErrno(nil, err))
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return fail("invalid PID number \"%s\" in \"%s\"", strings.TrimSpace(string(text)), path)
	}
	sig := map[string]unix.Signal{
		"stop": unix.SIGTERM, "quit": unix.SIGQUIT, "reopen": unix.SIGUSR1, "reload": unix.SIGHUP,
	}[word]
	if err := unix.Kill(pid, sig); err != nil {
		return fail("kill(%d, %d) failed %s", pid, sig, logs.AppendErrno(nil, err))
	}
	return 0
}

// start runs the server until it is told to end.
func start(c *cycle.Cycle, p *cycle.Process) int {
	if c.Main.Daemon && !isDaemon() {
		return daemonize()
	}
	fail := func(err error) int {
		fmt.Fprintf(os.Stderr, "weir: [emerg] %v\n", err)
		c.Log.Logf(logs.Emerg, 0, "%v", err)
		return 1
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGQUIT, unix.SIGHUP, unix.SIGUSR1, unix.SIGWINCH, unix.SIGUSR2)
	signal.Ignore(unix.SIGPIPE)
	if err := c.Prepare(); err != nil {
		return fail(err)
	}
	rt, err := cycle.Start(c, p)
	if errors.As(err, new(cycle.Reported)) {
		return 1
	}
	if err != nil {
		return fail(err)
	}
	if err := writePid(c.PidFile()); err != nil {
		rt.Stop()
		return fail(err)
	}
	c.Log.Logf(logs.Notice, 0, "using the \"epoll\" event method")
	c.Log.Logf(logs.Notice, 0, "weir/%s", version)
	daemonReady()
	handleSignals(rt, signals)
	_ = os.Remove(c.PidFile())
	return 0
}

// handleSignals obeys signals until the server has ended.
func handleSignals(rt *cycle.Runtime, signals <-chan os.Signal) {
	for {
		select {
		case <-rt.Done():
			rt.Current().Log.Logf(logs.Notice, 0, "exit")
			return
		case s := <-signals:
			obey(rt, s.(unix.Signal))
		}
	}
}

func obey(rt *cycle.Runtime, s unix.Signal) {
	log := rt.Current().Log
	note := func(what string) {
		log.Logf(logs.Notice, 0, "signal %d (%s) received%s", int(s), unix.SignalName(s), what)
	}
	switch s {
	case unix.SIGTERM, unix.SIGINT:
		note(", exiting")
		rt.Stop()
	case unix.SIGQUIT:
		note(", shutting down")
		rt.Quit()
	case unix.SIGHUP:
		note(", reconfiguring")
		log.Logf(logs.Notice, 0, "reconfiguring")
		old := rt.Current().PidFile()
		if rt.Reload() == nil {
			movePid(old, rt.Current().PidFile())
		}
	case unix.SIGUSR1:
		note(", reopening logs")
		log.Logf(logs.Notice, 0, "reopening logs")
		rt.Reopen()
	default:
		note("")
	}
}

func writePid(path string) error {
	if path == "" {
		return nil
	}
	err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
	if err != nil {
		return fmt.Errorf("open() \"%s\" failed %s", path, logs.AppendErrno(nil, err))
	}
	return nil
}

// movePid follows a pid directive that a reload changed.
func movePid(from, to string) {
	if from == to {
		return
	}
	if writePid(to) == nil && from != "" {
		_ = os.Remove(from)
	}
}
