package filter

import "weir/http"

type none struct{}

var NotModified = http.Define(http.Spec[none]{Name: "http_not_modified"})
var Headers = http.Define(http.Spec[none]{Name: "http_headers"})
var Range = http.Define(http.Spec[none]{Name: "http_range"})
