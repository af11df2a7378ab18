package status

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// TestJSON reads what was written.
func TestJSON(t *testing.T) {
	when := time.Date(2026, 11, 30, 8, 5, 7, 89e6, time.FixedZone("", 3600))
	b := appendJSON(nil, object{
		{"text", "a\"b\\c\n\x00é€\xff"},
		{"list", list{1, int64(-2), uint64(1 << 63), true, object{}, list{}}},
		{"time", when},
	})
	want := map[string]any{
		"text": "a\"b\\c\n\x00é€\ufffd",
		"list": []any{1.0, -2.0, 9223372036854775808.0, true, map[string]any{}, []any{}},
		"time": "2026-11-30T07:05:07.089Z",
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n%v, %v; want %v", b, got, err, want)
	}
}

// FuzzParameters reads what clients may send: it is taken, or refused with words, and never anything else.
func FuzzParameters(f *testing.F) {
	for _, s := range []string{`{"server":"10.0.0.1","weight":5}`, `{"down":true,"drain":false}`, `{"a":{}}`, `[]`, `{"fail_timeout":"1m","slow_start":5}`, `{"weight":1e3}`, `{} {}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, bad := readParameters(body)
		switch {
		case bad != nil && (p != nil || bad.status/100 != 4 || bad.body.(apiError).text == ""):
			t.Errorf("%v, %+v", p, bad)
		case bad == nil && !json.Valid(body):
			t.Error("no JSON was taken")
		case bad != nil || p.server == nil:
			return
		}
		if s, bad := p.newServer(); bad == nil && (s.Weight < 1 || s.MaxConns < 0 || len(s.Route) > longestRoute || len(s.Addrs) == 0 && s.Follow == nil) {
			t.Errorf("%+v", s)
		}
	})
}
