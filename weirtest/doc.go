// Package weirtest is the bench on which a whole server is tried: it starts the real binary in a directory of its own, talks to it over
// real sockets, byte for byte, and gives it real back ends that behave badly on request.
//
// Any binary that takes nginx's flags can stand on the bench. WEIR_BINARY names one; without it the weir of this module is built.
// WEIR_TEST_SLOW=5 makes every wait five times as patient, for slow machines.
//
//	ports, err := weirtest.NewPorts()
//	addr, err := ports.Take()
//	s, err := weirtest.Start(weirtest.Options{Binary: bin, Dir: dir, Ready: []string{addr}})
//	answers, err := weirtest.Ask(addr, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
//	code, err := s.Stop(syscall.SIGQUIT)
//
// Nothing here imports a package of the server: the bench sees what a client and an administrator see.
// The commands of the .txtar scripts are in weirtest/script.
package weirtest
