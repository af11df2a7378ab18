package certs

import "weir/conf"

// mainConf holds the settings that concern the library.
type mainConf struct {
	keep bool
}

// Module is nginx's OpenSSL module.
var Module = conf.Define("openssl", "What concerns the TLS library.", []conf.Directive[mainConf]{
	{
		Name: "ssl_engine", In: conf.Main, Syntax: "<device:string>", Support: conf.Ignored,
		Doc: "Accepted and ignored, with a warning: there are no engines; the processor's own instructions are used.",
		Declare: func(call *conf.Call) error {
			call.Warnf(0, "\"ssl_engine\" is not supported, ignored: the processor's own instructions are used")
			return nil
		},
	},
	{
		Name: "ssl_object_cache_inheritable", In: conf.Main, Syntax: "on | off", Default: "on", Support: conf.Ignored,
		Doc: "Accepted and ignored: a reload reads all certificates and keys.",
		Set: conf.Flag(func(c *mainConf) *bool { return &c.keep }),
	},
})
