package certs

import "weir/conf"

// Module is nginx's OpenSSL module.
var Module = conf.Define("openssl", "What concerns the TLS library.", []conf.Directive[struct{}]{
	{
		Name: "ssl_engine", In: conf.Main, Syntax: "<device:string>", Support: conf.Warned,
		Doc: "there are no engines; the processor's own instructions are used.",
	},
	{
		Name: "ssl_object_cache_inheritable", In: conf.Main, Syntax: "on | off", Default: "on", Support: conf.Ignored,
		Doc: "a reload reads all certificates and keys.",
	},
})
