package http

// Lifetime is how long a request keeps what a module has put into its store.
type Lifetime uint8

const (
	// UntilRedirect keeps it until the request is sent to another URI of the server: what was found out about the place where it
	// was holds no longer.
	UntilRedirect Lifetime = iota
	// UntilEnd keeps it until the exchange has ended; log writers find it too.
	UntilEnd
)

// kept is a value in a request's store.
type kept struct {
	value any
	life  Lifetime
}

// Store puts a value of a module's own type into the request's store, where Load finds it by its type. Pointers, and values as small as
// a byte, cost no memory. Subrequests have stores of their own.
func Store[T any](r *Request, v T, life Lifetime) { r.store = append(r.store, kept{v, life}) }

// Load returns the newest T in the request's store.
func Load[T any](r *Request) (v T, ok bool) {
	for i := len(r.store) - 1; i >= 0; i-- {
		if v, ok = r.store[i].value.(T); ok {
			return v, true
		}
	}
	return v, false
}

// dropPlace forgets what was kept for the place where the request was.
func (r *Request) dropPlace() {
	n := 0
	for _, k := range r.store {
		if k.life != UntilRedirect {
			r.store[n] = k
			n++
		}
	}
	clear(r.store[n:])
	r.store = r.store[:n]
}
