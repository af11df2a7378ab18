package filter

import (
	"io"

	"github.com/klauspost/compress/zstd"

	"weir/conf"
	"weir/http"
)

// Zstd has the directives of zstd-nginx-module, the module that nginx gets zstd by.
var Zstd = http.Define(http.Spec[codingConf]{
	Name: "http_zstd_filter",
	Doc: `Compresses responses by zstd, for clients that take it, with the directives of the module zstd-nginx-module.

It does so under the same conditions as ` + "`gzip`" + `, but for those that are gzip's own: gzip_proxied, gzip_http_version and gzip_disable.
With gzip or brotli on as well, a client gets what it likes best.`,
	Directives: []conf.Directive[codingConf]{
		{
			Name: "zstd", In: places, Syntax: "on | off", Default: "off",
			Doc:     "Whether responses of status 200, 403 and 404 are compressed by zstd.",
			Example: "zstd on;",
			Set:     conf.Flag(func(c *codingConf) *bool { return &c.on }),
		},
		{
			Name: "zstd_comp_level", In: codingPlaces, Syntax: "<level:number>", Default: "1",
			Doc: "How hard zstd tries, from 1, the fastest, to 22. weir's encoder has four grades of it: 1 and 2, 3 to 5, 6 to 9, and 10 and above.",
			Set: func(c *codingConf, call *conf.Call) error { return c.setLevel(call, 1, 22) },
		},
		{
			Name: "zstd_min_length", In: codingPlaces, Syntax: "<length:size>", Default: "20",
			Doc: "Responses that are known to be shorter are not compressed.",
			Set: conf.Size(func(c *codingConf) *int64 { return &c.minLength }),
		},
		{
			Name: "zstd_types", In: codingPlaces, Syntax: "<type:string> ...", Default: "text/html", Repeat: true,
			Doc:     "The types of responses that are compressed, besides text/html; `*` is any.",
			Example: "zstd_types text/css application/javascript application/json image/svg+xml;",
			Set:     func(c *codingConf, call *conf.Call) error { return c.types.add(call) },
		},
		{
			Name: "zstd_buffers", In: codingPlaces, Syntax: "<number> <size>", Default: "32 4k", Support: conf.Ignored,
			Doc: "weir takes buffers of a loop as it needs them.",
		},
		{
			Name: "zstd_dict_file", In: conf.HTTP, Syntax: "<path>", Support: conf.Missing,
			Doc: "A dictionary for compression. Not supported: a client that has not got it by a way of its own cannot read the response, and browsers ask for dictionaries by another coding (RFC 9842).",
		},
	},
	Variables: []http.Var{{Name: "zstd_ratio", Doc: "How many times smaller zstd has made the response.", Get: codingRatio("zstd")}},
	Install: func(c *codingConf, in *http.Install) error {
		return installCoding(c, in, coder{name: "zstd", rank: 3, encoder: zstdEncoder, memory: zstdMemory, heavy: 10})
	},
})

// zstdWindow is how far back an encoder looks. What it takes of memory, and the client too, goes with it; RFC 9659 allows 8 MB.
const zstdWindow = 512 << 10

func zstdEncoder(c *codingConf) (encoder, error) {
	return zstd.NewWriter(io.Discard, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(c.level)), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
}

// zstdMemory was measured.
func zstdMemory(level int) int64 {
	switch zstd.EncoderLevelFromZstd(level) {
	case zstd.SpeedFastest:
		return 1 << 20
	case zstd.SpeedDefault:
		return 2 << 20
	case zstd.SpeedBetterCompression:
		return 5 << 20
	}
	return 36 << 20
}
