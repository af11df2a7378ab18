package rewrite

import (
	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/lookup"
)

// Map is nginx's map module: variables whose values depend on other variables.
var Map = http.Define(http.Spec[struct{}]{
	Name:       "http_map",
	Doc:        "Variables whose values depend on other values.",
	Directives: lookup.MapDirectives(conf.HTTP, street),
})

// Geo is nginx's geo module: variables whose values depend on an address.
var Geo = http.Define(http.Spec[struct{}]{
	Name:       "http_geo",
	Doc:        "Variables whose values depend on the client's address.",
	Directives: lookup.GeoDirectives(conf.HTTP, street),
})

// SplitClients is nginx's split_clients module: variables for A/B tests.
var SplitClients = http.Define(http.Spec[struct{}]{
	Name:       "http_split_clients",
	Doc:        "Variables that have each of several values for a share of the clients.",
	Directives: lookup.SplitClientsDirectives(conf.HTTP, street),
})

// GeoIP2 is the well-known geoip2 module: what MaxMind's databases have of an address.
var GeoIP2 = http.Define(http.Spec[struct{}]{
	Name:       "http_geoip2",
	Doc:        "Variables from databases of addresses in MaxMind's format.",
	Directives: lookup.GeoIP2Directives(conf.HTTP, street),
})

// street is http for tables that variables look their values up in.
func street(call *conf.Call) lookup.Street[*http.Request] {
	return lookup.Street[*http.Request]{Name: "http", Vars: http.Env(call).Vars, Forwarded: func(r *http.Request) [][]byte {
		var all [][]byte
		for v := range r.In.All(field.XForwardedFor) {
			all = append(all, v)
		}
		return all
	}}
}

var _ lookup.Subject[*http.Request] = (*http.Request)(nil)
