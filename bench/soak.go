package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// soak keeps weir busy and watches its memory. The first quarter is for pools and caches to fill; after it the RSS may not grow by more than
// a tenth and 4 MB.
func soak(s *site, d time.Duration, out io.Writer) error {
	sv, err := s.find("weir")
	if err != nil {
		return err
	}
	in, err := s.start(sv)
	if err != nil {
		return err
	}
	defer in.kill()
	o := s.o
	o.seconds = 1
	begin := time.Now()
	var settled, last int64
	requests := 0
	loads := slices.DeleteFunc(works(), func(w work) bool { return w.load == nil || w.as != nil }) // those that one configuration can bear
	for step := 0; time.Since(begin) < d; step++ {
		w := loads[step%len(loads)]
		l, err := w.load(in, o)
		if err != nil {
			return fmt.Errorf("%s after %v: %w", w.name, time.Since(begin), err)
		}
		requests += l.requests
		last = in.cost().rss
		if time.Since(begin) < d/4 {
			settled = max(settled, last)
		}
		fmt.Fprintf(out, "%6.0fs  %-13s %9d requests  RSS %.1f MB\n", time.Since(begin).Seconds(), w.name, requests, float64(last)/(1<<20))
	}
	if allowed := settled + settled/10 + 4<<20; settled > 0 && last > allowed {
		return fmt.Errorf("the memory grew from %d to %d bytes", settled, last)
	}
	fmt.Fprintf(out, "%d requests; the memory stayed below %.1f MB and ended at %.1f\n", requests, float64(settled+settled/10+4<<20)/(1<<20), float64(last)/(1<<20))
	return nil
}
