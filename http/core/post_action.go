package core

import "weir/conf"

func postActionDirective() conf.Directive[coreConf] {
	return conf.Directive[coreConf]{
		Name: "post_action", In: inLocIf, Syntax: "<uri:string>",
		Doc: `Sends the request on, once it is answered, to a path or a named location ("@name") of the same server: for what is to be done besides, such
as to count. Nobody gets to see that answer, but its status is the one in the access log, and it is the log of that place that the line is
written to. Variables such as ` + "`$body_bytes_sent` and `$request_completion`" + ` tell of the answer that the client has got.

nginx does not document it.`,
		Example: "post_action @counted;",
		Set:     conf.String(func(c *coreConf) *string { return &c.PostAction }),
	}
}
