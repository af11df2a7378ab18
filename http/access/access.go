// Package access has the modules that refuse or delay a request before it is answered: access (allow
// and deny), limit_req.
package access

import (
	"weir/client"
	"weir/conf"
	"weir/http"
	"weir/logs"
)

const places = conf.HTTP | conf.Server | conf.Location | conf.LimitExcept

// Access is nginx's access module: who may ask at all, by address.
var Access = http.Define(http.Spec[client.AccessConf]{
	Name:       "http_access",
	Doc:        "Lets clients in or keeps them out by their addresses.",
	Directives: client.RuleDirectives(places, "Answers 403 to clients with this address"),
	Install: func(rules *client.AccessConf, in *http.Install) error {
		if !rules.Empty() {
			in.Step(http.Access, func(r *http.Request) http.Verdict { return admit(rules, r) })
		}
		return nil
	},
})

// admit holds the client's address against the rules.
func admit(rules *client.AccessConf, r *http.Request) http.Verdict {
	deny, ok := rules.Ask(r)
	switch {
	case !ok:
		return http.Next
	case !deny:
		return http.Allowed
	}
	if !r.Loc.Core.SatisfyAny {
		r.Log(logs.Error, "access forbidden by rule")
	}
	return http.StatusForbidden
}
