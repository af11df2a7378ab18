package h2

import "time"

// A client may send frames that cost work and bring nothing: PING, SETTINGS, WINDOW_UPDATE, empty frames, streams that it resets at
// once. Each costs a part of the connection's budget. Work that is done gives some of it back, and so does time; who has used it up
// is told to calm down.
const (
	budgetMost = 3000
	budgetRate = 100 // a second
	resetCost  = 8   // of a stream that ends before its response does: about 370 at once, 12 a second for ever
	earnFrame  = 2   // DATA that was sent may be answered by WINDOW_UPDATE of its stream and of the connection
	earnAnswer = 8   // a response that was wanted
)

// spend takes n off the budget. The error is a fault.
func (c *conn) spend(n int) error {
	if c.budget -= int32(n); c.budget >= 0 {
		return nil
	}
	now := c.client.Conn.Loop().Now()
	c.earn(int(now.Sub(c.budgetAt) * budgetRate / time.Second))
	c.budgetAt = now
	if c.budget >= 0 {
		return nil
	}
	return c.fault(codeCalm, "http2 flood detected")
}

// earn gives n back.
func (c *conn) earn(n int) { c.budget = int32(min(int(c.budget)+n, budgetMost)) }

// flooded is nginx's measure: what came, beside bodies and fields that were of use.
func (c *conn) flooded() bool { return c.total/8 > c.payload+1<<20 }
