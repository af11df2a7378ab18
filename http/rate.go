package http

import (
	"time"

	"weir/conf"
	"weir/loop"
)

// rate is the limit_rate of a response.
type rate struct {
	ready    bool
	perSec   int64
	afterSet bool
	after    int64 // bytes sent before the limit holds
}

// SetLimitRate sets the limit of this response in bytes a second, 0 for none ($limit_rate,
// X-Accel-Limit-Rate).
func (r *Request) SetLimitRate(perSec int64) {
	r.rate.perSec = perSec
	r.rate.ready = true
}

// SetLimitRateAfter sets how many bytes are sent before the limit holds.
func (r *Request) SetLimitRateAfter(n int64) { r.rate.after, r.rate.afterSet = n, true }

// LimitRate returns the limit of this response in bytes a second, 0 for none.
func (r *Request) LimitRate() int64 {
	if !r.rate.ready {
		r.rate.ready = true
		r.rate.perSec = r.sizeOf(r.Loc.Core.LimitRate)
	}
	return r.rate.perSec
}

// Limited reports whether the response's rate is limited at all; it is the question asked first.
func (r *Request) Limited() bool {
	return (r.rate.ready || r.Loc.Core.LimitRate != nil) && r.LimitRate() > 0
}

// Allowance says how many bytes may be written now when limit bytes a second are allowed; when it is
// none, at is the moment to try again.
func (r *Request) Allowance(sent int64) (n int64, at loop.Time) {
	per := r.LimitRate()
	if per <= 0 {
		return 1 << 62, 0
	}
	if !r.rate.afterSet {
		r.rate.afterSet = true
		r.rate.after = r.sizeOf(r.Loc.Core.LimitRateAfter)
	}
	now := r.Task.Now()
	elapsed := int64(now.Sub(r.StartedAt) / time.Second)
	n = per*(elapsed+1) - (sent - r.rate.after)
	if n > 0 {
		return n, 0
	}
	wait := time.Duration(-n*1000/per+1) * time.Millisecond
	return 0, now.Add(wait)
}

// sizeOf evaluates a text that is a size, 0 if it is none.
func (r *Request) sizeOf(x *Text) int64 {
	if x == nil {
		return 0
	}
	n, err := conf.ParseSize(string(r.Text(x)))
	if err != nil {
		return 0
	}
	return n
}
