package conf

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseOffset(t *testing.T) {
	tests := []struct {
		in   string
		want int64 // -1: invalid
	}{
		{"0", 0},
		{"1", 1},
		{"1k", 1024},
		{"1K", 1024},
		{"8m", 8 << 20},
		{"2M", 2 << 20},
		{"1g", 1 << 30},
		{"3G", 3 << 30},
		{"007", 7},
		{"9223372036854775807", math.MaxInt64},
		{"8589934591g", 8589934591 << 30},
		{"", -1},
		{"k", -1},
		{"1kk", -1},
		{"-1", -1},
		{"+1", -1},
		{" 1", -1},
		{"1 ", -1},
		{"1.5m", -1},
		{"1t", -1},
		{"0x10", -1},
		{"9223372036854775808", -1},
		{"8589934592g", -1},
		{"9223372036854775807k", -1},
	}
	for _, tt := range tests {
		got, err := ParseOffset(tt.in)
		if err != nil {
			got = -1
		}
		if got != tt.want {
			t.Errorf("ParseOffset(%q) = %d, %v; want %d", tt.in, got, err, tt.want)
		}
		size, err := ParseSize(tt.in) // what is in memory has no g
		if err != nil {
			size = -1
		}
		if g := strings.ContainsAny(tt.in, "gG"); g && size != -1 || !g && size != tt.want {
			t.Errorf("ParseSize(%q) = %d, %v", tt.in, size, err)
		}
	}
}

func TestParseTime(t *testing.T) {
	const bad = time.Duration(-1)
	day := 24 * time.Hour
	tests := []struct {
		in            string
		time, seconds time.Duration
	}{
		{"0", 0, 0},
		{"30", 30 * time.Second, 30 * time.Second},
		{"30s", 30 * time.Second, 30 * time.Second},
		{"500ms", 500 * time.Millisecond, bad},
		{"1m", time.Minute, time.Minute},
		{"1h30m", 90 * time.Minute, 90 * time.Minute},
		{"1h 30m", 90 * time.Minute, 90 * time.Minute},
		{"1h30", time.Hour + 30*time.Second, time.Hour + 30*time.Second},
		{"1w1d1h1m1s1ms", 8*day + time.Hour + time.Minute + time.Second + time.Millisecond, bad},
		{"1s1ms", 1001 * time.Millisecond, bad},
		{"1ms 1", 1001 * time.Millisecond, bad},
		{"1M", bad, 30 * day},
		{"1y", bad, 365 * day},
		{"1y1M1w", bad, (365 + 30 + 7) * day},
		{"1 ", time.Second, time.Second},
		{"1 1", 2 * time.Second, 2 * time.Second},
		{"1hm", time.Hour, time.Hour},
		{"1 1s", bad, bad},
		{"30m1h", bad, bad},
		{"1s1s", bad, bad},
		{"1ms1s", bad, bad},
		{"", bad, bad},
		{"s", bad, bad},
		{" 1", time.Second, time.Second},
		{"-1", bad, bad},
		{"1.5s", bad, bad},
		{"1S", bad, bad},
		{"1x", bad, bad},
		{"9223372036854775807", bad, math.MaxInt64},
		{"9223372036854775808", bad, bad},
		{"9223372036854775", math.MaxInt64, math.MaxInt64},
	}
	for _, tt := range tests {
		check := func(name string, parse func(string) (time.Duration, error), want time.Duration) {
			got, err := parse(tt.in)
			if err != nil {
				got = bad
			}
			if got != want {
				t.Errorf("%s(%q) = %v, %v; want %v", name, tt.in, got, err, want)
			}
		}
		check("ParseTime", ParseTime, tt.time)
		check("ParseSeconds", ParseSeconds, tt.seconds)
	}
}
