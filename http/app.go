package http

import (
	"sync"

	"weir/disk"
	"weir/load"
	"weir/logs"
	"weir/vars"
)

// App is the http block of one cycle, ready to serve.
type App struct {
	Prefix    string // -p, with its final slash
	Signature string // "weir/1.2.3"
	Hostname  string
	Temp      *disk.TempNumbers
	Counters  *Counters        // nil: nothing is counted
	Debug     *logs.DebugPeers // whose connections are logged at level debug
	Vars      *vars.Table[*Request]
	Servers   []*Server
	Slots     int        // values of variables that each request has
	Life      *load.Life // its cycle is used as long as this is held

	subs sync.Pool // of *subrequest
}
