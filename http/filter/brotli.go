package filter

import (
	"io"
	"math/bits"

	"github.com/andybalholm/brotli"

	"weir/conf"
	"weir/http"
)

// Brotli has the directives of ngx_brotli, the module that nginx gets brotli by.
var Brotli = http.Define(http.Spec[codingConf]{
	Name: "http_brotli_filter",
	Doc: `Compresses responses by brotli, for clients that take it, with the directives of the module ngx_brotli.

It does so under the same conditions as ` + "`gzip`" + `, but for those that are gzip's own: gzip_proxied, gzip_http_version and gzip_disable.
With gzip on as well, a client gets what it likes best.`,
	Directives: []conf.Directive[codingConf]{
		{
			Name: "brotli", In: places, Syntax: "on | off", Default: "off",
			Doc:     "Whether responses of status 200, 403 and 404 are compressed by brotli.",
			Example: "brotli on;",
			Set:     conf.Flag(func(c *codingConf) *bool { return &c.on }),
		},
		{
			Name: "brotli_comp_level", In: codingPlaces, Syntax: "<level:number>", Default: "6",
			Doc: "How hard brotli tries, from 0, the fastest, to 11. From 7 on it takes long: for files that are kept (`compress_cache`) rather than for pages that are made anew each time.",
			Set: func(c *codingConf, call *conf.Call) error {
				return c.setLevel(call, brotli.BestSpeed, brotli.BestCompression)
			},
		},
		{
			Name: "brotli_min_length", In: codingPlaces, Syntax: "<length:size>", Default: "20",
			Doc: "Responses that are known to be shorter are not compressed.",
			Set: conf.Size(func(c *codingConf) *int64 { return &c.minLength }),
		},
		{
			Name: "brotli_types", In: codingPlaces, Syntax: "<type:string> ...", Default: "text/html", Repeat: true,
			Doc:     "The types of responses that are compressed, besides text/html; `*` is any.",
			Example: "brotli_types text/css application/javascript application/json image/svg+xml;",
			Set:     func(c *codingConf, call *conf.Call) error { return c.types.add(call) },
		},
		{
			Name: "brotli_window", In: codingPlaces, Syntax: "<size>", Default: "512k",
			Doc: "How far back brotli looks, a power of two from 1k to 16m. It is about the memory that a response takes while it is compressed.",
			Set: powers(1<<10, 16<<20, "must be 1k, 2k, 4k, 8k, 16k, 32k, 64k, 128k, 256k, 512k, 1m, 2m, 4m, 8m or 16m"),
		},
		{
			Name: "brotli_buffers", In: codingPlaces, Syntax: "<number> <size>", Default: "32 4k", Support: conf.Ignored,
			Doc: "weir takes buffers of a loop as it needs them.",
		},
	},
	Variables: []http.Var{{Name: "brotli_ratio", Doc: "How many times smaller brotli has made the response.", Get: codingRatio("br")}},
	Install: func(c *codingConf, in *http.Install) error {
		return installCoding(c, in, coder{name: "br", rank: 2, encoder: brotliEncoder, memory: brotliMemory, heavy: 4})
	},
})

func brotliEncoder(c *codingConf) (encoder, error) {
	return brotli.NewWriterOptions(io.Discard, brotli.WriterOptions{Quality: c.level, LGWin: bits.Len64(uint64(c.window)) - 1}), nil
}

// brotliMemory was measured: the tables grow with the level, up to the last two, which have others.
func brotliMemory(level int) int64 {
	return [...]int64{1 << 20, 2 << 20, 2 << 20, 2 << 20, 3 << 20, 4 << 20, 4 << 20, 10 << 20, 18 << 20, 34 << 20, 16 << 20, 16 << 20}[level]
}
