package http

import (
	"weir/logs"
	"weir/vars"
)

// newVars makes an empty table of variables for requests.
func newVars() *vars.Table[*Request] {
	return vars.NewTable(vars.Hooks[*Request]{
		Slots:   func(r *Request) []vars.Value { return r.slots },
		Capture: (*Request).Capture,
		Uninitialized: func(r *Request, name string) {
			if r.Loc != nil && r.Loc.QuietVars {
				return
			}
			r.Logf(logs.Warn, "using uninitialized \"%s\" variable", name)
		},
		Cycle: func(r *Request, name string) {
			r.Logf(logs.Error, "cycle while evaluating variable \"%s\"", name)
		},
	})
}
