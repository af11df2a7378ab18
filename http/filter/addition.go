package filter

import (
	"errors"

	"weir/conf"
	"weir/http"
	"weir/http/field"
)

// additionConf holds the settings of one block.
type additionConf struct {
	before string
	after  string
	types  mediaTypes
}

// Addition is nginx's addition filter.
var Addition = http.Define(http.Spec[additionConf]{
	Name: "http_addition_filter",
	Doc:  "Puts the answers of other requests before and behind a response.",
	Directives: []conf.Directive[additionConf]{
		{
			Name: "add_before_body", In: codingPlaces, Syntax: "<uri:string>",
			Doc:     "Puts what a subrequest for this URI is answered with before responses of status 200. An empty one undoes that of a block around.",
			Example: "add_before_body /head.html;",
			Set:     conf.String(func(c *additionConf) *string { return &c.before }),
		},
		{
			Name: "add_after_body", In: codingPlaces, Syntax: "<uri:string>",
			Doc:     "Puts what a subrequest for this URI is answered with behind responses of status 200. An empty one undoes that of a block around.",
			Example: "add_after_body /foot.html;",
			Set:     conf.String(func(c *additionConf) *string { return &c.after }),
		},
		{
			Name: "addition_types", In: codingPlaces, Syntax: "<type:string> ...", Default: "text/html", Repeat: true,
			Doc: "The types of responses that something is added to, besides text/html; `*` is any.",
			Set: func(c *additionConf, call *conf.Call) error { return c.types.add(call) },
		},
	},
	Install: func(c *additionConf, in *http.Install) error {
		if c.before != "" || c.after != "" {
			in.Head(c.head)
		}
		return nil
	},
})

func (c *additionConf) head(r *http.Request) http.Verdict {
	o := &r.Out
	if o.Status != 200 || r.IsSub() || !c.types.has(o.ContentType) {
		return http.Next
	}
	o.ContentLength, o.AllowRanges = -1, false
	o.DropField(field.AcceptRanges)
	r.WeakenETag()
	r.FilterBody(&addition{additionConf: c})
	return http.Next
}

// An addition is one response that something is added to (http.BodyFilter).
type addition struct {
	*additionConf
	begun bool
}

// Body puts the one answer before the first piece and the other behind the last.
func (a *addition) Body(r *http.Request, i int, p []http.Piece, f http.Flags) error {
	if !a.begun {
		a.begun = true
		if a.before != "" {
			if err := a.ask(r, i, a.before); err != nil {
				giveAll(r, p)
				return err
			}
		}
	}
	if f&http.Last == 0 || a.after == "" {
		return r.PassBody(i+1, p, f)
	}
	if err := r.PassBody(i+1, p, f&^http.Last); err != nil {
		return err
	}
	if err := a.ask(r, i, a.after); err != nil {
		return err
	}
	return r.PassBody(i+1, nil, http.Last)
}

// ask has another request answered here.
func (a *addition) ask(r *http.Request, i int, uri string) error {
	_, err := r.Subrequest([]byte(uri), nil, http.SubrequestOptions{Into: i + 1})
	if errors.Is(err, http.ErrSubrequest) {
		r.Out.Cut, r.KeepAlive = true, false
		r.Wire.Fail(err)
	}
	return err
}
