package content

import (
	"math"
	"time"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/logs"
)

// MP4 is nginx's mp4 module: the part of an MP4 file between two moments.
var MP4 = http.Define(http.Spec[mp4Conf]{
	Name: "http_mp4",
	Doc:  "Sends the part of an MP4 video between the moments that the arguments `start` and `end` name.",
	Directives: []conf.Directive[mp4Conf]{
		{
			Name: "mp4", In: conf.Location, Inherit: conf.Never, Syntax: "", Repeat: true,
			Doc: `Sends MP4 files. The arguments **start** and **end** of the request are seconds, with a dot if need be; what lies between them is sent
as a video of its own. A file whose description (the moov atom) comes last is sent with it in front when **start** is asked for, 0 too.`,
			Example: "location /video/ { mp4; }",
			Set:     func(c *mp4Conf, _ *conf.Call) error { c.on = true; return nil },
		},
		{
			Name: "mp4_buffer_size", In: conf.HTTP | conf.Server | conf.Location, Syntax: "<size>", Default: "512k",
			Doc: "How large the description of a file may be, whatever `mp4_max_buffer_size` says. Memory is taken for what there is.",
			Set: conf.Size(func(c *mp4Conf) *int64 { return &c.buffer }),
		},
		{
			Name: "mp4_max_buffer_size", In: conf.HTTP | conf.Server | conf.Location, Syntax: "<size>", Default: "10m",
			Doc: "How large the description of a file may be. It is held in memory while it is cut; one that is larger is answered with 500.",
			Set: conf.Size(func(c *mp4Conf) *int64 { return &c.most }),
		},
		{
			Name: "mp4_start_key_frame", In: conf.HTTP | conf.Server | conf.Location, Syntax: "on | off", Default: "off",
			Doc: "Whether a video begins with the key frame before the start. Players are told by an edit list to begin at the start nevertheless; those that do not know it begin a little earlier.",
			Set: conf.Flag(func(c *mp4Conf) *bool { return &c.keyFrame }),
		},
		{
			Name: "mp4_limit_rate", In: conf.HTTP | conf.Server | conf.Location, Syntax: "on | off | <factor:string>", Default: "off",
			Doc: "Limits how fast a response is sent, to this many times what the video takes to be played: **on** is 1.1.\n\n" +
				"nginx has it in NGINX Plus only.",
			Example: "mp4_limit_rate 1.5;",
			Set:     setMP4Rate,
		},
		{
			Name: "mp4_limit_rate_after", In: conf.HTTP | conf.Server | conf.Location, Syntax: "<time>", Default: "60s",
			Doc: "How much of a video, by its playing time, is sent before `mp4_limit_rate` begins to hold.\n\nnginx has it in NGINX Plus only.",
			Set: conf.Time(func(c *mp4Conf) *time.Duration { return &c.rateAfter }),
		},
	},
	Install: func(c *mp4Conf, in *http.Install) error {
		if c.on {
			in.Step(http.Content, (&mp4Files{static{openerIn(in)}, c}).serve)
		}
		return nil
	},
})

// mp4Conf holds the settings of one block.
type mp4Conf struct {
	on           bool
	buffer, most int64
	keyFrame     bool
	rate         int // hundredths; 0: no limit
	rateAfter    time.Duration
}

func setMP4Rate(c *mp4Conf, call *conf.Call) error {
	switch word := call.Arg(0); word {
	case "on":
		c.rate = 110
	case "off":
		c.rate = 0
	default:
		n, ok := fixedPoint([]byte(word), 2)
		if !ok || n == 0 || n > math.MaxInt32 {
			return call.Errorf(0, "invalid value \"%s\"", word)
		}
		c.rate = int(n)
	}
	return nil
}

// fixedPoint reads a number with a dot, as so many parts of one as there are of ten to this power. Digits behind those do not count.
func fixedPoint(b []byte, power int) (n int64, ok bool) {
	dot := false
	for _, c := range b {
		switch {
		case c == '.' && !dot:
			dot = true
			continue
		case c < '0' || c > '9':
			return 0, false
		case dot && power == 0:
			continue
		case n > (math.MaxInt64-int64(c-'0'))/10:
			return 0, false
		}
		n = n*10 + int64(c-'0')
		if dot {
			power--
		}
	}
	for ; power > 0; power-- {
		if n > math.MaxInt64/10 {
			return 0, false
		}
		n *= 10
	}
	return n, len(b) > 0
}

// mp4Files serves the videos of one location.
type mp4Files struct {
	static
	conf *mp4Conf
}

func (s *mp4Files) serve(r *http.Request) http.Verdict {
	f, v := s.openMedia(r, "mp4")
	if v != http.Next || f.fd < 0 {
		return v
	}
	o := s.outgoing()
	o.file = f
	r.OnEnd(o)
	p, _ := pathOf(r)
	m := &movie{name: p.Text(), size: f.info.Size, keyFrame: s.conf.keyFrame}
	var head []byte
	from, to := int64(0), f.info.Size
	part := m.readArgs(r)
	if part {
		if r.Debugs() {
			r.Debugf("mp4 start:%d, length:%d", m.start, m.length)
		}
		var err error
		switch head, from, to, err = s.cut(r, f.fd, m); err {
		case nil:
			r.Out.SingleRange = true
		case errPlain:
			from, to = 0, f.info.Size
		default:
			r.Log(logs.Error, err.Error())
			return http.StatusInternal
		}
	}
	if s.conf.rate > 0 {
		s.limit(r, f.fd, m)
	}
	r.Doing = "sending mp4 to client"
	if v := s.mediaHead(r, &f, int64(len(head))+to-from); v != http.Next {
		return v
	}
	var room [2]http.Piece
	pieces := room[:0]
	if len(head) > 0 {
		pieces = append(pieces, http.Mem(head))
	}
	if to > from {
		pieces = append(pieces, http.File(f.fd, from, to-from))
	}
	return r.SendAll(pieces)
}

// readArgs reads the moments that the request names. It reports false when it names none.
func (m *movie) readArgs(r *http.Request) bool {
	start, named := int64(0), false
	if arg, ok := r.Arg("start"); ok {
		start, named = fixedPoint(arg, 3)
	}
	if arg, ok := r.Arg("end"); ok {
		if end, ok := fixedPoint(arg, 3); ok && end > 0 {
			if !named {
				start, named = 0, true
			}
			if end > start {
				m.length = uint64(end - start)
			}
		}
	}
	m.start = uint64(max(start, 0))
	return named
}

// dear is from which size on a description is cut apart from the loop.
const dear = 64 << 10

// cut reads the file's description and cuts it.
func (s *mp4Files) cut(r *http.Request, fd int, m *movie) (head []byte, from, to int64, err error) {
	moov, err := s.scan(r, fd, m)
	if err != nil {
		return nil, 0, 0, err
	}
	work := func() {
		if err = m.readMoov(moov); err == nil {
			head, from, to, err = m.cut()
		}
	}
	if len(moov) < dear {
		work()
	} else {
		r.Task.Await(work)
	}
	return head, from, to, err
}

// scan goes through the outermost atoms of a file, and reads its description. What comes behind description and samples does not matter.
func (s *mp4Files) scan(r *http.Request, fd int, m *movie) (moov []byte, err error) {
	var buf [mp4HeadSize]byte
	for at := int64(0); at < m.size && (moov == nil || m.mdatEnd == 0); {
		h, err := s.headAt(r, fd, m, buf[:], at)
		if err != nil {
			return nil, err
		}
		if h.size == 0 {
			break
		}
		if r.Debugs() {
			r.Debugf("mp4 atom: %s @%d:%d", h.name, at, h.size)
		}
		data := h.size - h.len
		switch h.name {
		case "ftyp":
			if data > 1024 {
				return nil, m.named("ftyp atom is too large:%d", data)
			}
			if m.ftyp != nil {
				return nil, m.in("duplicate mp4 ftyp atom")
			}
			w := atomWriter{b: make([]byte, 0, 8+data)}
			begin := w.begin("ftyp")
			w.b = w.b[:8+data]
			if err = readAt(r, fd, m, w.b[8:], at+h.len); err != nil {
				return nil, err
			}
			w.end(begin)
			m.ftyp = w.b
		case "moov":
			switch {
			case m.mdatEnd == 0 && m.start == 0 && m.length == 0:
				return nil, errPlain // the description comes first already
			case moov != nil:
				return nil, m.in("duplicate mp4 moov atom")
			case data > max(s.conf.buffer, s.conf.most):
				return nil, m.named("moov atom is too large:%d, you may want to increase mp4_max_buffer_size", data)
			}
			moov = make([]byte, data)
			if err = readAt(r, fd, m, moov, at+h.len); err != nil {
				return nil, err
			}
		case "mdat":
			if m.mdatEnd != 0 {
				return nil, m.in("duplicate mp4 mdat atom")
			}
			m.mdatEnd = at + h.size
		}
		at += h.size
	}
	return moov, nil
}

func (s *mp4Files) headAt(r *http.Request, fd int, m *movie, buf []byte, at int64) (mp4Head, error) {
	b := buf[:min(int64(len(buf)), m.size-at)]
	if err := readAt(r, fd, m, b, at); err != nil {
		return mp4Head{}, err
	}
	return m.readHead(b, m.size-at)
}

// readAt fills b with what the file has at an offset.
func readAt(r *http.Request, fd int, m *movie, b []byte, at int64) error {
	for done := 0; done < len(b); {
		n, err := disk.ReadAt(r.Task, fd, b[done:], at+int64(done))
		if err != nil {
			return &logs.CallError{Call: "pread()", On: "\"" + string(m.name) + "\"", Err: err}
		}
		done += n
	}
	return nil
}

// limit sets the rate of the response by what the video takes to be played.
func (s *mp4Files) limit(r *http.Request, fd int, part *movie) {
	m := movie{name: part.name, size: part.size, length: 1} // so that the description is read wherever it is
	if part.duration == 0 {
		moov, err := s.scan(r, fd, &m)
		if err == nil {
			err = m.each(moov, func(name string, data []byte) error {
				if name == "mvhd" {
					return m.readMvhd(data)
				}
				return nil
			})
		}
		if err != nil {
			return
		}
		part = &m
	}
	if rate, after := s.conf.limits(part); rate > 0 {
		r.SetLimitRate(rate)
		r.SetLimitRateAfter(after)
	}
}

// limits are how many bytes a second are sent of a movie, and after how many bytes that holds; 0: no limit.
func (c *mp4Conf) limits(m *movie) (rate, after int64) {
	if m.duration == 0 || m.timescale == 0 {
		return 0, 0
	}
	second := float64(m.size) * float64(m.timescale) / float64(m.duration)
	perSec := second * float64(c.rate) / 100
	if perSec < 1 || perSec > math.MaxInt32 {
		return 0, 0
	}
	return int64(perSec), int64(second * c.rateAfter.Seconds())
}
