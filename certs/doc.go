// Package certs has what TLS needs and no protocol above it knows: certificates and keys, whom to trust, which protocols, ciphers and
// groups are spoken, session tickets, OCSP answers; and [Conn], which is crypto/tls on a loop.
//
// What OpenSSL says where something cannot be loaded is said here in its words, since operators look for them.
//
//	text → PEM blocks → chain, key → Pair → tls.Config → Conn
//
// Servers and clients (connections to upstream servers) use the same parts.
package certs
