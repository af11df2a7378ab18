package filter

import (
	"io"
	"strconv"
	"sync"
	"sync/atomic"

	"weir/conf"
	"weir/http"
	"weir/http/field"
)

// codingConf holds the settings of gzip, brotli or zstd of one block.
type codingConf struct {
	on        bool
	level     int
	window    int64
	minLength int64
	types     mediaTypes

	made *coding // with these settings, once a location has asked for it
}

const codingPlaces = conf.HTTP | conf.Server | conf.Location

func (c *codingConf) setLevel(call *conf.Call, least, most int) error {
	n, err := conf.ParseInt(call.Arg(0))
	if err != nil {
		return call.Invalid(0, "invalid number")
	}
	if n < least || n > most {
		return call.Errorf(0, "value must be between %d and %d", least, most)
	}
	c.level = n
	return nil
}

// powers checks that a size is a power of two between two others.
func powers(least, most int64, complaint string) func(*codingConf, *conf.Call) error {
	return func(c *codingConf, call *conf.Call) error {
		n, err := conf.ParseSize(call.Arg(0))
		if err != nil {
			return call.Invalid(0, "invalid value")
		}
		if n < least || n > most || n&(n-1) != 0 {
			return call.Errorf(0, "\"%s\" directive %s", call.Name(), complaint)
		}
		c.window = n
		return nil
	}
}

// An encoder compresses a stream. It may be used by one goroutine at a time, whichever that is.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// A coder is what a module knows of its coding.
type coder struct {
	name    string // in Accept-Encoding and Content-Encoding
	rank    int    // among codings that the client likes equally well the highest is taken
	rules   bool   // gzip_proxied and its kin hold for it
	encoder func(*codingConf) (encoder, error)
	memory  func(level int) int64   // that an encoder takes, in bytes, about
	light   func() (encoder, error) // one that keeps no memory, for when there are too many others; may be nil
	heavy   int                     // from this level on it is too slow for a loop
}

// A coding is one content coding with its settings.
type coding struct {
	coder
	conf   *codingConf
	value  []byte
	heavy  bool
	memory int64
	number uint32 // tells codings of one build apart
	common *codingCommon
	idle   sync.Pool // of *running
	lights sync.Pool // of *running, without memory
}

// codingCommon is what all codings of a build share.
type codingCommon struct {
	forms   *forms
	cached  *forms       // forms, if the location being equipped uses them
	bodies  sync.Pool    // of *codedBody
	running atomic.Int64 // memory of the encoders at work
	slots   slots        // for heavy work
	numbers uint32
	last    *codings // of the location that was equipped last
	at      *http.Location
}

// maxRunning is how much memory encoders at work may have: a slow client may keep one for long. Beyond it gzip goes on with encoders that
// have none, and the others are not offered.
const maxRunning = 256 << 20

// codings are those that are on in one location, the one that is liked best first.
type codings struct {
	list   []*coding
	common *codingCommon
	forms  *forms // nil: they are not used here
}

// installCoding adds a coding to those of the location.
func installCoding(c *codingConf, in *http.Install, what coder) error {
	if !c.on {
		return nil
	}
	common := http.Of[codingCommon](in.Builder)
	if c.made == nil {
		common.numbers++
		c.made = &coding{coder: what, conf: c, value: []byte(what.name), heavy: c.level >= what.heavy, memory: what.memory(c.level), number: common.numbers, common: common}
	}
	if common.at != in.Loc {
		common.at, common.last = in.Loc, &codings{common: common, forms: common.cached}
		in.Head(common.last.head)
	}
	list := &common.last.list
	*list = append(*list, c.made)
	for i := len(*list) - 1; i > 0 && (*list)[i].rank > (*list)[i-1].rank; i-- {
		(*list)[i], (*list)[i-1] = (*list)[i-1], (*list)[i]
	}
	return nil
}

// head chooses the coding of a response.
func (c *codings) head(r *http.Request) http.Verdict {
	o := &r.Out
	if o.Status != 200 && o.Status != 403 && o.Status != 404 || r.HeaderOnly || r.IsSub() ||
		len(o.Fields.Get(field.ContentEncoding)) > 0 {
		return http.Next
	}
	best := c.choose(r)
	if best == nil {
		return http.Next
	}
	filtered := r.Filtered()
	o.AddField(field.ContentEncoding, field.ContentEncoding.Bytes(), best.value)
	o.ContentLength, o.AllowRanges = -1, false
	o.DropField(field.AcceptRanges)
	r.WeakenETag()
	b := best.body()
	if c.forms != nil && !filtered {
		b.whole, b.forms = o.Whole, c.forms
	}
	http.Store(r, b, http.UntilEnd)
	r.OnEnd(b)
	r.FilterBody(b)
	return http.Next
}

// choose returns the coding that the client likes best, nil if it likes none of those that are there for such a response.
func (c *codings) choose(r *http.Request) (best *coding) {
	o := &r.Out
	accepted, weight := r.In.Get(field.AcceptEncoding), 0
	for _, one := range c.list {
		if o.ContentLength >= 0 && o.ContentLength < one.conf.minLength || !one.conf.types.has(o.ContentType) {
			continue
		}
		o.CodingVaries = true
		w := field.AcceptsCoding(accepted, one.name)
		if w <= weight || one.light == nil && c.common.running.Load()+one.memory > maxRunning || one.rules && !r.Loc.Core.GzipOK(r) {
			continue
		}
		best, weight = one, w
	}
	return best
}

// codingRatio is the variable that tells how many times smaller a coding has made a response.
func codingRatio(name string) func(*http.Request, string) http.Value {
	return func(r *http.Request, _ string) http.Value {
		b, ok := http.Load[*codedBody](r)
		if !ok || b.coding.name != name || b.out == 0 {
			return http.Value{Missing: true}
		}
		hundredths := (b.in*1000/b.out + 5) / 10
		v := strconv.AppendInt(r.Alloc(24)[:0], hundredths/100, 10)
		v = append(v, '.', byte('0'+hundredths/10%10), byte('0'+hundredths%10))
		return http.Value{B: v}
	}
}
