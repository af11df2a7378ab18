package upstream_test

import (
	"time"

	"weir/loop"
	"weir/upstream"
)

// One exchange of a proxy: choose a peer, take a kept connection or dial, pass
// on to the next peer after a failure, keep the connection in the end.
func Example() {
	var (
		t     *loop.Task
		group *upstream.Group
		try   upstream.Attempt // by value in the exchange
		speak func(*upstream.Link) (header time.Duration, reusable bool, err error)
	)
	const location = 7 // tells locations apart for "keepalive … local"

	group.Begin(&try, upstream.Ask{Key: []byte("/index.html"), Now: t.Now()})
	try.Limit(3) // proxy_next_upstream_tries
	for {
		began := t.Now()
		peer, err := try.Next(began)
		if err != nil {
			return // 502; $upstream_addr is group.Name; [error] no live upstreams
		}
		link := group.Take(t.Loop(), peer, location)
		kept := link != nil
		if !kept {
			c, err := t.Loop().Dial(t, peer.Addr, loop.DialOptions{NoDelay: true}, t.After(time.Minute))
			if err == nil {
				link = group.NewLink(c, peer, t.Now())
			}
		}
		if link != nil {
			header, reusable, err := speak(link) // calls try.Header when the header is there
			if err == nil {
				// Kept before it is reported, as in nginx.
				if !reusable || !link.Keep(location) {
					link.Conn.Close()
				}
				try.Done(peer, t.Now(), upstream.OK, upstream.Timing{Header: header, Last: t.Now().Sub(began)})
				return
			}
			link.Conn.Close()
		}
		if try.Done(peer, t.Now(), upstream.Failed, upstream.Timing{Header: -1, Last: t.Now().Sub(began)}) {
			_ = peer // [warn] upstream server temporarily disabled
		}
		if kept {
			try.Regain() // it may have been closed while idle: that try is free (not so after a timeout)
		}
		if try.Tries() == 0 {
			return // 502 or 504
		}
	}
}
