package weirtest

import "strings"

type oracleCase struct {
	name     string
	conf     string   // inside http { }
	requests []string // each on a connection of its own
}

// get writes requests with a host and, on the last, "Connection: close".
func get(path string, headers ...string) string { return line("GET", path, headers...) }

func line(method, path string, headers ...string) string {
	all := append([]string{method + " " + path + " HTTP/1.1", "Host: example.com"}, headers...)
	return strings.Join(all, "\r\n") + "\r\nConnection: close\r\n\r\n"
}

func oracleCases() []oracleCase {
	const files = `server { listen $ADDR; root www; port_in_redirect off; `
	return []oracleCase{
		{"files", files + `}`, []string{
			get("/"), get("/a.txt"), get("/dir"), get("/dir?x=1"), get("/dir/"), get("/dir/x.json"), get("/empty/"), get("/none"),
			get("/none/"), get("/a.txt/"), get("/with%20space.txt"), get("/big.txt"), line("HEAD", "/"), line("HEAD", "/none"),
			line("POST", "/a.txt", "Content-Length: 0"), line("OPTIONS", "/a.txt"), line("TRACE", "/"), line("DELETE", "/a.txt"),
			get("/../x"), get("/%"), get("/a%00"), get("//a.txt"), get("/./a.txt"), get("/dir/../a.txt"), get("/?"), get("/a.txt?x#y"),
		}},
		{"ranges", files + `}`, []string{
			get("/a.txt", "Range: bytes=0-0"), get("/a.txt", "Range: bytes=2-"), get("/a.txt", "Range: bytes=-3"),
			get("/a.txt", "Range: bytes=0-1,4-5"), get("/a.txt", "Range: bytes=4-5, 0-1 , 9-"), get("/a.txt", "Range: bytes=20-"),
			get("/a.txt", "Range: bytes=5-2"), get("/a.txt", "Range: bytes="), get("/a.txt", "Range: bytes=,"),
			get("/a.txt", "Range: Bytes=0-1"), get("/a.txt", "Range: items=0-1"), get("/a.txt", "Range: bytes=0-1-2"),
			get("/a.txt", "Range: bytes=0-99999999999999999999"), get("/a.txt", "Range: bytes=0-,0-"),
			get("/a.txt", "Range: bytes=0-1", `If-Range: "5e0d5da5-b"`), get("/a.txt", "Range: bytes=0-1", `If-Range: "x"`),
			get("/none", "Range: bytes=0-1"), line("HEAD", "/a.txt", "Range: bytes=0-1,4-5"),
		}},
		{"conditions", files + `location /x/ { alias www/; etag off; if_modified_since before; } }`, []string{
			get("/a.txt", "If-Modified-Since: Thu, 02 Jan 2020 03:04:05 GMT"), get("/a.txt", "If-Modified-Since: Thu, 02 Jan 2020 03:04:06 GMT"),
			get("/a.txt", "If-Modified-Since: Thursday, 02-Jan-20 03:04:05 GMT"), get("/a.txt", "If-Modified-Since: Thu Jan  2 03:04:05 2020"),
			get("/a.txt", `If-None-Match: "5e0d5da5-b"`), get("/a.txt", `If-None-Match: W/"5e0d5da5-b", "x"`), get("/a.txt", `If-None-Match: *`),
			get("/a.txt", `If-None-Match: 5e0d5da5-b`), get("/a.txt", `If-None-Match: "x" "5e0d5da5-b"`), get("/a.txt", `If-Match: "x"`),
			get("/a.txt", `If-Match: *`), get("/a.txt", "If-Unmodified-Since: Thu, 02 Jan 2020 03:04:04 GMT"),
			get("/x/a.txt"), get("/x/a.txt", "If-Modified-Since: Fri, 03 Jan 2020 03:04:05 GMT"),
			line("HEAD", "/a.txt", `If-None-Match: *`), get("/none", `If-None-Match: *`),
		}},
		{"locations", files + `
			location = / { return 200 "root\n"; } location /p { return 200 "p\n"; } location /p/long { return 200 "long\n"; }
			location ^~ /q/ { return 200 "q\n"; } location ~ \.gif$ { return 200 "gif\n"; } location ~* \.JPG$ { return 200 "jpg\n"; }
			location /dir/ { location ~ json { return 200 "inner\n"; } }
			location @n { return 200 "named\n"; } location /try/ { try_files $uri @n; } }`, []string{
			get("/"), get("/p"), get("/p/"), get("/p/longer"), get("/q/a.gif"), get("/p/a.gif"), get("/a.Jpg"), get("/dir/x.json"), get("/dir/"),
			get("/try/x"), get("/x"), get("/%70"), get("/P"), get("//p//long"),
		}},
		{"rewrites", files + `
			rewrite ^/s/(.*)$ /dir/$1; rewrite ^/r/(.*)$ /dir/$1 redirect; rewrite ^/m/(.*)$ /dir/$1 permanent;
			rewrite ^/h/(.*)$ http://other.test/$1; rewrite ^/noargs /a.txt? last;
			set $v "<$arg_v>"; if ($arg_v = no) { return 403; } if ($http_user_agent ~* "bad(.)") { return 200 "ua $1\n"; }
			location /v { return 200 "$v $request_method $scheme $host $uri\n"; }
			location /loop { rewrite ^ /loop; } location /code { return 418; } location /text { return 404 "text\n"; }
			location /b { rewrite ^/b(.*) /a.txt break; } }`, []string{
			get("/s/x.json"), get("/r/x%20y?a=b"), get("/m/x"), get("/h/x?a=b"), get("/noargs?x=y"), get("/v?v=1"), get("/v?v=no"),
			get("/v", "User-Agent: BADx"), get("/loop"), get("/code"), get("/text"), get("/b/x"), get("/r/"), get("/r/%E4%B8%AD"),
		}},
		{
			"error pages", files + `
			error_page 404 /404.html; error_page 403 =200 @ok; error_page 410 http://other.test/gone; error_page 411 =303 /elsewhere;
			location @ok { return 200 "fine\n"; } location /403 { return 403; } location /410 { return 410; } location /411 { return 411; }
			location /own/ { error_page 404 = @ok; } location /500 { return 500; } location /429 { return 429; } location /204 { return 204; } }`,
			[]string{
				get("/none"), get("/403"), get("/410"), get("/411"), get("/same/a.txt"), get("/own/x"), get("/500"), get("/429"), get("/204"), line("HEAD", "/none"),
				line("POST", "/none", "Content-Length: 0"),
			},
		},
		{
			"headers", files + `add_header X-A a; add_header X-B $uri always; expires 1h;
			location /own { add_header X-C c; expires off; }
			location /same/ { alias www/; add_header X-A a; add_header Last-Modified "Thu, 01 Jan 1970 00:00:01 GMT"; add_header ETag '"e"'; add_header "" x; }
			location /max { expires max; return 200; } location /epoch { expires epoch; return 200; } }`,
			[]string{get("/own"), get("/max"), get("/epoch"), get("/none")},
		},
		{
			"host names", `
			server { listen $ADDR default_server; server_name _; return 200 "default $host\n"; }
			server { listen $ADDR; server_name example.com *.example.com; return 200 "exact $host $server_name\n"; }
			server { listen $ADDR; server_name ~^(?<w>w+)\.test$; return 200 "regex $w\n"; }`,
			[]string{
				get("/"), host("EXAMPLE.com:80"), host("a.example.com"), host("www.test"), host("x"), host(""), host("a b"), host("a/b"), host("."),
				host("a.example.com."), host("[::1]:80"),
				"GET / HTTP/1.0\r\n\r\n", "GET http://example.com/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
				"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
			},
		},
		{"wire", files + `location /app { proxy_pass http://app; } location /u { return 200 "$uri|$args|$request_uri\n"; } }`, wireRequests()},
		{
			"proxy", files + `
			location /plain { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
			location /uri/ { proxy_pass http://app/new/; proxy_http_version 1.1; proxy_set_header Connection ""; }
			location /set { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
				proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Proto $scheme; proxy_hide_header Content-Type; }
			location /body { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_body "b=$arg_b"; proxy_method PUT; } }`,
			[]string{
				get("/plain?a=b"), get("/plain/%41//../x"), get("/uri/%41%20b//c?d"), get("/uri"), get("/set", "Cookie: a=b", "Upgrade: x"),
				get("/body?b=1"), line("HEAD", "/plain"), line("POST", "/plain", "Content-Length: 0"), line("PATCH", "/plain"),
				"POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody",
				"POST /plain HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
				"GET /plain HTTP/1.0\r\n\r\n",
			},
		},
	}
}

func host(h string) string { return "GET / HTTP/1.1\r\nHost: " + h + "\r\nConnection: close\r\n\r\n" }

// wireRequests are well and badly formed requests.
func wireRequests() []string {
	const end = "Host: a\r\nConnection: close\r\n\r\n"
	return []string{
		"GET /u\r\n", "GET /none\r\n", "GET /u HTTP/1.0\r\n\r\n", "GET /u HTTP/1.1\n" + strings.ReplaceAll(end, "\r", ""),
		"GET /u HTTP/2.0\r\n" + end, "GET /u HTTP/1.9\r\n" + end, "GET /u HTTP/1\r\n" + end, "GET /u HTTP/1.1 x\r\n" + end, "GET  /u HTTP/1.1\r\n" + end,
		"get /u HTTP/1.1\r\n" + end, "G@T /u HTTP/1.1\r\n" + end, "\r\n\r\nGET /u HTTP/1.1\r\n" + end, " GET /u HTTP/1.1\r\n" + end,
		"GET /u?a=b?c#d HTTP/1.1\r\n" + end, "GET /u/%zz HTTP/1.1\r\n" + end, "GET /u/%2e%2e/%2E%2E/x HTTP/1.1\r\n" + end, "GET u HTTP/1.1\r\n" + end,
		"GET /u/..;/x HTTP/1.1\r\n" + end, "GET /u/. HTTP/1.1\r\n" + end, "GET /u/.. HTTP/1.1\r\n" + end, "GET /u\xff HTTP/1.1\r\n" + end,
		"GET http://b/u?x HTTP/1.1\r\n" + end, "GET http://b HTTP/1.1\r\n" + end, "GET http://b?x HTTP/1.1\r\n" + end, "GET ftp:/u HTTP/1.1\r\n" + end,
		"GET /u HTTP/1.1\r\nBad Header: x\r\n" + end, "GET /u HTTP/1.1\r\n Folded: x\r\n" + end,
		"GET /u HTTP/1.1\r\nX_Under: x\r\n" + end, "GET /u HTTP/1.1\r\nX: a\x00b\r\n" + end, "GET /u HTTP/1.1\r\nX-Space : a\r\n" + end,
		"GET /u HTTP/1.1\r\n: x\r\n" + end, "GET /u HTTP/1.1\r\nX:\r\n" + end, "GET /u HTTP/1.1\r\nContent-Length: x\r\n" + end,
		"GET /u HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n" + end + "x", "GET /u HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" + end,
		"POST /app HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n" + end + "0\r\n\r\n",
		"POST /app HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" + end + "0\r\n\r\n", "POST /app HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + end + "zz\r\n",
		"POST /app HTTP/1.1\r\nTransfer-Encoding: identity\r\n" + end,
		"GET /u/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /u/2 HTTP/1.1\r\nHost: a\r\n\r\nGET /u/3 HTTP/1.1\r\n" + end,
		"POST /u/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /u/2 HTTP/1.1\r\n" + end,
		"GET /u HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n" + end + "abc",
		"GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\n" + end, "GET /u HTTP/1.1\r\nX: " + strings.Repeat("a", 9000) + "\r\n" + end,
		"GET /u HTTP/1.1\r\n" + strings.Repeat("X: "+strings.Repeat("a", 4000)+"\r\n", 12) + end,
		"\x16\x03\x01\x00\x05hello\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "OPTIONS * HTTP/1.1\r\n" + end,
	}
}
