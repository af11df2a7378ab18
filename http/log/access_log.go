// Package log has the modules that record what was served: log.
package log

import (
	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/logs"
	"weir/logs/accesslog"
)

// Module is nginx's log module: a line for every request.
var Module = http.Define(http.Spec[accesslog.Conf[*http.Request]]{
	Name: "http_log",
	Doc:  "Access logs: a line for every request, in a format of yours, to files and syslog.",
	Directives: accesslog.Directives(accesslog.Contexts{
		Formats: conf.HTTP,
		Logs:    conf.HTTP | conf.Server | conf.Location | conf.LocationIf | conf.LimitExcept,
		Cache:   conf.HTTP | conf.Server | conf.Location,
		Default: "logs/access.log",
	}, func(call *conf.Call) accesslog.Front[*http.Request] { return front(http.Env(call)) }),
	Install: func(c *accesslog.Conf[*http.Request], in *http.Install) error {
		write, err := c.Writer(front(in.Builder))
		if write != nil {
			in.Log(write)
		}
		return err
	},
})

// combined is the format that holds where none is named.
const combined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`

// front is http for access logs.
func front(b *http.Builder) accesslog.Front[*http.Request] {
	return accesslog.Front[*http.Request]{Env: b.Env, Vars: b.Vars, Hostname: b.App.Hostname, Combined: combined, Writes: rootExists}
}

var _ accesslog.Subject[*http.Request] = (*http.Request)(nil)

// rootExists guards logs whose path has variables: as in nginx, nothing is written while the root of the
// request is missing, so that a made-up host name makes no file.
func rootExists(r *http.Request) bool {
	root := r.DocumentRoot()
	i, bad := disk.Stat(r.Task, disk.PathOf(append(r.Alloc(len(root) + 1)[:0], root...)), disk.Links{})
	if !bad.Failed() && !i.IsDir() {
		bad.Err = unix.ENOTDIR
	}
	if bad.Failed() {
		r.LogErr(logs.Error, bad.Err, "testing \""+string(root)+"\" existence failed")
	}
	return !bad.Failed()
}
