package core

import (
	"os"
	"strconv"

	"weir/http"
	"weir/listen"
	"weir/logs"
	"weir/vars"
)

// connectionVariables are those that tell of the client's connection and of the server.
func connectionVariables() []http.Var {
	return []http.Var{
		{Name: "remote_addr", Doc: "Address of the client.", Get: func(r *http.Request, _ string) http.Value { return val(remoteAddr(r)) }},
		{Name: "remote_port", Doc: "Port of the client.", Get: func(r *http.Request, _ string) http.Value {
			if r.From.Port() == 0 { // of a unix socket, or not known to realip
				return http.Value{}
			}
			return r.Number(int64(r.From.Port()))
		}},
		{Name: "binary_remote_addr", Doc: "Address of the client, 4 or 16 bytes.", Get: binaryRemoteAddr},
		{Name: "server_addr", Doc: "Address of the server that the client connected to.", Get: func(r *http.Request, _ string) http.Value {
			if r.Client.Socket.Unix {
				return val([]byte(r.Client.Socket.Text))
			}
			return val(r.Client.Local().Addr().AppendTo(r.Alloc(48)[:0]))
		}},
		{Name: "server_port", Doc: "Port that the client connected to.", Get: func(r *http.Request, _ string) http.Value {
			if r.Client.Socket.Unix {
				return http.Value{}
			}
			return r.Number(int64(r.Client.Local().Port()))
		}},
		{Name: "proxy_protocol_addr", Doc: "Address of the client, as the PROXY protocol header says.", Get: proxyProtocol(func(h *listen.ProxyHeader) string { return h.SrcAddr })},
		{Name: "proxy_protocol_port", Doc: "Port of the client, as the PROXY protocol header says.", Get: proxyProtocol(func(h *listen.ProxyHeader) string { return portText(h.SrcPort) })},
		{Name: "proxy_protocol_server_addr", Doc: "Address that the client connected to, as the PROXY protocol header says.", Get: proxyProtocol(func(h *listen.ProxyHeader) string { return h.DstAddr })},
		{Name: "proxy_protocol_server_port", Doc: "Port that the client connected to, as the PROXY protocol header says.", Get: proxyProtocol(func(h *listen.ProxyHeader) string { return portText(h.DstPort) })},
		{Name: "proxy_protocol_tlv_", Doc: "A TLV of the PROXY protocol header, by its name (`alpn`, `authority`, `unique_id`, `ssl`, `netns`, `ssl_version`, `ssl_cn` …) or number (`0x01`).", Get: proxyTLV},
		{Name: "server_name", Doc: "First name of the server that answers.", Get: func(r *http.Request, _ string) http.Value { return text(r, r.Server.Name) }},
		{Name: "hostname", Doc: "Name of the machine.", Get: func(r *http.Request, _ string) http.Value { return text(r, r.App.Hostname) }},
		{Name: "pid", Doc: "Process number of the worker.", Get: func(r *http.Request, _ string) http.Value { return r.Number(int64(os.Getpid())) }},
		{Name: "connection", Doc: "Serial number of the connection.", Get: func(r *http.Request, _ string) http.Value { return r.Number(int64(r.Client.Serial)) }},
		{Name: "connection_requests", Doc: "Number of requests made by the connection so far.", Get: func(r *http.Request, _ string) http.Value {
			return r.Number(int64(r.Client.Requests))
		}},
		{Name: "connection_time", Doc: "Age of the connection in seconds, to the millisecond.", Get: func(r *http.Request, _ string) http.Value {
			return millis(r, r.Task.Now().Sub(r.Client.Started).Milliseconds())
		}},
		{Name: "nginx_version", Doc: "Version of nginx that weir behaves as.", Get: func(r *http.Request, _ string) http.Value { return text(r, http.NginxVersion) }},
		{Name: "tcpinfo_rtt", Doc: "Round trip time of the client's connection, microseconds.", Get: tcpInfo(func(i *tcpState) uint32 { return i.rtt })},
		{Name: "tcpinfo_rttvar", Doc: "Variance of the round trip time, microseconds.", Get: tcpInfo(func(i *tcpState) uint32 { return i.rttvar })},
		{Name: "tcpinfo_snd_cwnd", Doc: "Congestion window of the client's connection.", Get: tcpInfo(func(i *tcpState) uint32 { return i.cwnd })},
		{Name: "tcpinfo_rcv_space", Doc: "Receive window of the client's connection.", Get: tcpInfo(func(i *tcpState) uint32 { return i.space })},
	}
}

// tcpState is what the kernel thinks of a connection, as far as there are variables for it.
type tcpState struct{ rtt, rttvar, cwnd, space uint32 }

func tcpInfo(f func(*tcpState) uint32) func(*http.Request, string) http.Value {
	return func(r *http.Request, _ string) http.Value {
		if r.Client.Conn == nil {
			return http.Value{Missing: true}
		}
		info, err := tcpStateOf(r.Client.Conn.FD())
		if err != nil {
			return http.Value{Missing: true}
		}
		return r.Number(int64(f(&info)))
	}
}

func binaryRemoteAddr(r *http.Request, _ string) http.Value {
	a := r.From.Addr()
	switch {
	case a.Is4():
		b := a.As4()
		return val(r.Copy(b[:]))
	case a.Is6():
		b := a.As16()
		return val(r.Copy(b[:]))
	}
	return http.Value{}
}

// remoteAddr is the text of the client's address: "unix:" for a unix socket.
func remoteAddr(r *http.Request) []byte {
	if !r.From.IsValid() {
		return []byte("unix:")
	}
	return r.From.Addr().AppendTo(r.Alloc(48)[:0])
}

// val is the value of bytes that live as long as the request.
func val(b []byte) http.Value { return http.Value{B: b} }

// maybe is the value of something that the request may not have: nil then.
func maybe(b []byte) http.Value { return http.Value{B: b, Missing: b == nil} }

// text is the value of a text, in memory of the request.
func text(r *http.Request, s string) http.Value {
	return http.Value{B: append(r.Alloc(len(s))[:0], s...)}
}

// millis is a time as seconds with three decimals.
func millis(r *http.Request, ms int64) http.Value {
	return http.Value{B: vars.AppendMillis(r.Alloc(24)[:0], ms)}
}

// proxyProtocol is a variable of the PROXY protocol header.
func proxyProtocol(f func(*listen.ProxyHeader) string) func(*http.Request, string) http.Value {
	return func(r *http.Request, _ string) http.Value {
		if r.Client.Proxy == nil {
			return http.Value{Missing: true}
		}
		return text(r, f(r.Client.Proxy))
	}
}

// portText is a port as variables have it: empty for 0, which nginx does not tell.
func portText(port uint16) string {
	if port == 0 {
		return ""
	}
	return strconv.Itoa(int(port))
}

func proxyTLV(r *http.Request, name string) http.Value {
	if r.Client.Proxy == nil {
		return http.Value{Missing: true}
	}
	v, ok, err := r.Client.Proxy.TLV(name)
	if err != nil {
		r.Log(logs.Error, err.Error())
	}
	return http.Value{B: v, Missing: !ok}
}
