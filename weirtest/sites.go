package weirtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SiteGroups is how many upstream groups the servers of WriteSites pass requests to.
const SiteGroups = 20

// sitesPerFile is how many servers stand in one file of WriteSites.
const sitesPerFile = 100

// SiteUpstreams declares the groups that the servers of WriteSites name. The peers are never asked.
func SiteUpstreams() string {
	var b strings.Builder
	for i := range SiteGroups {
		fmt.Fprintf(&b, "upstream app%d { server 127.0.0.1:%d; server 127.0.0.1:%d backup; keepalive 16; }\n", i, 20001+2*i, 20002+2*i)
	}
	return b.String()
}

// WriteSites writes n servers as a hosting company has them into files of the folder, for "include sites/*.conf", all on one address.
func WriteSites(dir, addr string, n int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for from := 0; from < n; from += sitesPerFile {
		var b strings.Builder
		for i := from; i < min(n, from+sitesPerFile); i++ {
			fmt.Fprintf(&b, siteText, i, addr, i%SiteGroups)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.conf", from)), []byte(b.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const siteText = `server {
    listen %[2]s;
    server_name site%[1]d.example.com www.site%[1]d.example.com;
    root /srv/www/site%[1]d/public;
    index index.html index.htm;
    client_max_body_size 16m;
    add_header X-Frame-Options SAMEORIGIN;
    add_header X-Site site%[1]d always;

    location / {
        try_files $uri $uri/ /index.html;
    }
    location /static/ {
        access_log off;
        expires 30d;
    }
    location /api/ {
        proxy_pass http://app%[3]d;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Site site%[1]d;
        proxy_read_timeout 90s;
    }
    location ~ /\.ht {
        deny all;
    }
}
`
