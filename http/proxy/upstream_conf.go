package proxy

import (
	"fmt"
	"io/fs"
	"net/netip"
	"time"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/http/ssl"
)

// upstreamConf are what proxy_*, fastcgi_* and their kin have in common: how a peer is asked, and how its
// answer is taken.
type upstreamConf struct {
	Buffering        bool
	RequestBuffering bool
	IgnoreAbort      bool // ask on although the client has gone
	InterceptErrors  bool
	Intercept404     bool // a 404 is weir's own
	ForceRanges      bool

	ConnectTimeout time.Duration
	SendTimeout    time.Duration
	ReadTimeout    time.Duration

	BufferSize   int64   // of the response's head
	Buffers      buffers // of its body
	BusySize     int64   // these three plus one; 0: not set
	MaxTempFile  int64
	TempWrite    int64
	TempPath     *disk.TempPath
	LimitRate    *http.Text
	Next         Faults // what the next peer is asked for
	NextTries    int
	NextTimeout  time.Duration
	Bind         bind
	Ignore       ignored
	PassHeaders  bool
	PassBody     bool
	PassTrailers bool
	Hide, Pass   []string // names of response fields
	Store        storePlace
	StoreAccess  fs.FileMode
	Cache        cacheConf

	SSL ssl.UpstreamConf

	SocketKeepalive bool
	RecvBuf         int64
	SendBuf         int64
}

// buffers is proxy_buffers.
type buffers struct {
	Num  int
	Size int64
}

// total is how much of a body may be held in memory.
func (b buffers) total() int64 { return int64(b.Num) * b.Size }

// bind is proxy_bind: nothing, an address, or text that becomes one.
type bind struct {
	addr        netip.AddrPort
	text        *http.Text
	transparent bool
}

// ignored is a set of response fields that are passed on, or hidden, but not obeyed.
type ignored uint16

const (
	ignoreRedirect ignored = 1 << iota
	ignoreAccelExpires
	ignoreLimitRate
	ignoreBuffering
	ignoreCharset
	ignoreExpires
	ignoreCacheControl
	ignoreSetCookie
	ignoreVary
)

// sizes are the bounds of buffering with the defaults that depend on each other.
type sizes struct {
	memory int64 // of a body, beyond which it goes to a file
	busy   int64 // of a body given to the client's side and not yet sent
	temp   int64 // of a temporary file
	write  int   // to it at a time
}

// sizes completes the sizes and holds them against each other, as nginx does for every block. culprit
// is the directive to blame.
func (o *upstreamConf) sizes(prefix string) (z sizes, culprit string, err error) {
	one := max(o.BufferSize, o.Buffers.Size)
	or := func(v, unset int64) int64 {
		if v == 0 {
			return unset
		}
		return v - 1
	}
	z.memory = o.Buffers.total()
	z.busy = or(o.BusySize, 2*one)
	write := or(o.TempWrite, 2*one)
	z.temp = or(o.MaxTempFile, 1<<30)
	z.write = int(write)
	const least = "the maximum of the value of \"%[1]sbuffer_size\" and one of the \"%[1]sbuffers\""
	text := ""
	switch {
	case o.Buffers.Num == 0:
		// its own error was reported
	case o.Buffers.Num < 2:
		culprit, text = "buffers", "there must be at least 2 \"%[1]sbuffers\""
	case z.busy < one:
		culprit, text = "busy_buffers_size", "\"%[1]sbusy_buffers_size\" must be equal to or greater than "+least
	case z.busy > z.memory-o.Buffers.Size:
		culprit, text = "busy_buffers_size", "\"%[1]sbusy_buffers_size\" must be less than the size of all \"%[1]sbuffers\" minus one buffer"
	case write < one:
		culprit, text = "temp_file_write_size", "\"%[1]stemp_file_write_size\" must be equal to or greater than "+least
	case z.temp != 0 && z.temp < one:
		culprit, text = "max_temp_file_size", "\"%[1]smax_temp_file_size\" must be equal to zero to disable temporary files usage or must be equal to or greater than "+least
	}
	if text != "" {
		err = fmt.Errorf(text, prefix)
	}
	return z, prefix + culprit, err
}

// blame makes an error about sizes one of the nearest directive that can be meant.
func blame(b *conf.Block, prefix, culprit string, err error) error {
	at := conf.Spot{Node: b.Nearest(culprit, prefix+"buffers", prefix+"buffer_size"), Arg: -1}
	return at.Errorf("%v", err).Merged()
}
