package core

import "golang.org/x/sys/unix"

func tcpStateOf(fd int) (tcpState, error) {
	i, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return tcpState{}, err
	}
	return tcpState{i.Rtt, i.Rttvar, i.Snd_cwnd, i.Rcv_space}, nil
}
