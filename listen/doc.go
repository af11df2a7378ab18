// Package listen has what stands at the door: the addresses of listen directives, and the sockets
// that are opened on them.
//
// A listen directive becomes one Spec for each address and port it means. A Plan gathers the Specs
// of all servers, finds what contradicts itself, and says which sockets are needed. An Opener opens
// them; Diff says what a reload has to do.
package listen
