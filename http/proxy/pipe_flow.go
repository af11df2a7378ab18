package proxy

import (
	"time"

	"weir/http"
	"weir/loop"
)

// How bytes go through a pipe: in, out of their framing, to the wire or the file, and out of that.

// fill reads what the peer has sent, as far as there is room, and passes it on when there is enough.
// more says that there may be more to be read at once.
func (p *pipe) fill() (more bool, err error) {
	if p.isRipe() {
		return true, p.use()
	}
	if !p.readable() {
		return false, nil
	}
	want := p.room()
	if want <= 0 {
		return false, nil
	}
	if p.end == len(p.raw) { // also when the head alone has filled what it was read into
		size := max(p.limits.ripe, min(p.want(), chunkSize))
		p.raw, p.at, p.end, p.own = p.take(int(size)), 0, 0, true
	}
	n, err := p.tryRead(p.raw[p.end:min(len(p.raw), p.end+want)])
	if err != nil {
		if err == loop.ErrAgain {
			err = nil
		}
		return false, err
	}
	p.end += n
	p.got(n)
	if p.isRipe() {
		err = p.use()
	}
	return p.later == 0 && p.readable(), err
}

// isRipe says that what was read is worth passing on.
func (p *pipe) isRipe() bool {
	n := int64(p.end - p.at)
	return n > 0 && (p.end == len(p.raw) || n >= p.limits.ripe || n >= p.want())
}

// use passes on what was read.
func (p *pipe) use() error {
	data, own, err := p.unpack()
	switch {
	case err != nil, len(data) == 0:
		p.give(own)
	case p.ended():
		p.tail, p.tailOwn = data, own
	case p.alone:
		p.give(own)
	case p.filed > p.given || p.behind():
		err = p.spool(data)
		p.filed += int64(len(data))
		p.give(own)
	default:
		data, own = p.fit(data, own)
		err = p.pass(http.Piece{B: data, Own: own})
	}
	return err
}

// unpack takes the framing out of what was read. Without an error, own is the caller's, and p has no raw any more.
func (p *pipe) unpack() (data, own []byte, err error) {
	raw := p.raw[p.at:p.end]
	if p.own {
		own = p.raw
	}
	p.raw, p.at, p.end, p.own = nil, 0, 0, false
	if len(raw) == 0 {
		return nil, own, nil
	}
	if data, err = p.unframe(raw); err == nil {
		p.keep(data)
	}
	return data, own, err
}

// behind says that the client is so far behind that the file takes what comes.
func (p *pipe) behind() bool { return p.filed < p.limits.file && p.queued() >= p.limits.memory }

// fit moves a few bytes out of a large buffer that a slow client would hold.
func (p *pipe) fit(data, own []byte) (fitData, fitOwn []byte) {
	if len(data) >= len(own)/4 || p.queued() == 0 {
		return data, own
	}
	small := p.take(len(data))
	copy(small, data)
	p.give(own)
	return small, small
}

// pass gives a piece to the wire.
func (p *pipe) pass(piece http.Piece) error {
	was := p.queued()
	err := p.send(piece)
	if p.queued() < was+piece.Size() {
		p.stuck = 0
	}
	p.begun = p.begun || p.queued() != was // not while a filter gathers what it gets
	if err != nil {
		return errClient
	}
	return nil
}

// drain has the wire write what the client takes, and gives it of the file when it has nothing else.
func (p *pipe) drain() (at loop.Time, err error) {
	for !p.alone {
		if before := p.queued(); p.holding() {
			return 0, nil
		} else if before > 0 {
			p.begun = true
			if at, err = p.push(); err != nil {
				return 0, errClient
			}
			if p.queued() < before {
				p.stuck = 0
			}
		}
		if p.queued() > 0 || p.filed == p.given {
			break
		}
		piece := p.rest()
		if err := p.pass(piece); err != nil {
			return 0, err
		}
	}
	if p.queued() == 0 {
		at = 0
	}
	return at, nil
}

// holding says that all there is for the client is the head, which goes out with the first of the body.
func (p *pipe) holding() bool { return !p.begun && p.queued() < p.limits.hold }

// rest is a piece of all that the wire has not got of the file.
func (p *pipe) rest() http.Piece {
	piece := p.spooled(p.given, p.filed-p.given)
	p.given = p.filed
	return piece
}

// finish appends to pieces what the client has not got of the body, as far as it was read: what the file has,
// then what is in memory. errFraming says that there is an error in it.
func (p *pipe) finish(pieces []http.Piece) ([]http.Piece, error) {
	if p.raw != nil {
		data, own, err := p.unpack()
		if err != nil {
			p.give(own)
			return pieces, err
		}
		p.tail, p.tailOwn = data, own
	}
	if p.alone {
		return pieces, nil
	}
	if p.filed > p.given {
		pieces = append(pieces, p.rest())
	}
	if len(p.tail) > 0 {
		pieces = append(pieces, http.Piece{B: p.tail, Own: p.tailOwn})
		p.tail, p.tailOwn = nil, nil
	}
	return pieces, nil
}

// release gives back what the pipe still has.
func (p *pipe) release() {
	if p.own {
		p.give(p.raw)
	}
	p.give(p.tailOwn)
	p.raw, p.own, p.tail, p.tailOwn = nil, false, nil, nil
}

// got counts n bytes of the peer and sees to proxy_limit_rate.
func (p *pipe) got(n int) {
	p.silent = 0
	p.read += int64(n)
	if rate := p.limits.rate; rate > 0 {
		if d := time.Duration(int64(n)*1000/rate) * time.Millisecond; d > 0 {
			p.later = p.now().Add(d)
		}
	}
}

// room is how many bytes may be read now: none when the client is behind and neither memory nor the
// file may take more, or when proxy_limit_rate forbids it.
func (p *pipe) room() int {
	n := int64(chunkSize)
	if p.limits.rate > 0 {
		if n = min(n, p.allowance()); n <= 0 {
			return 0
		}
	}
	if p.alone {
		return int(n)
	}
	if p.filed == p.given {
		if free := p.limits.memory - p.queued(); free > 0 {
			return int(min(n, free))
		}
	}
	// The room of bytes that were sent is not used again: they may still be on their way, by reference.
	return int(max(0, min(n, p.limits.file-p.filed)))
}

// allowance is how many bytes proxy_limit_rate allows now.
func (p *pipe) allowance() int64 {
	now := p.now()
	if p.later > now {
		return 0
	}
	p.later = 0
	n := p.limits.rate*(int64(now.Sub(p.began)/time.Second)+1) - p.read
	if n <= 0 {
		p.later = now.Add(time.Duration(-n*1000/p.limits.rate+1) * time.Millisecond)
	}
	return n
}
