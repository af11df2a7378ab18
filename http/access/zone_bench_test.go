package access

import (
	"encoding/binary"
	"math/rand"
	"syscall"
	"testing"
)

// userTime reports what an operation takes of the processor in the program, whatever else the machine does meanwhile.
func userTime(b *testing.B, f func()) {
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	b.ResetTimer()
	f()
	b.StopTimer()
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	b.ReportMetric(float64(after.Utime.Nano()-before.Utime.Nano())/float64(b.N), "user-ns/op")
}

// BenchmarkFullZone asks zones of 10 MB that are full, with keys all over them and, of limit_req, one in two that is not there: its bucket
// takes the place of the oldest.
func BenchmarkFullZone(b *testing.B) {
	const size, room = 10 << 20, 10 << 20 / bucketSize
	b.Run("limit_req", func(b *testing.B) {
		t := someBuckets(b, size)
		var key [4]byte
		for i := range room {
			binary.BigEndian.PutUint32(key[:], uint32(i))
			t.ask(t.ID(key[:]), 0, 1000, 1<<40, true)
		}
		userTime(b, func() {
			b.RunParallel(func(pb *testing.PB) {
				rnd, now := rand.New(rand.NewSource(1)), int64(0)
				var key [4]byte
				for pb.Next() {
					now++
					binary.BigEndian.PutUint32(key[:], uint32(rnd.Intn(2*room)))
					t.ask(t.ID(key[:]), now, 1000, 1<<40, true)
				}
			})
		})
	})
	b.Run("limit_conn", func(b *testing.B) {
		t := someCounts(b, size)
		var key [4]byte
		for i := range room {
			binary.BigEndian.PutUint32(key[:], uint32(i))
			t.enter(t.ID(key[:]), 10)
		}
		userTime(b, func() {
			b.RunParallel(func(pb *testing.PB) {
				rnd := rand.New(rand.NewSource(1))
				var key [4]byte
				for pb.Next() {
					binary.BigEndian.PutUint32(key[:], uint32(rnd.Intn(room)))
					id := t.ID(key[:])
					if t.enter(id, 10) > 0 {
						t.leave(id)
					}
				}
			})
		})
	})
}
