package loop

// pages is a list that grows, and shrinks, page by page. A slice would be copied whenever it grows, and what it was before is garbage three
// times as large as itself, which lies about for as long as the collector does not run: on a server whose connections are idle, for good.
type pages[T any] struct {
	len int
	all []*[pageLen]T
}

const pageLen = 256

// at is element i. The pointer is good until it is popped.
func (p *pages[T]) at(i int) *T { return &p.all[uint(i)/pageLen][uint(i)%pageLen] }

// push adds a zero element at the end.
func (p *pages[T]) push() *T {
	if p.len == len(p.all)*pageLen {
		p.all = append(p.all, new([pageLen]T))
	}
	p.len++
	return p.at(p.len - 1)
}

// pop takes the last element away. Of pages that are not needed one is kept.
func (p *pages[T]) pop() {
	p.len--
	*p.at(p.len) = *new(T)
	if last := len(p.all) - 1; p.len <= (last-1)*pageLen && last > 0 {
		p.all[last] = nil
		p.all = p.all[:last]
	}
}
