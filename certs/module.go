// Package certs has what TLS needs and no protocol above it knows: certificates and keys, whom to trust, which protocols, ciphers and
// groups are spoken, session tickets, OCSP answers; and [Conn], which is crypto/tls on a loop.
//
// What OpenSSL says where something cannot be loaded is said here in its words, since operators look for them.
//
//	text → PEM blocks → chain, key → Pair → tls.Config → Conn
//
// Servers and clients (connections to upstream servers) use the same parts.
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
