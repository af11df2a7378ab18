package access

import (
	"math"

	"weir/zone"
)

// buckets are the leaky buckets of one zone: each key has one, each request puts 1000 in, and the rate lets so much of it out. Times are
// milliseconds of one clock, rates are thousandths of a request a second, and so is the excess: what a bucket holds. In a full row of the
// table, the bucket that was asked for longest ago makes room.
type buckets struct{ zone.Table[bucket] }

// bucketSize is what a bucket counts for in the size of a zone, as in nginx: 16384 in a megabyte. There is room for more.
const bucketSize = 64

// bucket is what a request finds of those before it. One that is half written has let out too much, or too little, once.
type bucket struct {
	at     int64 // when excess was so; 0: no request was counted yet
	excess int64
}

func newBuckets(size int64, key string) *buckets {
	return &buckets{zone.NewTable[bucket](size, key)}
}

// outcome is what a bucket says of a request.
type outcome uint8

const (
	counted outcome = iota // within the burst, and counted
	fits                   // within the burst, not counted
	over                   // beyond the burst, and not counted
)

// ask asks whether a request fits, as things stand: its excess would be within burst. The last of several limits counts it at once; the
// others do so when all have been asked and none has refused.
func (t *buckets) ask(id zone.ID, now, rate, burst int64, last bool) (o outcome, excess int64) {
	row := t.Lock(id)
	b := row.Use(id)
	if b == nil {
		b = row.Add(id)
	}
	excess = b.after(now, rate)
	switch {
	case excess > burst:
		o = over
	case last:
		b.count(now, excess)
	default:
		o = fits
	}
	t.Unlock(id)
	return o, excess
}

// commit counts a request that fitted, whatever others have put in meanwhile.
func (t *buckets) commit(id zone.ID, now, rate int64) (excess int64) {
	row := t.Lock(id)
	b := row.Use(id)
	if b == nil {
		b = row.Add(id) // the others have taken its place
	}
	excess = b.after(now, rate)
	b.count(now, excess)
	t.Unlock(id)
	return excess
}

// after is the excess with one more request. A clock that is behind, as those of other loops may be, lets nothing out.
func (b *bucket) after(now, rate int64) int64 {
	if b.at == 0 {
		return 0
	}
	ms := max(now-b.at, 0)
	if ms > math.MaxInt64/rate {
		return 0
	}
	return max(b.excess-rate*ms/1000+1000, 0)
}

// count makes excess the bucket's own. Its time does not go back.
func (b *bucket) count(now, excess int64) {
	b.excess = excess
	b.at = max(b.at, now, 1)
}
