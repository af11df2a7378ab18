//go:build !linux || portable

package loop

import (
	"os"
	"sync/atomic"
	"syscall"
)

// packetSocket is what Packets hold of this system: a goroutine waits for each side, as for a connection (watcher_portable.go), and posts
// to the loop.
type packetSocket struct {
	file    *os.File
	raw     syscall.RawConn
	again   chan struct{} // the loop has taken what there was
	broke   atomic.Int32  // the error that a look took from the socket
	writing bool
}

type packetScratch struct{}

func (p *Packets) watch() syscall.Errno {
	if _, err := syscall.GetsockoptInt(p.fd, syscall.SOL_SOCKET, syscall.SO_TYPE); err != nil {
		return errno(err) // the file could not give back a descriptor that is none
	}
	p.file = os.NewFile(uintptr(p.fd), "datagrams")
	raw, err := p.file.SyscallConn()
	if err != nil {
		return syscall.EBADF
	}
	p.raw, p.again = raw, make(chan struct{}, 1)
	go p.wait()
	return 0
}

// wait tells the loop when there is something to receive, once for each time it has looked.
func (p *Packets) wait() {
	peek := make([]byte, 1)
	for {
		err := p.raw.Read(func(fd uintptr) bool {
			_, _, err := syscall.Recvfrom(int(fd), peek, syscall.MSG_PEEK)
			switch e := errno(err); e {
			case syscall.EAGAIN, syscall.EINTR:
				return false
			default:
				p.broke.Store(int32(e))
				return true
			}
		})
		if err != nil { // closed
			return
		}
		p.loop.Post(p.receive)
		if _, ok := <-p.again; !ok {
			return
		}
	}
}

func (p *Packets) unwatch() {
	close(p.again)
	p.file.Close()
	p.fd = -1
}

func (p *Packets) segments() bool { return false }
func (p *Packets) noSegments()    {}

// blocked has the loop told when the socket takes more.
func (p *Packets) blocked() {
	if p.writing {
		return
	}
	p.writing = true
	raw, l := p.raw, p.loop
	go func() {
		_ = raw.Write(func(fd uintptr) bool { return lookOut(int(fd)) != 0 })
		l.Post(func() {
			p.writing = false
			p.Flush()
		})
	}()
}

// receive takes what has come.
func (p *Packets) receive() {
	room := p.loop.Take(packetRoom)
	defer p.loop.Give(room)
	if e := p.broke.Swap(0); e != 0 && !p.gone {
		p.failed(syscall.Errno(e))
	}
	for range packetBatch {
		if p.gone {
			return
		}
		n, sa, err := syscall.Recvfrom(p.fd, room, 0)
		switch err {
		case nil:
			var from address
			from.set(&rawAddr{sa})
			p.deliver(from, room[:n], 0)
			continue
		case syscall.EAGAIN, syscall.EINTR:
		default:
			p.failed(errno(err))
		}
		break
	}
	if !p.gone {
		p.again <- struct{}{}
	}
}

// sendMessages sends the first message, which is one datagram.
func (p *Packets) sendMessages(msgs []message) (int, syscall.Errno) {
	m := &msgs[0]
	data := p.queue.buf[m.at : m.at+m.size]
	var err error
	switch m.to.family {
	case familyOther:
		_, err = syscall.Write(p.fd, data)
	case family4:
		err = syscall.Sendto(p.fd, data, 0, &syscall.SockaddrInet4{Port: int(m.to.port), Addr: [4]byte(m.to.ip[:4])})
	default:
		err = syscall.Sendto(p.fd, data, 0, &syscall.SockaddrInet6{Port: int(m.to.port), Addr: m.to.ip})
	}
	switch e := errno(err); e {
	case 0:
		return 1, 0
	case syscall.EINTR, syscall.ENOBUFS: // what BSD says of a full queue
		return 0, syscall.EAGAIN
	default:
		return 0, e
	}
}
