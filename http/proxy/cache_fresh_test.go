package proxy

import (
	"math"
	"strings"
	"testing"

	"weir/http/field"
)

// TestFresh reads how long a response may be stored, field by field in the order they come, at the moment 1000.
func TestFresh(t *testing.T) {
	const now = 1000
	date := func(at int64) string { return "Expires: " + string(field.AppendDate(nil, at)) }
	for _, tt := range []struct {
		fields string // with "|" between them
		want   fresh
	}{
		{"", fresh{}},
		{"Cache-Control: max-age=5", fresh{validSec: 1005}},
		{"Cache-Control: MAX-AGE=5", fresh{validSec: 1005}},
		{"Cache-Control: public,max-age=5 ; x", fresh{validSec: 1005}},
		{"Cache-Control: max-age=5, s-maxage=7", fresh{validSec: 1007}},
		{"Cache-Control: max-age=0", fresh{noCache: true}},
		{"Cache-Control: max-age=", fresh{noCache: true}},
		{"Cache-Control: max-age=x", fresh{never: true}},
		{"Cache-Control: max-age=\"5\"", fresh{never: true}},
		{"Cache-Control: max-age=-1", fresh{never: true}},
		{"Cache-Control: max-age=99999999999999999999", fresh{validSec: math.MaxInt64}},
		{"Cache-Control: s-maxage=0, max-age=5", fresh{noCache: true}},
		{"Cache-Control: no-cache", fresh{noCache: true}},
		{"Cache-Control: No-Store", fresh{noCache: true}},
		{"Cache-Control: private", fresh{noCache: true}},
		{"Cache-Control: max-age=5, private", fresh{noCache: true}},
		{"Cache-Control: max-age=5|Cache-Control: no-cache", fresh{validSec: 1005, noCache: true}},
		{"Cache-Control: max-age=5, stale-while-revalidate=7", fresh{validSec: 1005, updatingSec: 7, errorSec: 7}},
		{"Cache-Control: max-age=5, stale-while-revalidate=7, stale-if-error=9", fresh{validSec: 1005, updatingSec: 7, errorSec: 9}},
		{"Cache-Control: stale-if-error=9", fresh{errorSec: 9}},
		{"Cache-Control: max-age=5, stale-if-error=x", fresh{validSec: 1005, never: true}},
		{"Cache-Control: max-age=5, stale-while-revalidate=x", fresh{validSec: 1005, never: true}},
		{"Cache-Control: must-revalidate", fresh{}},
		{date(1010), fresh{validSec: 1010}},
		{date(1000), fresh{validSec: 1000}},
		{date(999), fresh{expired: true}},
		{"Expires: 0", fresh{expired: true}},
		{"Expires: soon", fresh{expired: true}},
		{"Expires: 0|Cache-Control: max-age=5", fresh{validSec: 1005}},
		{"Cache-Control: max-age=5|Expires: 0", fresh{validSec: 1005}},
		{date(1010) + "|Cache-Control: no-cache", fresh{validSec: 1010, noCache: true}},
		{"X-Accel-Expires: 5", fresh{validSec: 1005, accel: true}},
		{"X-Accel-Expires: 0", fresh{never: true, accel: true}},
		{"X-Accel-Expires: @2000", fresh{validSec: 2000, accel: true}},
		{"X-Accel-Expires: @0", fresh{accel: true}},
		{"X-Accel-Expires: off", fresh{accel: true}},
		{"X-Accel-Expires: -5", fresh{accel: true}},
		{"X-Accel-Expires: @", fresh{accel: true}},
		{"X-Accel-Expires: 5|Cache-Control: no-cache", fresh{validSec: 1005, accel: true}},
		{"Cache-Control: no-cache|X-Accel-Expires: 5", fresh{validSec: 1005, accel: true}},
		{"X-Accel-Expires: 5|Expires: 0", fresh{validSec: 1005, accel: true}},
		{"X-Accel-Expires: off|Cache-Control: max-age=7", fresh{validSec: 1007, accel: true}},
		{"X-Accel-Expires: 5|Cache-Control: max-age=7, stale-if-error=9", fresh{validSec: 1005, errorSec: 9, accel: true}},
	} {
		var got fresh
		for f := range strings.SplitSeq(tt.fields, "|") {
			name, value, _ := strings.Cut(f, ": ")
			switch name {
			case "Cache-Control":
				got.cacheControl([]byte(value), now)
			case "Expires":
				got.expires([]byte(value), now)
			case "X-Accel-Expires":
				got.accelExpires([]byte(value), now)
			}
		}
		got.vary, tt.want.vary = nil, nil
		if got.validSec != tt.want.validSec || got.updatingSec != tt.want.updatingSec || got.errorSec != tt.want.errorSec ||
			got.noCache != tt.want.noCache || got.expired != tt.want.expired || got.never != tt.want.never || got.accel != tt.want.accel {
			t.Errorf("%s:\n%+v, wanted\n%+v", tt.fields, got, tt.want)
		}
	}
}

// FuzzCacheControl wants no time that lies before now.
func FuzzCacheControl(f *testing.F) {
	f.Add("max-age=5, stale-while-revalidate=7")
	f.Fuzz(func(t *testing.T, value string) {
		var c fresh
		c.cacheControl([]byte(value), 1000)
		if c.validSec != 0 && c.validSec < 1000 || c.updatingSec < 0 || c.errorSec < 0 {
			t.Errorf("%+v", c)
		}
	})
}
