package http

import (
	"net/netip"
	"os"
	"strconv"

	"weir/listen"
	"weir/logs"
)

// connectionVariables are those that tell of the client's connection and of the server.
func connectionVariables() []Var {
	return []Var{
		{Name: "remote_addr", Doc: "Address of the client.", Get: func(r *Request, _ string) Value { return r.val(r.remoteAddr()) }},
		{Name: "remote_port", Doc: "Port of the client.", Get: func(r *Request, _ string) Value {
			if r.From.Port() == 0 { // of a unix socket, or not known to realip
				return Value{}
			}
			return r.num(int64(r.From.Port()))
		}},
		{Name: "binary_remote_addr", Doc: "Address of the client, 4 or 16 bytes.", Get: binaryRemoteAddr},
		{Name: "server_addr", Doc: "Address of the server that the client connected to.", Get: func(r *Request, _ string) Value {
			if r.Client.Socket.Unix {
				return r.val([]byte(r.Client.Socket.Text))
			}
			return r.val(appendAddr(r.Alloc(48)[:0], r.Client.Local().Addr()))
		}},
		{Name: "server_port", Doc: "Port that the client connected to.", Get: func(r *Request, _ string) Value {
			if r.Client.Socket.Unix {
				return Value{}
			}
			return r.num(int64(r.Client.Local().Port()))
		}},
		{Name: "proxy_protocol_addr", Doc: "Address of the client, as the PROXY protocol header says.", Get: proxyProtocol(func(h *listen.ProxyHeader) string { return h.SrcAddr })},
		{Name: "proxy_protocol_port", Doc: "Port of the client, as the PROXY protocol header says.", Get: proxyProtocol(func(h *listen.ProxyHeader) string { return portText(h.SrcPort) })},
		{Name: "proxy_protocol_server_addr", Doc: "Address that the client connected to, as the PROXY protocol header says.", Get: proxyProtocol(func(h *listen.ProxyHeader) string { return h.DstAddr })},
		{Name: "proxy_protocol_server_port", Doc: "Port that the client connected to, as the PROXY protocol header says.", Get: proxyProtocol(func(h *listen.ProxyHeader) string { return portText(h.DstPort) })},
		{Name: "proxy_protocol_tlv_", Doc: "A TLV of the PROXY protocol header, by its name (`alpn`, `authority`, `unique_id`, `ssl`, `netns`, `ssl_version`, `ssl_cn` …) or number (`0x01`).", Get: proxyTLV},
		{Name: "server_name", Doc: "First name of the server that answers.", Get: func(r *Request, _ string) Value { return r.str(r.Server.Name) }},
		{Name: "hostname", Doc: "Name of the machine.", Get: func(r *Request, _ string) Value { return r.str(r.App.Hostname) }},
		{Name: "pid", Doc: "Process number of the worker.", Get: func(r *Request, _ string) Value { return r.num(int64(os.Getpid())) }},
		{Name: "connection", Doc: "Serial number of the connection.", Get: func(r *Request, _ string) Value { return r.num(int64(r.Client.Serial)) }},
		{Name: "connection_requests", Doc: "Number of requests made by the connection so far.", Get: func(r *Request, _ string) Value {
			return r.num(int64(r.Client.Requests))
		}},
		{Name: "connection_time", Doc: "Age of the connection in seconds, to the millisecond.", Get: func(r *Request, _ string) Value {
			return r.millis(r.Task.Now().Sub(r.Client.Started).Milliseconds())
		}},
		{Name: "nginx_version", Doc: "Version of nginx that weir behaves as.", Get: func(r *Request, _ string) Value { return r.str(NginxVersion) }},
		{Name: "tcpinfo_rtt", Doc: "Round trip time of the client's connection, microseconds.", Get: tcpInfo(func(i *tcpState) uint32 { return i.rtt })},
		{Name: "tcpinfo_rttvar", Doc: "Variance of the round trip time, microseconds.", Get: tcpInfo(func(i *tcpState) uint32 { return i.rttvar })},
		{Name: "tcpinfo_snd_cwnd", Doc: "Congestion window of the client's connection.", Get: tcpInfo(func(i *tcpState) uint32 { return i.cwnd })},
		{Name: "tcpinfo_rcv_space", Doc: "Receive window of the client's connection.", Get: tcpInfo(func(i *tcpState) uint32 { return i.space })},
	}
}

// tcpState is what the kernel thinks of a connection, as far as there are variables for it.
type tcpState struct{ rtt, rttvar, cwnd, space uint32 }

func tcpInfo(f func(*tcpState) uint32) func(*Request, string) Value {
	return func(r *Request, _ string) Value {
		if r.Client.Conn == nil {
			return Value{Missing: true}
		}
		info, err := tcpStateOf(r.Client.Conn.FD())
		if err != nil {
			return Value{Missing: true}
		}
		return r.num(int64(f(&info)))
	}
}

func binaryRemoteAddr(r *Request, _ string) Value {
	a := r.From.Addr()
	switch {
	case a.Is4():
		b := a.As4()
		return r.val(r.Copy(b[:]))
	case a.Is6():
		b := a.As16()
		return r.val(r.Copy(b[:]))
	}
	return Value{}
}

// remoteAddr is the text of the client's address: "unix:" for a unix socket.
func (r *Request) remoteAddr() []byte {
	if !r.From.IsValid() {
		return []byte("unix:")
	}
	return appendAddr(r.Alloc(48)[:0], r.From.Addr())
}

func appendAddr(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	return a.AppendTo(b)
}

// val, str, num and millis make values in memory of the exchange.

func (r *Request) val(b []byte) Value { return Value{B: b} }

// maybe is the value of something that the request may not have: nil then.
func (r *Request) maybe(b []byte) Value { return Value{B: b, Missing: b == nil} }

func (r *Request) str(s string) Value { return Value{B: append(r.Alloc(len(s))[:0], s...)} }

func (r *Request) num(n int64) Value { return Value{B: strconv.AppendInt(r.Alloc(20)[:0], n, 10)} }

// millis is a time as seconds with three decimals.
func (r *Request) millis(ms int64) Value { return Value{B: AppendMillis(r.Alloc(24)[:0], ms)} }

// AppendMillis appends milliseconds as seconds with three decimals, as nginx logs times.
func AppendMillis(b []byte, ms int64) []byte {
	if ms < 0 {
		ms = 0
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	f := ms % 1000
	return append(b, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
}

// Number makes a value of a number, in memory of the exchange.
func (r *Request) Number(n int64) Value { return r.num(n) }

// proxyProtocol is a variable of the PROXY protocol header.
func proxyProtocol(f func(*listen.ProxyHeader) string) func(*Request, string) Value {
	return func(r *Request, _ string) Value {
		if r.Client.Proxy == nil {
			return Value{Missing: true}
		}
		return r.str(f(r.Client.Proxy))
	}
}

// portText is a port as variables have it: empty for 0, which nginx does not tell.
func portText(port uint16) string {
	if port == 0 {
		return ""
	}
	return strconv.Itoa(int(port))
}

func proxyTLV(r *Request, name string) Value {
	if r.Client.Proxy == nil {
		return Value{Missing: true}
	}
	v, ok, err := r.Client.Proxy.TLV(name)
	if err != nil {
		r.Log(logs.Error, err.Error())
	}
	return Value{B: v, Missing: !ok}
}
