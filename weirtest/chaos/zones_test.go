package chaos

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/weirtest"
)

// zonesConf is a server with limits. A key of /req may have five requests, and one more a minute; of those of /conn
// one is answered at a time.
const zonesConf = `error_log error.log notice;
worker_processes 2;
events { worker_connections 2048; }
http {
	access_log off;
	limit_req_zone $arg_k zone=req:1m rate=1r/m;
	limit_conn_zone $arg_k zone=conn:1m;
	upstream app { server $APP; server $SLOW; sticky learn create=$arg_k lookup=$arg_k zone=sessions:1m; }
	server { listen $ADDR;
		location = /n { return 200 "$pid $N\n"; }
		location = /req { limit_req zone=req burst=4 nodelay; proxy_pass http://$APP; }
		location = /conn { limit_conn conn 1; proxy_pass http://$SLOW; }
		location = /learn { proxy_pass http://app; }
	}
}
`

// TestChaosZones kills the worker again and again while a crowd is held to limits: no key is served more often than it may be, however many
// workers have counted it; sessions stay with their servers; and of connections that died with their worker none is counted.
func TestChaosZones(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("zones end with the worker here")
	}
	t.Parallel()
	c := newChaos(t)
	conf := weirtest.Expand(zonesConf, c.names)
	c.write(conf)
	s := c.start()
	const keys, burst = 12, 4
	begin := time.Now()
	var served [keys]atomic.Int32
	var stop atomic.Bool
	var crowd sync.WaitGroup
	var first [keys]string
	for k := range keys {
		first[k] = c.ask(fmt.Sprintf("/learn?k=%d", k))
		for c.ask(fmt.Sprintf("/req?k=%d", k)) != "" { // two workers that serve side by side for a moment count apart what is left of it
			served[k].Add(1)
		}
	}
	for range 4 {
		crowd.Go(func() {
			for !stop.Load() {
				if k := rand.IntN(keys); c.ask(fmt.Sprintf("/req?k=%d", k)) != "" {
					served[k].Add(1)
				}
			}
		})
		crowd.Go(func() {
			for !stop.Load() {
				c.ask(fmt.Sprintf("/conn?k=%d", rand.IntN(keys)))
			}
		})
	}
	worker := s.Worker()
	for n := range rounds(5, 40) {
		lines := len(weirtest.Lines(c.path("error.log")))
		c.kill(worker)
		c.loggedAfter(lines, `exited on signal 9$`)
		c.names["N"] = fmt.Sprint(n + 1)
		conf := weirtest.Expand(zonesConf, c.names)
		if n%3 == 2 { // another number of loops is another worker, beside this one
			conf = replaceOnce([]byte(conf), "worker_processes 2", fmt.Sprintf("worker_processes %d", 2+n%2))
		}
		c.write(conf)
		if out, err := s.Command("-s", "reload"); err != nil {
			t.Errorf("reload: %v\n%s", err, out)
		}
		worker = c.serving(n + 1)
	}
	stop.Store(true)
	crowd.Wait()
	most := burst + 1 + 1 + int32(time.Since(begin)/time.Minute) // one a minute
	for k := range keys {
		if n := served[k].Load(); n < burst+1 || n > most {
			t.Errorf("key %d was served %d times", k, n)
		}
		if now := c.ask(fmt.Sprintf("/learn?k=%d", k)); now != first[k] {
			t.Errorf("session %d went to %q, and goes to %q", k, first[k], now)
		}
		if !weirtest.Eventually(func() bool { return c.ask(fmt.Sprintf("/conn?k=%d", k)) != "" }) {
			t.Errorf("key %d has a connection that is no more", k)
		}
	}
}
