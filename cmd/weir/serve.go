package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/cycle"
	"weir/logs"
	"weir/loop"
	"weir/master"
)

func goVersion() string { return runtime.Version() }

// serve reads the configuration and does what the options ask: test it, signal a running weir, or run.
func serve(o *options, title *master.Title) int {
	place := place(o)
	r := master.Read(place)
	early := earlyLog(r.Files, place.ErrorLog)
	if o.signal != "" {
		return sendSignal(o.signal, r)
	}
	report(r.Diags, early, r.Cycle.Main.Daemon && !o.test)
	if r.Diags.Failed() {
		if o.test {
			fmt.Fprintf(os.Stderr, "weir: configuration file %s test failed\n", place.Conf)
		}
		return 1
	}
	if o.test {
		return test(o, r.Cycle)
	}
	return start(r, title)
}

// earlyLog is the error log before the configuration names one; nil when it is the standard error stream, where everything is
// printed anyway.
func earlyLog(files *logs.Files, path string) *logs.Logger {
	f, err := files.Open(path)
	if err != nil {
		fmt.Fprintf(os.Stderr, "weir: [alert] could not open error log file: %v\n", err)
		return nil
	}
	if isStderr(f.FD()) {
		f.Release()
		return nil
	}
	return logs.NewLogger(logs.Options{}, logs.Target{Level: logs.Notice, Sink: f})
}

// isStderr reports whether a descriptor leads to where standard error leads.
func isStderr(fd int) bool {
	var a, b unix.Stat_t
	return unix.Fstat(fd, &a) == nil && unix.Fstat(unix.Stderr, &b) == nil && a.Dev == b.Dev && a.Ino == b.Ino
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

// start runs the server until it is told to end.
func start(r *master.Reading, title *master.Title) int {
	inherited := master.FindInherited()
	daemon := r.Cycle.Main.Daemon
	if daemon && !isDaemon() && inherited == nil {
		return daemonize()
	}
	signals := takeSignals()
	if !r.Cycle.Main.MasterProcess {
		return single(r, signals)
	}
	m := &master.Master{
		Program: program(), Args: os.Args, Version: version, Signals: signals,
		Background: daemon, Inherited: inherited, Ready: daemonReady, Title: title,
	}
	return m.Run(r)
}

// takeSignals has the signals that mean something to weir come by a channel.
func takeSignals() <-chan os.Signal {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGQUIT, unix.SIGHUP, unix.SIGUSR1, unix.SIGWINCH, unix.SIGUSR2)
	signal.Ignore(unix.SIGPIPE)
	return signals
}

// program is the path of the binary as it was called, where its successor will be found as well.
func program() string {
	if path, err := exec.LookPath(os.Args[0]); err == nil {
		if path, err = filepath.Abs(path); err == nil {
			return path
		}
	}
	path, _ := os.Executable()
	return path
}

// single is a server without a master (master_process off), as the user that starts it.
func single(r *master.Reading, signals <-chan os.Signal) int {
	c, p := r.Cycle, r.Process
	p.Outside = conf.Outside{} // nobody plays it back
	fail := func(err error) int {
		fmt.Fprintf(os.Stderr, "weir: [emerg] %v\n", err)
		c.Log.Logf(logs.Emerg, 0, "%v", err)
		return 1
	}
	if err := c.Prepare(); err != nil {
		return fail(err)
	}
	say := func(v logs.Level, text string) { c.Log.LogString(v, 0, text) }
	c.Main.Apply(say)
	c.Main.Settle(say)
	rt, err := cycle.Start(c, p)
	if errors.As(err, new(cycle.Reported)) {
		return 1
	}
	if err != nil {
		return fail(err)
	}
	if err := master.WritePid(c.PidFile()); err != nil {
		rt.Stop()
		return fail(err)
	}
	c.Log.Logf(logs.Notice, 0, "using the \"%s\" event method", loop.Method)
	c.Log.Logf(logs.Notice, 0, "weir/%s", version)
	daemonReady()
	handleSignals(rt, signals)
	_ = os.Remove(rt.Current().PidFile())
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
			_ = obey(rt, s.(unix.Signal)) // the log has what went wrong
		}
	}
}

// obey is what a server without a master does at a signal. The error is that of a reload.
func obey(rt *cycle.Runtime, s unix.Signal) error {
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
		if err := rt.Reload(conf.Outside{}); err != nil {
			return err
		}
		master.MovePid(old, rt.Current().PidFile(), func(err error) { log.Logf(logs.Emerg, 0, "%v", err) })
	case unix.SIGUSR1:
		note(", reopening logs")
		log.Logf(logs.Notice, 0, "reopening logs")
		rt.Reopen()
	default:
		note("")
	}
	return nil
}
