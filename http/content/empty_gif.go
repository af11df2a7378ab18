package content

import (
	"time"

	"weir/conf"
	"weir/http"
)

// EmptyGIF is nginx's empty_gif module: a picture that shows nothing.
var EmptyGIF = http.Define(http.Spec[emptyGIFConf]{
	Name: "http_empty_gif",
	Doc:  "Answers with a transparent picture of one pixel.",
	Directives: []conf.Directive[emptyGIFConf]{{
		Name: "empty_gif", In: conf.Location, Inherit: conf.Never, Syntax: "", Repeat: true,
		Doc:     "Answers with a transparent GIF of one pixel, from memory.",
		Example: "location = /_.gif { empty_gif; }",
		Set:     func(c *emptyGIFConf, _ *conf.Call) error { c.on = true; return nil },
	}},
	Install: func(c *emptyGIFConf, in *http.Install) error {
		if c.on {
			in.Handler(serveGIF)
		}
		return nil
	},
})

type emptyGIFConf struct{ on bool }

// pixel is the picture: a palette of white and black, of which white is transparent, and one pixel of it.
const pixel = "GIF89a\x01\x00\x01\x00\x80\x01\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x01\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02L\x01\x00;"

// pixelTime is when the picture was last changed, by what nginx says of its own.
var pixelTime = time.Date(1970, time.September, 28, 6, 0, 0, 0, time.UTC).Unix()

func serveGIF(r *http.Request) http.Verdict {
	if r.Method&(http.GET|http.HEAD) == 0 {
		return http.StatusNotAllowed
	}
	if v := r.DiscardBody(); v != http.Next {
		return v
	}
	r.Out.LastModified = pixelTime
	return answerWith(r, "image/gif", []byte(pixel))
}
