package weirtest

import (
	"errors"
	"syscall"
)

// LazyPort, as the Control of a net.Dialer, has the kernel choose the port when it knows where the connection goes, so that other
// connections and those lately closed take none away.
func LazyPort(_, _ string, c syscall.RawConn) error {
	const bindAddressNoPort = 24 // IP_BIND_ADDRESS_NO_PORT
	var err error
	e := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, bindAddressNoPort, 1) })
	return errors.Join(err, e)
}
