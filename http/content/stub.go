package content

import "weir/http"

type none struct{}

var TryFiles = http.Define(http.Spec[none]{Name: "http_try_files"})
var Index = http.Define(http.Spec[none]{Name: "http_index"})
var Static = http.Define(http.Spec[none]{Name: "http_static"})
