package content

import (
	"fmt"

	"weir/conf"
	"weir/http"
)

// StubStatus is nginx's stub_status module: how many connections and requests there are.
var StubStatus = http.Define(http.Spec[stubStatusConf]{
	Name: "http_stub_status",
	Doc:  "Tells how many connections and requests the server has.",
	Directives: []conf.Directive[stubStatusConf]{{
		Name: "stub_status", In: conf.Server | conf.Location, Inherit: conf.Never, Syntax: "! 0-1", Repeat: true,
		Doc: `Answers with the numbers of connections and requests, as text that monitoring tools read.

**accepts** and **handled** are connections taken since the server began (handled ones found room in ` + "`worker_connections`" + `), **requests** those
made on them. Of the active connections, **Reading** are in the middle of a request's head, **Writing** are being answered, **Waiting** are idle.`,
		Example: "location = /basic_status { stub_status; allow 127.0.0.1; deny all; }",
		Set:     func(c *stubStatusConf, _ *conf.Call) error { c.on = true; return nil },
	}},
	Variables: []http.Var{
		connections("active", "Number of client connections, idle ones too.", func(n *http.Counts) int64 { return n.Active }),
		connections("reading", "Number of connections whose request is being read.", func(n *http.Counts) int64 { return n.Reading }),
		connections("writing", "Number of connections whose request is being answered.", func(n *http.Counts) int64 { return n.Writing }),
		connections("waiting", "Number of idle client connections.", func(n *http.Counts) int64 { return n.Waiting }),
	},
	Install: func(c *stubStatusConf, in *http.Install) error {
		if c.on {
			in.Handler(serveStatus)
		}
		return nil
	},
})

type stubStatusConf struct{ on bool }

func connections(state, doc string, get func(*http.Counts) int64) http.Var {
	return http.Var{Name: "connections_" + state, Doc: doc, Get: func(r *http.Request, _ string) http.Value {
		n := r.App.Counters.Read()
		return r.Number(get(&n))
	}}
}

func serveStatus(r *http.Request) http.Verdict {
	if r.Method&(http.GET|http.HEAD) == 0 {
		return http.StatusNotAllowed
	}
	if v := r.DiscardBody(); v != http.Next {
		return v
	}
	n := r.App.Counters.Read()
	text := fmt.Appendf(r.Alloc(256)[:0], "Active connections: %d \nserver accepts handled requests\n %d %d %d \nReading: %d Writing: %d Waiting: %d \n",
		n.Active, n.Accepted, n.Handled, n.Requests, n.Reading, n.Writing, n.Waiting)
	return answerWith(r, "text/plain", text)
}

// answerWith answers 200 with a text in memory of the request.
func answerWith(r *http.Request, contentType string, text []byte) http.Verdict {
	o := &r.Out
	o.Status = 200
	o.ContentType = []byte(contentType)
	o.ContentLength = int64(len(text))
	if v := r.SendHead(); v != http.Next {
		return v
	}
	return r.SendText(text)
}
