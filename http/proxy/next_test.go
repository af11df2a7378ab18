package proxy

import (
	"testing"

	"weir/http"
)

func TestAgain(t *testing.T) {
	const usual = faultError | faultTimeout
	tests := []struct {
		name  string
		c     chance
		fault Faults
		least int
		want  bool
	}{
		{"a fault that is named", chance{allowed: usual, tries: 1, method: http.GET}, faultError, 0, true},
		{"a fault that is not", chance{allowed: usual, tries: 1, method: http.GET}, faultInvalidHeader, 0, false},
		{"nobody left", chance{allowed: usual, tries: 0, method: http.GET}, faultError, 0, false},
		{"no peer is live", chance{allowed: usual, tries: 3, method: http.GET}, faultNoLive, 0, false},
		{"off", chance{allowed: usual | faultOff, tries: 3, method: http.GET}, faultError, 0, false},
		{"time is up", chance{allowed: usual, tries: 3, method: http.GET, late: true}, faultError, 0, false},
		{"a response needs another peer besides its own", chance{allowed: fault500, tries: 1, method: http.GET}, fault500, 1, false},
		{"and has one", chance{allowed: fault500, tries: 2, method: http.GET}, fault500, 1, true},
		{"POST that was sent", chance{allowed: usual, tries: 1, sent: true, method: http.POST}, faultError, 0, false},
		{"POST that was not", chance{allowed: usual, tries: 1, method: http.POST}, faultError, 0, true},
		{"POST with non_idempotent", chance{allowed: usual | faultNonIdempotent, tries: 1, sent: true, method: http.POST}, faultError, 0, true},
		{"PUT that was sent", chance{allowed: usual, tries: 1, sent: true, method: http.PUT}, faultError, 0, true},
		{"LOCK that was sent", chance{allowed: usual, tries: 1, sent: true, method: http.LOCK}, faultError, 0, false},
		{"PATCH that was sent", chance{allowed: usual, tries: 1, sent: true, method: http.PATCH}, faultTimeout, 0, false},
		{"a streamed body that was begun", chance{allowed: usual, tries: 1, sent: true, stream: true, method: http.PUT}, faultError, 0, false},
		{"a streamed body before the connection", chance{allowed: usual, tries: 1, stream: true, method: http.PUT}, faultError, 0, true},
	}
	for _, tt := range tests {
		if got := tt.c.again(tt.fault, tt.least); got != tt.want {
			t.Errorf("%s: again = %v", tt.name, got)
		}
	}
}

func TestFaultStatus(t *testing.T) {
	tests := []struct {
		fault Faults
		want  http.Verdict
	}{
		{faultError, 502},
		{faultTimeout, 504},
		{faultInvalidHeader, 502},
		{faultNoLive, 502},
		{fault500, 500},
		{fault502, 502},
		{fault503, 503},
		{fault504, 504},
		{fault403, 403},
		{fault404, 404},
		{fault429, 429},
	}
	for _, tt := range tests {
		if got := tt.fault.status(); got != tt.want {
			t.Errorf("status of %b = %d, want %d", tt.fault, got, tt.want)
		}
	}
	for _, status := range []int{500, 502, 503, 504, 403, 404, 429} {
		if f := statusFault(status); f == 0 || int(f.status()) != status {
			t.Errorf("statusFault(%d) = %b", status, f)
		}
	}
	if f := statusFault(501); f != 0 {
		t.Errorf("statusFault(501) = %b", f)
	}
}
