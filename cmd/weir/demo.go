package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/cycle"
	"weir/disk"
	"weir/logs"
	"weir/master"
)

// The demo's files: they are written to a temporary folder and used from there.
var (
	//go:embed demo/nginx.conf
	demoConf string
	//go:embed demo/index.html
	demoPage string
	//go:embed demo/try.txt
	demoTry string
)

// demoBackends is how many back ends the demo has.
const demoBackends = 4

// A demonstration is all that "weir demo" has running: back ends, their switch, and weir in front.
type demonstration struct {
	listen string
	ports  []int
	dir    string // with its final slash
	out    io.Writer
	parent int // the process that started it
	store  *demoStore
	farm   *demoFarm
	rt     *cycle.Runtime
}

// demo runs weir in front of four back ends until a signal ends it.
func demo(args []string) int {
	d := &demonstration{out: os.Stdout, parent: os.Getppid()}
	if err := d.parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 1 // the flag package has told why
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT, unix.SIGHUP, unix.SIGUSR1)
	defer signal.Stop(signals)
	err := d.start()
	if err == nil {
		d.explain()
		d.obey(signals)
		_, _ = fmt.Fprintln(d.out, "\nweir demo: ended, nothing is left behind")
	}
	d.end()
	if err != nil {
		fmt.Fprintf(os.Stderr, "weir demo: %v\n", err)
		return 1
	}
	return 0
}

// parse reads the flags.
func (d *demonstration) parse(args []string) error {
	flags := flag.NewFlagSet("weir demo", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:8080", "where weir listens: `address:port`, or a port of 127.0.0.1")
	ports := flags.String("ports", "8000-8003", "the four `ports` of the back ends: first-last, or a list with commas")
	fail := func(err error) error {
		_, _ = fmt.Fprintf(flags.Output(), "weir demo: %v\n", err)
		return err
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fail(fmt.Errorf("unexpected %q", flags.Arg(0)))
	}
	if _, err := strconv.Atoi(*listen); err == nil {
		*listen = "127.0.0.1:" + *listen
	}
	if a, err := netip.ParseAddrPort(*listen); err != nil || a.Port() == 0 {
		return fail(fmt.Errorf("-listen %q is neither address:port nor a port", *listen))
	}
	d.listen = *listen
	list, err := parsePorts(*ports)
	if err != nil {
		return fail(err)
	}
	d.ports = list
	return nil
}

// parsePorts reads "8000-8003" and "8000,8001,8002,8003".
func parsePorts(s string) ([]int, error) {
	words := strings.Split(s, ",")
	if first, last, ok := strings.Cut(s, "-"); ok {
		from, _ := strconv.Atoi(first)
		to, _ := strconv.Atoi(last)
		words = words[:0]
		for p := from; p <= to && len(words) <= demoBackends; p++ {
			words = append(words, strconv.Itoa(p))
		}
	}
	var list []int
	for _, w := range words {
		p, err := strconv.ParseUint(w, 10, 16)
		if err != nil || p == 0 {
			return nil, fmt.Errorf("-ports %q: %q is no port", s, w)
		}
		list = append(list, int(p))
	}
	if len(list) != demoBackends {
		return nil, fmt.Errorf("-ports %q: %d ports are needed, as in 8000-8003", s, demoBackends)
	}
	return list, nil
}

// start brings everything up: database, back ends, files, and weir by the same road as the binary's.
func (d *demonstration) start() error {
	if err := d.portsFree(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "weir-demo-")
	if err != nil {
		return err
	}
	d.dir = dir + "/"
	if d.store, err = openStore(filepath.Join(dir, "hits.db")); err != nil {
		return err
	}
	if d.farm, err = startFarm(d.ports, d.store, d.listen, d.say); err != nil {
		return err
	}
	if err := d.write(); err != nil {
		return err
	}
	p := &cycle.Process{Files: logs.NewFiles(), Temp: disk.NewTempNumbers()}
	c, diags := cycle.Build(place(&options{prefix: d.dir, conf: "nginx.conf"}), p)
	report(diags, nil, false)
	if diags.Failed() {
		return fmt.Errorf("configuration file %snginx.conf failed", d.dir)
	}
	if err := c.Prepare(); err != nil {
		return err
	}
	if d.rt, err = cycle.Start(c, p); err != nil {
		return err
	}
	d.farm.watch(func(addr string) bool { return d.rt.Current().Healthy("api", addr) })
	return master.WritePid(c.PidFile())
}

// portsFree tries all ports at once, so that one look says which are taken.
func (d *demonstration) portsFree() error {
	var taken []string
	try := func(addr, what string) {
		l, err := net.Listen("tcp", addr)
		if err == nil {
			err = l.Close()
		}
		if err != nil {
			taken = append(taken, fmt.Sprintf("  %s, for %s: %s", addr, what, conf.Errno(err)))
		}
	}
	try(d.listen, "weir itself (-listen 127.0.0.1:9090 moves it)")
	for i, p := range d.ports {
		try(backendAddr(p), fmt.Sprintf("back end %d (-ports 9000-9003 moves all four)", i+1))
	}
	if taken == nil {
		return nil
	}
	return fmt.Errorf("cannot listen on\n%s\nend the program that has the port (\"ss -ltnp\" names it), or move the demo", strings.Join(taken, "\n"))
}

// write makes the files: nginx.conf, the page, and the folder of the logs.
func (d *demonstration) write() error {
	for _, sub := range []string{"www", "logs"} {
		if err := os.Mkdir(d.dir+sub, 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"nginx.conf": demoConf, "www/index.html": demoPage} {
		if err := os.WriteFile(d.dir+name, []byte(d.fill(text)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fill puts addresses and paths in the places of a text.
func (d *demonstration) fill(text string) string {
	pairs := []string{
		"@VERSION@", version, "@LISTEN@", d.listen, "@DIR@", d.dir, "@PID@", strconv.Itoa(os.Getpid()),
		"@CONTROL@", d.farm.control,
	}
	var all []string
	for i, p := range d.ports {
		all = append(all, strconv.Itoa(p))
		pairs = append(pairs, fmt.Sprintf("@PORT%d@", i), strconv.Itoa(p))
	}
	pairs = append(pairs, "@PORTS@", strings.Join(all, ", "))
	return strings.NewReplacer(pairs...).Replace(text)
}

// explain prints the configuration in use, read back from its file, and what to try.
func (d *demonstration) explain() {
	text, err := os.ReadFile(d.dir + "nginx.conf")
	if err != nil {
		text = []byte(err.Error())
	}
	var indented strings.Builder
	for line := range strings.Lines(string(text)) {
		if line != "\n" {
			line = "    " + line
		}
		indented.WriteString(line)
	}
	_, _ = io.WriteString(d.out, strings.ReplaceAll(d.fill(demoTry), "@CONF@", indented.String()))
}

// say reports what has just happened.
func (d *demonstration) say(format string, a ...any) {
	_, _ = fmt.Fprintf(d.out, time.Now().Format(time.TimeOnly)+"  "+format+"\n", a...)
}

// obey waits for the end: a signal, the terminal's closing, or the end of "go run". A first signal
// ends gracefully, a second one at once. SIGHUP and SIGUSR1 are nginx's.
func (d *demonstration) obey(signals <-chan os.Signal) {
	watch := time.NewTicker(time.Second)
	defer watch.Stop()
	if !startedByGo(d.parent) {
		watch.Stop()
	}
	hadTerminal, ending := haveTerminal(), false
	for {
		select {
		case <-d.rt.Done():
			return
		case <-watch.C:
			if os.Getppid() != d.parent {
				d.rt.Quit()
			}
		case s := <-signals:
			switch {
			case s == unix.SIGUSR1:
				_ = obey(d.rt, unix.SIGUSR1) // only a reload fails
				d.say("the logs are opened anew")
			case s == unix.SIGHUP && (!hadTerminal || haveTerminal()):
				d.reload()
			case ending:
				d.rt.Stop()
			default:
				ending = true
				d.rt.Quit()
			}
		}
	}
}

// reload puts the file that is there now into force, and says what came of it.
func (d *demonstration) reload() {
	err := obey(d.rt, unix.SIGHUP)
	var refused *cycle.RefusedError
	switch {
	case err == nil:
		d.say("nginx.conf is reloaded, no connection was closed for it")
	case errors.As(err, &refused):
		d.say("nginx.conf is not reloaded, the one before stays in force:")
		refused.Diags.Print(d.out, "weir")
	default:
		d.say("nginx.conf is not reloaded, the one before stays in force: %v", err)
	}
}

// startedByGo reports whether the parent is the go command, which, when it is killed, does not tell the
// program it runs.
func startedByGo(parent int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", parent))
	return err == nil && strings.TrimSpace(string(name)) == "go"
}

// haveTerminal reports whether there is a terminal that may close: its SIGHUP means the end, and not
// nginx's "read the configuration again".
func haveTerminal() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	return tty.Close() == nil
}

// end stops what is running, in the order of a request, and removes the files.
func (d *demonstration) end() {
	if d.rt != nil {
		d.rt.Stop()
		<-d.rt.Done()
	}
	if d.farm != nil {
		d.farm.close()
	}
	if d.store != nil {
		d.store.close()
	}
	if d.dir != "" {
		_ = os.RemoveAll(d.dir)
	}
}
