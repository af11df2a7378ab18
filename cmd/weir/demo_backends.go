package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A demoFarm is the back ends and their switch: a server of its own that stops and starts them.
type demoFarm struct {
	control string // the address of the switch
	front   string // where weir listens
	store   *demoStore
	say     func(format string, a ...any)
	server  *http.Server
	asked   func(addr string) bool // weir sends requests to a back end, as far as its health checks say

	mu    sync.Mutex
	ports []int
	up    map[int]*http.Server
}

func backendAddr(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// startFarm starts all back ends and the switch. On failure it leaves none.
func startFarm(ports []int, store *demoStore, front string, say func(string, ...any)) (*demoFarm, error) {
	f := &demoFarm{front: front, store: store, say: say, ports: ports, up: map[int]*http.Server{}}
	for _, p := range ports {
		if err := f.start(p); err != nil {
			f.close()
			return nil, err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.close()
		return nil, err
	}
	f.control = l.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /demo/state", f.state)
	mux.HandleFunc("POST /demo/{what}/{port}", f.turn)
	// a page of somebody else's must not press buttons here
	f.server = newServer(http.NewCrossOriginProtection().Handler(mux))
	go func() { _ = f.server.Serve(l) }()
	return f, nil
}

func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
}

// start makes one back end listen. It is no error when it does already.
func (f *demoFarm) start(port int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.up[port] != nil {
		return nil
	}
	l, err := net.Listen("tcp", backendAddr(port))
	if err != nil {
		return err
	}
	b := &backend{name: strconv.Itoa(port), store: f.store}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/hits", b.hits)
	mux.HandleFunc("/health", b.place("well"))
	mux.HandleFunc("/admin", b.place("the admin area"))
	mux.HandleFunc("/user", b.place("the user area"))
	s := newServer(mux)
	f.up[port] = s
	go func() { _ = s.Serve(l) }()
	return nil
}

// stop ends one back end as a crash would: its listening socket and all its connections are closed,
// in the midst of whatever they do.
func (f *demoFarm) stop(port int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.up[port]; s != nil {
		_ = s.Close()
		delete(f.up, port)
	}
}

// watch has the farm tell of the health of back ends as weir sees it.
func (f *demoFarm) watch(asked func(addr string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = asked
}

func (f *demoFarm) close() {
	if f.server != nil {
		_ = f.server.Close()
	}
	for _, p := range f.ports {
		f.stop(p)
	}
}

// has reports whether a word of a URL is the port of a back end.
func (f *demoFarm) has(word string) (port int, ok bool) {
	for _, p := range f.ports {
		if strconv.Itoa(p) == word {
			return p, true
		}
	}
	return 0, false
}

// turn is POST /demo/stop/8001 and POST /demo/start/8001.
func (f *demoFarm) turn(w http.ResponseWriter, r *http.Request) {
	port, ok := f.has(r.PathValue("port"))
	if !ok {
		http.Error(w, fmt.Sprintf("there is no back end %q: there are %v", r.PathValue("port"), f.ports), http.StatusNotFound)
		return
	}
	switch r.PathValue("what") {
	case "stop":
		f.stop(port)
		f.say("back end %d is stopped, its connections are cut", port)
		_, _ = fmt.Fprintf(w, "back end %d is stopped; start it again: curl -X POST http://%s/demo/start/%d\n", port, f.front, port)
	case "start":
		if err := f.start(port); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		f.say("back end %d is started", port)
		_, _ = fmt.Fprintf(w, "back end %d is started; weir asks it again within a second\n", port)
	default:
		http.Error(w, "a back end can be stopped and started", http.StatusNotFound)
	}
}

// state is GET /demo/state: which back ends run, and which of them weir's health checks find well.
func (f *demoFarm) state(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	list := make([]map[string]any, 0, len(f.ports))
	for _, p := range f.ports {
		list = append(list, map[string]any{"server": strconv.Itoa(p), "up": f.up[p] != nil, "healthy": f.asked == nil || f.asked(backendAddr(p))})
	}
	f.mu.Unlock()
	answer(w, list)
}

// A backend is one of the servers behind weir.
type backend struct {
	name  string // its port
	store *demoStore
}

// hits counts the request in the shared database and tells all counts.
func (b *backend) hits(w http.ResponseWriter, _ *http.Request) {
	counts, total, err := b.store.hit(b.name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, struct {
		Server string            `json:"server"`
		Hits   uint64            `json:"hits"`
		By     map[string]uint64 `json:"answered_by"`
	}{b.name, total, counts})
}

// place is a page that says where it is.
func (b *backend) place(what string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]string{"server": b.name, "page": what})
	}
}

// answer writes one line of JSON that nobody keeps.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // it fails when the client is gone
}
