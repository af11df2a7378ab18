// Command weir is a web server, reverse proxy and load balancer that reads nginx.conf as it is. It takes
// nginx's options and signals; "weir help" tells of its commands, and what directives and variables mean.
package main

import (
	"fmt"
	"os"
	"strings"

	"weir/conf"
	"weir/cycle"
	"weir/http"
	"weir/logs"
	"weir/master"
)

// version is weir's own.
const version = "0.1.0"

// Where things are when nothing is said: where Debian's nginx has them. With -p they are relative to it.
const (
	defaultPrefix = "/usr/share/nginx/"
	defaultConf   = "/etc/nginx/nginx.conf"
	defaultError  = "/var/log/nginx/error.log"
	defaultAccess = "/var/log/nginx/access.log"
	defaultPid    = "/run/nginx.pid"
	defaultTemp   = "/var/lib/nginx/"

	relativeConf   = "conf/nginx.conf"
	relativeError  = "logs/error.log"
	relativeAccess = "logs/access.log"
	relativePid    = "logs/nginx.pid"
)

func main() {
	title := master.TakeTitle()
	os.Exit(run(os.Args[1:], title))
}

func run(args []string, title *master.Title) int {
	if mark, ok := os.LookupEnv(master.WorkerMark); ok {
		return master.Worker(mark, takeSignals(), title)
	}
	if len(args) > 0 {
		switch args[0] {
		case "demo":
			return demo(args[1:])
		case "help":
			return help(args[1:], os.Stdout, os.Stderr)
		case "completion":
			return completion(args[1:], os.Stdout, os.Stderr)
		}
	}
	o, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "weir: %v\n", err)
		return 1
	}
	if o.version {
		printVersion(&o)
		return 0
	}
	return serve(&o, title)
}

// printVersion answers -v, -V and -h, on standard error as nginx does.
func printVersion(o *options) {
	fmt.Fprintf(os.Stderr, "weir version: weir/%s\n", version)
	if o.help {
		fmt.Fprintf(os.Stderr, usage, defaultPrefix, defaultError, defaultConf)
	}
	if o.configure {
		fmt.Fprintf(os.Stderr, "nginx version: nginx/%s\nbuilt with %s\nbuilt with OpenSSL %s (its ways; the work is done by crypto/tls of Go)\nTLS SNI support enabled\nconfigure arguments: %s\n",
			http.NginxVersion, goVersion(), openSSL, strings.Join(configureArguments(), " "))
	}
}

// openSSL is the version of OpenSSL whose sentences weir has. Programs such as certbot ask for it.
const openSSL = "3.0.0"

// configureArguments name the modules of nginx that weir has, in the words of nginx's build: scripts and
// tests learn from them what they may use.
func configureArguments() []string {
	args := []string{
		"--prefix=" + defaultPrefix, "--conf-path=" + defaultConf, "--error-log-path=" + defaultError,
		"--http-log-path=" + defaultAccess, "--pid-path=" + defaultPid,
	}
	has := map[string]bool{}
	for _, m := range cycle.Table().Modules() {
		has[strings.TrimSuffix(m.Name, "_filter")] = true
	}
	// those that nginx has unless it is built without; gzip is not among them, as it stands for compressed access logs, too
	for _, m := range []string{
		"http_userid", "http_auth_basic", "http_mirror", "http_autoindex", "http_geo", "http_split_clients", "http_referer",
		"http_grpc", "http_limit_conn", "http_empty_gif", "http_browser", "http_upstream_sticky", "http_tunnel",
	} {
		if !has[m] {
			args = append(args, "--without-"+m+"_module")
		}
	}
	// those that nginx has only if it is built with them
	for _, m := range []string{
		"http_realip", "http_ssl", "http_v2", "http_addition", "http_sub", "http_dav", "http_flv", "http_mp4", "http_gunzip",
		"http_gzip_static", "http_auth_request", "http_random_index", "http_secure_link", "http_slice", "http_stub_status",
	} {
		if has[m] {
			args = append(args, "--with-"+m+"_module")
		}
	}
	return append(args, "--with-debug")
}

// place turns the options into what the cycle is built from.
func place(o *options) cycle.Options {
	c := cycle.Options{
		Prefix: defaultPrefix, Conf: defaultConf, ErrorLog: defaultError, AccessLog: defaultAccess,
		PidPath: defaultPid, TempPrefix: defaultTemp, Globals: o.globals, Version: version,
	}
	if o.prefix != "" {
		c.Prefix = absolute(o.prefix)
		c.Conf, c.ErrorLog, c.AccessLog = c.Prefix+relativeConf, c.Prefix+relativeError, c.Prefix+relativeAccess
		c.PidPath, c.TempPrefix = c.Prefix+relativePid, c.Prefix
	}
	if o.conf != "" {
		c.Conf = under(c.Prefix, o.conf)
	}
	if o.errorLog != "" {
		c.ErrorLog = o.errorLog
		if o.errorLog != logs.Stderr {
			c.ErrorLog = under(c.Prefix, o.errorLog)
		}
	}
	return c
}

// absolute makes a prefix absolute, with its final slash.
func absolute(path string) string {
	if !strings.HasPrefix(path, "/") {
		if wd, err := os.Getwd(); err == nil {
			path = wd + "/" + path
		}
	}
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return path
}

func under(prefix, path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return prefix + path
}

// report prints diagnostics on standard error and, unless that is the same, to the error log. A daemon is read twice, by the
// process in the foreground and by itself: what is no error is printed by the first and logged by the second.
func report(d *conf.Diagnostics, log *logs.Logger, daemon bool) {
	if !daemon || !isDaemon() || d.Failed() {
		d.Print(os.Stderr, "weir")
	}
	if log == nil || daemon && !isDaemon() && !d.Failed() {
		return
	}
	cycle.Sentences(d, func(v logs.Level, text string) { log.LogString(v, 0, text) })
}
