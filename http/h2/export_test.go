package h2

import "weir/loop"

// FoldNow folds the tables of all parked connections, as time does.
func FoldNow(e *loop.Engine) {
	done := make(chan bool)
	e.Each(func(lc *loop.Conn) {
		if c, ok := lc.Handler.(*conn); ok && c.work == nil {
			c.fold()
		}
	})
	for _, l := range e.Loops {
		l.Post(func() { done <- true })
	}
	for range e.Loops {
		<-done
	}
}
