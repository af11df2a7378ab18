package content

import (
	"weir/conf"
	"weir/http"
)

// mirrorConf holds the settings of one block.
type mirrorConf struct {
	uris [][]byte
	off  bool
	body bool
}

// Mirror is nginx's mirror module: requests are sent elsewhere as well, and what is answered there does not matter.
var Mirror = http.Define(http.Spec[mirrorConf]{
	Name: "http_mirror",
	Doc:  "Sends copies of requests elsewhere, and does not look at the answers.",
	Directives: []conf.Directive[mirrorConf]{
		{
			Name: "mirror", In: conf.HTTP | conf.Server | conf.Location, Syntax: "<uri:string>", Default: "off", Repeat: true,
			Doc: `Has a copy of each request answered at the *uri* of the same server, with the arguments of the request, and lets go of the answer.
Several may be named; **off** undoes those of the block around. A copy does not hold up the request, nor the next one on its connection.`,
			Example: "mirror /mirror;",
			Set:     setMirror,
		},
		{
			Name: "mirror_request_body", In: conf.HTTP | conf.Server | conf.Location, Syntax: "on | off", Default: "on",
			Doc: "Whether copies have the body. If so it is read as a whole before the request goes on, whatever `proxy_request_buffering` says.",
			Set: conf.Flag(func(c *mirrorConf) *bool { return &c.body }),
		},
	},
	Install: func(c *mirrorConf, in *http.Install) error {
		if len(c.uris) > 0 {
			in.Step(http.PreContent, c.run)
		}
		return nil
	},
})

func setMirror(c *mirrorConf, call *conf.Call) error {
	if call.IsDefault() {
		return nil
	}
	word := call.Arg(0)
	if c.off || word == "off" && len(c.uris) > 0 {
		return call.Errorf(-1, "\"mirror\" directive is duplicate")
	}
	if c.off = word == "off"; !c.off {
		c.uris = append(c.uris, []byte(word))
	}
	return nil
}

// run sends the copies on their way.
func (c *mirrorConf) run(r *http.Request) http.Verdict {
	if r.IsSub() {
		return http.Next
	}
	if r.Debugs() {
		r.Debugf("mirror handler")
	}
	if c.body {
		if v := r.ReadBody(); v != http.Next {
			return v
		}
	}
	for _, uri := range c.uris {
		r.Detach(http.DetachOptions{NoBody: !c.body}, func(q *http.Request) { q.ServeAs(uri, q.Args) })
	}
	return http.Next
}
