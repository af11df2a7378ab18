package core

import (
	"testing"

	"weir/http"
	"weir/http/field"
)

func TestHasDirective(t *testing.T) {
	for value, want := range map[string]bool{
		"no-cache": true, "max-age=1, No-Cache": true, "no-cache , private": true, "a;no-cache": true, "private, no-cache  ": true,
		"": false, "no-cachex": false, "no-cache=a": false, "x-no-cache": false, "no-cache;": false, "private,no-cach": false,
	} {
		o := http.Response{Fields: http.Fields{}}
		o.AddField(field.CacheControl, []byte("Cache-Control"), []byte(value))
		if got := hasDirective(&o, "no-cache"); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}
