package status

import (
	"os"

	"weir/disk"
	"weir/http"
)

// serverAddr is the address that a client has connected to.
func serverAddr(r *http.Request) string {
	if r.Client.Socket.Unix {
		return r.Client.Socket.Text
	}
	return r.Client.Local().Addr().String()
}

// wholeBody is the body of a request, which has been read. It reports false when that cannot be had.
func wholeBody(r *http.Request) ([]byte, bool) {
	b := &r.Body
	if b.File == nil {
		return b.Mem, true
	}
	if b.Size > mostBody {
		return nil, false
	}
	whole := make([]byte, b.Size)
	n, err := disk.ReadFull(r.Task, b.File.FD(), whole)
	return whole, err == nil && n == len(whole)
}

// mostBody is how long a body may be that says something of a server.
const mostBody = 1 << 20

func (c *call) nginx() object {
	p := c.app.Past.Read()
	return object{
		{"version", http.NginxVersion},
		{"build", c.app.Signature},
		{"address", c.server},
		{"generation", p.Generation},
		{"load_timestamp", p.Loaded},
		{"timestamp", c.wall},
		{"pid", os.Getpid()},
		{"ppid", os.Getppid()},
	}
}

func (c *call) processes() object { return object{{"respawned", c.app.Past.Read().Respawned}} }

// ssl counts handshakes with clients. What crypto/tls does not tell is left out.
func (c *call) ssl() object {
	n := c.app.Counters.Handshakes
	resumed, late := n(http.HandshakeResumed), n(http.HandshakeTimeout)
	return object{
		{"handshakes", n(http.HandshakeNew) + resumed},
		{"handshakes_failed", n(http.HandshakeFailed) + late},
		{"session_reuses", resumed},
		{"handshake_timeout", late},
	}
}

// workers is the one worker that there is.
func (c *call) workers() object {
	return object{{"0", object{
		{"id", 0},
		{"pid", os.Getpid()},
		{"connections", c.connections()},
		{"http", object{{"requests", c.requests()}}},
	}}}
}

func (c *call) connections() object {
	n := c.app.Counters.Read()
	return object{
		{"accepted", n.Accepted},
		{"dropped", n.Accepted - n.Handled},
		{"active", n.Active - n.Waiting},
		{"idle", n.Waiting},
	}
}

func (c *call) requests() object {
	n := c.app.Counters.Read()
	return object{{"total", n.Requests}, {"current", n.Reading + n.Writing}}
}
