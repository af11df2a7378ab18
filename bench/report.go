package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// report collects the samples and prints their medians.
type report struct {
	Date    string            `json:"date"`
	CPUs    int               `json:"cpus"`
	Kernel  string            `json:"kernel"`
	Rounds  int               `json:"rounds"`
	Seconds float64           `json:"seconds"`
	Logs    bool              `json:"access_logs"`
	Servers map[string]string `json:"servers"` // name to version
	Rows    []row             `json:"rows"`

	order []string
}

// row is one work on one server.
type row struct {
	Work   string   `json:"work"`
	What   string   `json:"what"`
	Server string   `json:"server"`
	Median sample   `json:"median"`
	Rounds []sample `json:"rounds"`
}

func newReport(o options, servers []server) *report {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	r := &report{
		Date: time.Now().UTC().Format(time.RFC3339), CPUs: runtime.NumCPU(), Kernel: string(kernel[:max(len(kernel)-1, 0)]),
		Rounds: o.rounds, Seconds: o.seconds, Logs: o.logs, Servers: map[string]string{},
	}
	for _, s := range servers {
		r.Servers[s.name] = s.version
		r.order = append(r.order, s.name)
	}
	return r
}

func (r *report) add(w work, server string, s sample) {
	i := slices.IndexFunc(r.Rows, func(x row) bool { return x.Work == w.name && x.Server == server })
	if i < 0 {
		i = len(r.Rows)
		r.Rows = append(r.Rows, row{Work: w.name, What: w.what, Server: server})
	}
	x := &r.Rows[i]
	x.Rounds = append(x.Rounds, s)
	med := func(f func(sample) float64) float64 {
		var v []float64
		for _, s := range x.Rounds {
			v = append(v, f(s))
		}
		return median(v)
	}
	x.Median = sample{
		CPU:      med(func(s sample) float64 { return s.CPU }),
		User:     med(func(s sample) float64 { return s.User }),
		Both:     med(func(s sample) float64 { return s.Both }),
		Rate:     med(func(s sample) float64 { return s.Rate }),
		P99:      med(func(s sample) float64 { return s.P99 }),
		RSS:      med(func(s sample) float64 { return s.RSS }),
		PerConn:  med(func(s sample) float64 { return s.PerConn }),
		Requests: int(med(func(s sample) float64 { return float64(s.Requests) })),
		Conns:    s.Conns,

		Servers:   s.Servers,
		Start:     med(func(s sample) float64 { return s.Start }),
		Reload:    med(reload),
		ReloadCPU: med(reloadCPU),
		Peak:      med(peak),
		High:      med(high),
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	if n == 0 {
		return 0
	}
	return (v[(n-1)/2] + v[n/2]) / 2
}

func (r *report) rows(work string) []row {
	return slices.DeleteFunc(slices.Clone(r.Rows), func(x row) bool { return x.Work != work })
}

// print writes one work's table. The ratios are a server's cost divided by weir's: above 1, weir is better.
func (r *report) print(out io.Writer, work string) {
	rows := r.rows(work)
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s: %s\n", work, rows[0].What)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	switch {
	case rows[0].Median.Servers > 0:
		fmt.Fprint(t, "server\tstart ms\treload ms\tCPU ms\tpeak MB\tHWM MB\tsettled MB\tratio start\treload\tCPU\tpeak\tHWM\tsettled\t\n")
		for _, x := range rows {
			m := x.Median
			fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t%.1f\t%s\t%s\t%s\t%s\t%s\t%s\t\n", x.Server, m.Start, m.Reload, m.ReloadCPU, m.Peak, m.High,
				m.RSS, ratio(rows, x, start), ratio(rows, x, reload), ratio(rows, x, reloadCPU), ratio(rows, x, peak), ratio(rows, x, high), ratio(rows, x, rss))
		}
	case rows[0].Median.Conns > 0:
		fmt.Fprint(t, "server\tB/connection\tRSS MB\tratio\t\n")
		for _, x := range rows {
			fmt.Fprintf(t, "%s\t%.0f\t%.1f\t%s\t\n", x.Server, x.Median.PerConn, x.Median.RSS, ratio(rows, x, perConn))
		}
	default:
		fmt.Fprint(t, "server\tCPU µs\tuser µs\tspread\tboth µs\treq/s\tp99 ms\tRSS MB\tratio CPU\tboth\treq/s\tp99\tRSS\t\n")
		for _, x := range rows {
			m := x.Median
			fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%s\t%.2f\t%.0f\t%.2f\t%.1f\t%s\t%s\t%s\t%s\t%s\t\n", x.Server, m.CPU, m.User, spread(x), m.Both, m.Rate,
				m.P99, m.RSS, ratio(rows, x, cpu), ratio(rows, x, both), ratio(rows, x, perRequest), ratio(rows, x, p99), ratio(rows, x, rss))
		}
	}
	t.Flush()
}

// The things compared; each is better when smaller.
func cpu(s sample) float64       { return s.CPU }
func both(s sample) float64      { return s.Both }
func p99(s sample) float64       { return s.P99 }
func rss(s sample) float64       { return s.RSS }
func perConn(s sample) float64   { return s.PerConn }
func start(s sample) float64     { return s.Start }
func reload(s sample) float64    { return s.Reload }
func reloadCPU(s sample) float64 { return s.ReloadCPU }
func peak(s sample) float64      { return s.Peak }
func high(s sample) float64      { return s.High }
func perRequest(s sample) float64 {
	if s.Rate == 0 {
		return 0
	}
	return 1 / s.Rate
}

func ratio(rows []row, x row, of func(sample) float64) string {
	i := slices.IndexFunc(rows, func(y row) bool { return y.Server == "weir" })
	if i < 0 || x.Server == "weir" || of(rows[i].Median) <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", of(x.Median)/of(rows[i].Median))
}

// spread is how far the rounds' CPU figures lie apart, in per cent of the median: a difference smaller than that is none.
func spread(x row) string {
	var v []float64
	for _, s := range x.Rounds {
		v = append(v, s.CPU)
	}
	if len(v) < 2 || x.Median.CPU == 0 {
		return "-"
	}
	return fmt.Sprintf("±%.0f%%", 50*(slices.Max(v)-slices.Min(v))/x.Median.CPU)
}

// summary is one line per work: nginx's cost over weir's.
func (r *report) summary(out io.Writer) {
	fmt.Fprintf(out, "\n%s, %d CPUs, Linux %s, median of %d rounds of %gs, access logs %s\n", r.Date, r.CPUs, r.Kernel, r.Rounds, r.Seconds,
		map[bool]string{true: "on", false: "off"}[r.Logs])
	for _, name := range r.order {
		fmt.Fprintf(out, "%s: %s\n", name, r.Servers[name])
	}
	if !slices.Contains(r.order, "weir") || len(r.order) < 2 {
		return
	}
	fmt.Fprintln(out, "\nratios to weir, CPU per request (idle: memory per connection); above 1 weir is better")
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "work\t")
	others := slices.DeleteFunc(slices.Clone(r.order), func(s string) bool { return s == "weir" })
	for _, o := range others {
		fmt.Fprintf(t, "%s\t", o)
	}
	fmt.Fprintln(t)
	for _, w := range works() {
		r.summaryLine(t, w.name, others)
	}
	t.Flush()
}

func (r *report) summaryLine(t io.Writer, work string, others []string) {
	rows := r.rows(work)
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(t, "%s\t", work)
	of := cpu
	switch {
	case rows[0].Median.Servers > 0:
		of = reload
	case rows[0].Median.Conns > 0:
		of = perConn
	}
	for _, o := range others {
		cell := "-"
		if i := slices.IndexFunc(rows, func(x row) bool { return x.Server == o }); i >= 0 {
			cell = ratio(rows, rows[i], of)
		}
		fmt.Fprintf(t, "%s\t", cell)
	}
	fmt.Fprintln(t)
}

func (r *report) write(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
