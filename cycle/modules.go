// Package cycle makes a configuration live: it reads and checks it, builds what serves it, opens what
// it needs, swaps it for another while requests go on, and ends it.
package cycle

import (
	"weir/certs"
	"weir/conf"
	"weir/http"
	"weir/http/access"
	"weir/http/content"
	"weir/http/core"
	"weir/http/filter"
	"weir/http/h2"
	"weir/http/log"
	"weir/http/proxy"
	"weir/http/rewrite"
	"weir/http/ssl"
	"weir/logs"
	"weir/status"
	"weir/upstream"
)

// httpModules is the HTTP server on one page. Order is behaviour: within a phase, steps run in this
// order, and filters see a response in this order.
func httpModules() []*http.Module {
	return []*http.Module{
		core.Module,
		core.ServerModule,
		ssl.Module,
		h2.Module,

		// the request is changed
		rewrite.RealIP,
		rewrite.Geo,
		rewrite.GeoIP2,
		rewrite.Map,
		rewrite.SplitClients,
		rewrite.Referer,
		rewrite.Browser,
		rewrite.Rewrite,

		// the request is delayed or refused
		access.LimitReq,
		access.LimitConn,
		access.Access,
		access.AuthBasic,
		access.AuthRequest,
		access.SecureLink,

		// the request is answered
		content.TryFiles,
		content.Mirror,
		content.FLV,
		content.MP4,
		content.RandomIndex,
		content.Index,
		content.Autoindex,
		content.Dav,
		proxy.Upstream,
		proxy.Proxy,
		proxy.GRPC,
		proxy.FastCGI,
		proxy.Uwsgi,
		proxy.SCGI,
		proxy.Memcached,
		proxy.Tunnel,
		proxy.HealthCheck,
		content.EmptyGIF,
		content.StubStatus,
		status.API,
		status.Zone,
		status.Prometheus,
		content.BrotliStatic,
		content.ZstdStatic,
		content.GzipStatic,
		content.Static,

		// the response is changed
		filter.Slice,
		filter.NotModified,
		filter.Headers,
		filter.UserID,
		filter.Gunzip,
		filter.Addition,
		filter.Sub,
		filter.Charset,
		filter.SSI,
		filter.CompressCache,
		filter.Gzip,
		filter.Brotli,
		filter.Zstd,
		filter.Range,

		// the request is recorded
		log.Module,
	}
}

// otherModules are those outside of the exchange.
func otherModules() []*conf.Module {
	return []*conf.Module{
		MainModule,
		EventsModule,
		HTTPModule,
		logs.ErrorLogModule,
		certs.Module,
		upstream.Module(),
		upstream.StickyModule(),
		upstream.ResolverModule,
	}
}

// Table is the table of every directive that weir knows.
func Table() *conf.Table {
	all := otherModules()
	for _, m := range httpModules() {
		all = append(all, m.Conf)
	}
	return conf.NewTable(all...)
}

// Variables are those that the modules of HTTP bring along, in the modules' order.
func Variables() []http.Var {
	var all []http.Var
	for _, m := range httpModules() {
		all = append(all, m.Vars...)
	}
	return all
}
