// Package status is what people and their tools see of a server that is at work: NGINX Plus' REST API, in JSON, by which groups of servers
// are also changed.
//
// Nothing is counted for it that would cost a request something: it reads what loops and modules count for their own purposes, under the
// locks that those have.
package status

import (
	"bytes"
	"strings"
	"time"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/load"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
	"weir/zone"
)

// API is NGINX Plus' api module.
var API = http.Define(http.Spec[apiConf]{
	Name: "http_api",
	Doc:  "Tells in JSON what the server is doing, and changes groups of servers while they serve. It is the REST API of NGINX Plus.",
	Directives: []conf.Directive[apiConf]{{
		Name: "api", In: conf.Location, Inherit: conf.IntoNameless, Syntax: "[write=on|off]",
		Doc: `Answers below the prefix of the location with the objects of NGINX Plus' REST API, version 9: ` + "`/api/9/http/upstreams/app`" + ` is the group
"app", ` + "`?fields=`" + ` chooses members. With **write=on**, POST, PATCH and DELETE change the servers of groups that have a "zone", and begin
counters anew.

Whoever reaches the location may use it: hold it to addresses, passwords, or an address of its own. Requests that browsers make on behalf of pages of
other origins do not change anything.`,
		Example: "location /api/ { api write=on; allow 127.0.0.1; deny all; }",
		Set: func(c *apiConf, call *conf.Call) error {
			c.on, c.write = true, call.String("write") == "on"
			return nil
		},
	}},
	Install: func(c *apiConf, in *http.Install) error {
		if !c.on || in.Loc.Nameless && in.HasHandler() {
			return nil
		}
		id, err := in.Builder.Vars.Compile("$request_id")
		if err != nil {
			return err
		}
		c.id, c.world = id, worldOf(in.Builder)
		in.Handler(c.serve)
		return nil
	},
})

// apiConf is the api directive of one block.
type apiConf struct {
	on, write bool
	id        *http.Text // $request_id
	*world
}

// A world is what one cycle has to be told of. It is made once a cycle.
type world struct {
	app    *http.App
	groups *upstream.Set
	zones  []*zone.Zone
}

func worldOf(b *http.Builder) *world {
	w := load.The[world](b.Env)
	if w.app == nil {
		w.app = b.App
		b.AtEnd(func() error {
			w.groups, w.zones = b.Groups(), b.Zones.All()
			return nil
		})
	}
	return w
}

// A call is one request to the API. It is answered off the loop: there may be much to tell, and files to write.
type call struct {
	*apiConf
	method http.Method
	path   []string // behind the version
	fields []string // of the argument of this name; nil: there is none
	body   []byte
	now    loop.Time
	wall   time.Time
	server string // the address that was asked

	unwritten *upstream.StateError // for the error log
}

// An answer is a status and what is said with it; nil: nothing.
type answer struct {
	status int
	body   any
}

// at is when something was, on the clock that people have.
func (c *call) at(t loop.Time) time.Time { return c.wall.Add(-c.now.Sub(t)) }

// serve answers a request.
func (c *apiConf) serve(r *http.Request) http.Verdict {
	k := &call{apiConf: c, method: r.Method, now: r.Task.Now(), wall: r.Loop().Wall(), server: serverAddr(r)}
	a, ok := k.begin(r)
	if !ok {
		v := r.ReadBody()
		if v != http.Next {
			return v
		}
		if k.body, ok = wholeBody(r); !ok {
			a = refuse(400, "BodyReadError", "reading request body failed")
		} else {
			r.Task.Await(func() { a = k.answer() })
		}
		if e := k.unwritten; e != nil {
			r.LogErr(logs.Crit, e.Err, "state file \""+e.Path+"\" could not be written")
		}
	}
	return c.send(r, a)
}

// begin reads what is asked. It reports whether that is answered already.
func (c *call) begin(r *http.Request) (answer, bool) {
	rest, ok := bytes.CutPrefix(r.URI, []byte(r.Loc.Name))
	if !ok || len(rest) > 0 && rest[0] != '/' && !strings.HasSuffix(r.Loc.Name, "/") {
		return errPath, true
	}
	path := strings.Trim(string(rest), "/")
	if path == "" {
		return c.versions(), true
	}
	c.path = strings.Split(path, "/")
	if !knownVersion(c.path[0]) {
		return refuse(404, "UnknownVersion", "unknown version"), true
	}
	c.path = c.path[1:]
	if fields, ok := r.Arg("fields"); ok {
		c.fields = strings.FieldsFunc(strings.ReplaceAll(string(fields), "%2C", ","), func(c rune) bool { return c == ',' })
		if c.fields == nil {
			c.fields = []string{}
		}
	}
	switch {
	case r.Method&(http.GET|http.HEAD) != 0:
	case !c.write:
		return errDisabled, true
	case crossOrigin(r):
		return refuse(403, "CrossOrigin", "request of another origin"), true
	}
	return answer{}, false
}

// The versions of the API that are answered, all as the last one: later versions have added members, and taken none away.
const firstVersion, lastVersion = 5, 9

func knownVersion(s string) bool {
	return len(s) == 1 && s[0] >= '0'+firstVersion && s[0] <= '0'+lastVersion
}

func (c *call) versions() answer {
	if c.method&(http.GET|http.HEAD) == 0 {
		return errDisabled
	}
	all := list{}
	for v := firstVersion; v <= lastVersion; v++ {
		all = append(all, v)
	}
	return answer{200, all}
}

// crossOrigin reports whether a browser says that a page of another origin is behind a request: such a page can reach addresses that
// its author cannot.
func crossOrigin(r *http.Request) bool {
	if site := r.In.GetName([]byte("Sec-Fetch-Site")); site != nil {
		return string(site) != "same-origin" && string(site) != "none"
	}
	origin := r.In.GetName([]byte("Origin"))
	if origin == nil {
		return false
	}
	_, host, ok := bytes.Cut(origin, []byte("://"))
	return !ok || !bytes.EqualFold(host, r.In.Get(field.Host))
}

// send answers with JSON.
func (c *apiConf) send(r *http.Request, a answer) http.Verdict {
	r.Out.Status = a.status
	if a.body == nil {
		return r.SendHead() // 204
	}
	if e, ok := a.body.(apiError); ok {
		a.body = e.object(string(r.Text(c.id)))
	}
	return sendText(r, "application/json", appendJSON(nil, a.body))
}

// sendText answers with a whole text, which nobody may change any more.
func sendText(r *http.Request, mediaType string, text []byte) http.Verdict {
	r.Out.ContentType = []byte(mediaType)
	r.Out.ContentLength = int64(len(text))
	if v := r.SendHead(); v != http.Next {
		return v
	}
	return r.SendText(text)
}

// An apiError is what stands in place of an object.
type apiError struct {
	status     int
	code, text string
}

// reference is where the API is described; clients find it in each error.
const reference = "https://nginx.org/en/docs/http/ngx_http_api_module.html"

func (e apiError) object(id string) object {
	return object{
		{"error", object{{"status", e.status}, {"text", e.text}, {"code", e.code}}},
		{"request_id", id},
		{"href", reference},
	}
}

func (e apiError) Error() string { return e.text }

func refuse(status int, code, text string) answer {
	return answer{status, apiError{status, code, text}}
}

var (
	errPath     = refuse(404, "PathNotFound", "path not found")
	errDisabled = refuse(405, "MethodDisabled", "method disabled")
)
