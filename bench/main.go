// Command bench runs weir and nginx, and haproxy and caddy where they are installed, side by side under the same work and prints what each
// request cost them. README.md says how to read it.
//
//	go run ./bench                       # everything, about five minutes
//	go run ./bench -only static,proxy1k  # some of it
//	go run ./bench -smoke                # a few seconds: does it all still run?
//	go run ./bench -soak 60s             # does the memory stay where it is?
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// options are the command line.
type options struct {
	only, servers, nginx, json string
	rounds                     int
	seconds                    float64
	idle                       int
	logs, smoke                bool
	soak                       time.Duration
}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.only, "only", "", "works to do, by the beginning of their names, comma separated")
	f.StringVar(&o.servers, "servers", "weir,nginx,haproxy,caddy", "servers to run; those that are not installed are left out")
	f.IntVar(&o.rounds, "rounds", 3, "rounds per work; the median counts")
	f.Float64Var(&o.seconds, "seconds", 2, "length of one measurement")
	f.StringVar(&o.nginx, "nginx", "nginx", "the nginx to compare with")
	f.StringVar(&o.json, "json", "", "also write the figures to this file")
	f.IntVar(&o.idle, "idle", 10000, "connections for the idle memory")
	f.BoolVar(&o.logs, "logs", false, "with access logs on")
	f.BoolVar(&o.smoke, "smoke", false, "one short round of everything, to see that it runs")
	f.DurationVar(&o.soak, "soak", 0, "instead: load weir for so long and fail if its memory grows")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.smoke {
		o.rounds, o.seconds, o.idle = 1, 0.3, 200
	}
	return o, nil
}

func run(o options, out io.Writer) error {
	limit, err := raiseFileLimit()
	if err != nil {
		return err
	}
	if most := int(limit) - 500; o.idle > most {
		fmt.Fprintf(out, "only %d idle connections: the limit of open files is %d\n", most, limit)
		o.idle = most
	}
	site, err := newSite(o)
	if err != nil {
		return err
	}
	defer site.close()
	if o.soak > 0 {
		return soak(site, o.soak, out)
	}
	servers, missing, err := site.servers(strings.Split(o.servers, ","))
	if err != nil {
		return err
	}
	for _, m := range missing {
		fmt.Fprintln(out, m)
	}
	if len(servers) == 0 {
		return errors.New("no server to measure")
	}
	rep := newReport(o, servers)
	for _, w := range works() {
		if !wanted(w.name, o.only) {
			continue
		}
		if err := measure(site, w, servers, o, rep); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		rep.print(out, w.name)
	}
	rep.summary(out)
	if o.json != "" {
		return rep.write(o.json)
	}
	return nil
}

func wanted(name, only string) bool {
	for _, p := range strings.Split(only, ",") {
		if strings.HasPrefix(name, strings.TrimSpace(p)) {
			return true
		}
	}
	return only == ""
}
