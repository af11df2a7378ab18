package h2

import "weir/loop"

// Bytes are what has come of a stream and was not read yet, in buffers of the loop. Without any they cost nothing. Loop only.
type Bytes struct {
	chunks []chunk
	n      int64
}

// A chunk is a loop's buffer; b[r:w] is to be read.
type chunk struct {
	b    []byte
	r, w int
}

const chunkSize = 16 << 10

// Len is how many there are.
func (y *Bytes) Len() int64 { return y.n }

// Put keeps a copy of p until it is taken.
func (y *Bytes) Put(l *loop.Loop, p []byte) {
	y.n += int64(len(p))
	for len(p) > 0 {
		last := len(y.chunks) - 1
		if last < 0 || y.chunks[last].w == len(y.chunks[last].b) {
			size := chunkSize
			if last < 0 && len(p) < 2048 {
				size = 2048
			}
			y.chunks = append(y.chunks, chunk{b: l.Take(size)})
			last++
		}
		c := &y.chunks[last]
		n := copy(c.b[c.w:], p)
		c.w += n
		p = p[n:]
	}
}

// Take moves the first of them to p.
func (y *Bytes) Take(l *loop.Loop, p []byte) (n int) {
	done := 0
	for i := range y.chunks {
		c := &y.chunks[i]
		k := copy(p[n:], c.b[c.r:c.w])
		n += k
		if c.r += k; c.r < c.w {
			break
		}
		l.Give(c.b)
		*c = chunk{}
		done++
	}
	if done > 0 {
		y.chunks = y.chunks[:copy(y.chunks, y.chunks[done:])]
	}
	y.n -= int64(n)
	return n
}

// Release gives the buffers back.
func (y *Bytes) Release(l *loop.Loop) {
	for i := range y.chunks {
		l.Give(y.chunks[i].b)
		y.chunks[i] = chunk{}
	}
	y.chunks, y.n = y.chunks[:0], 0
}
