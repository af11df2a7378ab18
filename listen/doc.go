// Package listen has what stands at the door: the addresses of listen directives, and the sockets
// that are opened on them.
//
// A listen directive becomes one Spec for each address and port it means. A Plan gathers the Specs
// of all servers, finds what contradicts itself, and says which sockets are needed. Open makes one;
// Diff says what a reload has to do.
//
//	specs, err := listen.Parse([]string{"8000-8001", "backlog=1024"}, nil)
//	fd, err := listen.Open(specs[0]) // 0.0.0.0:8000
package listen
