package filter

import (
	"io"
	"time"

	"github.com/klauspost/compress/gzip"

	"weir/conf"
	"weir/http"
)

// Gzip is nginx's gzip filter.
var Gzip = http.Define(http.Spec[codingConf]{
	Name: "http_gzip_filter",
	Doc: `Compresses responses by gzip, for clients that take it.

What a static file becomes is kept in memory, see ` + "`compress_cache`" + `. Where ` + "`brotli`" + ` or ` + "`zstd`" + ` are on as well, the client's
Accept-Encoding decides; of those it likes best zstd comes before brotli, and brotli before gzip.`,
	Directives: []conf.Directive[codingConf]{
		{
			Name: "gzip", In: places, Syntax: "on | off", Default: "off",
			Doc:     "Whether responses of status 200, 403 and 404 are compressed by gzip.",
			Example: "gzip on;",
			Set:     conf.Flag(func(c *codingConf) *bool { return &c.on }),
		},
		{
			Name: "gzip_comp_level", In: codingPlaces, Syntax: "<level:number>", Default: "1",
			Doc: "How hard gzip tries, from 1, the fastest, to 9.",
			Set: func(c *codingConf, call *conf.Call) error { return c.setLevel(call, 1, 9) },
		},
		{
			Name: "gzip_min_length", In: codingPlaces, Syntax: "<length:size>", Default: "20",
			Doc: "Responses that are known to be shorter are not compressed.",
			Set: conf.Size(func(c *codingConf) *int64 { return &c.minLength }),
		},
		{
			Name: "gzip_types", In: codingPlaces, Syntax: "<type:string> ...", Default: "text/html", Repeat: true,
			Doc:     "The types of responses that are compressed, besides text/html; `*` is any.",
			Example: "gzip_types text/css application/javascript application/json image/svg+xml;",
			Set:     func(c *codingConf, call *conf.Call) error { return c.types.add(call) },
		},
		{
			Name: "gzip_buffers", In: codingPlaces, Syntax: "<number> <size>", Default: "32 4k", Support: conf.Ignored,
			Doc: "weir takes buffers of a loop as it needs them.",
			Set: conf.CheckBuffers[codingConf](),
		},
		{
			Name: "gzip_window", In: codingPlaces, Syntax: "<size>", Default: "32k", Support: conf.Ignored,
			Doc: "the window is 32k.",
			Set: powers(512, 32<<10, "must be 512, 1k, 2k, 4k, 8k, 16k, or 32k"),
		},
		{
			Name: "gzip_hash", In: codingPlaces, Syntax: "<size>", Default: "128k", Support: conf.Ignored,
			Doc: "the tables of an encoder are as large as its level has them.",
			Set: powers(512, 128<<10, "must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k"),
		},
		{
			Name: "postpone_gzipping", In: codingPlaces, Syntax: "<size>", Default: "0", Support: conf.Ignored,
			Doc: "an encoder gathers what it gets by itself.",
		},
		{
			Name: "gzip_no_buffer", In: codingPlaces, Syntax: "on | off", Default: "off", Support: conf.Ignored,
			Doc: "what is to reach the client at once is flushed.",
		},
	},
	Variables: []http.Var{{Name: "gzip_ratio", Doc: "How many times smaller gzip has made the response.", Get: codingRatio("gzip")}},
	Install: func(c *codingConf, in *http.Install) error {
		return installCoding(c, in, coder{name: "gzip", rank: 1, rules: true, encoder: gzipEncoder, memory: gzipMemory, light: gzipLight, heavy: 8})
	},
})

// gzipWriter begins as nginx does: without a time, made on Unix.
type gzipWriter struct{ *gzip.Writer }

func (w gzipWriter) Reset(to io.Writer) {
	w.Writer.Reset(to)
	w.ModTime, w.OS = time.Unix(0, 0), 3
}

func gzipEncoder(c *codingConf) (encoder, error) { return newGzipWriter(c.level) }

// gzipLight is an encoder that has no memory of its own between two writes: what it makes is larger.
func gzipLight() (encoder, error) { return newGzipWriter(gzip.StatelessCompression) }

func newGzipWriter(level int) (encoder, error) {
	w, err := gzip.NewWriterLevel(io.Discard, level)
	return gzipWriter{w}, err
}

func gzipMemory(int) int64 { return 1 << 20 }
