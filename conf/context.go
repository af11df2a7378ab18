package conf

import "strings"

// Context is a set of places where a directive may stand.
type Context uint64

// The places of nginx.conf.
const (
	Main Context = 1 << iota
	Events
	HTTP
	Server
	Location
	ServerIf   // if in server
	LocationIf // if in location
	LimitExcept
	Upstream
	Types        // free form
	Map          // free form, in http and in stream
	Geo          // free form, in http and in stream
	SplitClients // free form, in http and in stream
	Match        // health check conditions of http
	OTel         // otel_exporter
	Stream
	StreamServer
	StreamUpstream
	StreamMatch
	Mail
	MailServer
	Mgmt
	Charset  // charset_map: free form
	FreeForm // any other block whose children have names of their own
	AcmeIssuer

	contextEnd
)

// Any is every place with directives.
const Any = (contextEnd - 1) &^ free

// free are the blocks whose children are not directives.
const free = Types | Map | Geo | SplitClients | Charset | FreeForm

// Nameless are the blocks that hold a request without being a location of their own.
const Nameless = ServerIf | LocationIf | LimitExcept

// IsFree reports whether children of such a block are data instead of directives.
func (c Context) IsFree() bool { return c&free != 0 }

// contextNames has the name for people and the word in known.txt.
var contextNames = [...][2]string{
	{"main", "main"},
	{"events", "events"},
	{"http", "http"},
	{"server", "server"},
	{"location", "location"},
	{"if in server", "sif"},
	{"if in location", "lif"},
	{"limit_except", "limit_except"},
	{"upstream", "upstream"},
	{"types", "types"},
	{"map", "map"},
	{"geo", "geo"},
	{"split_clients", "split_clients"},
	{"match", "match"},
	{"otel_exporter", "otel"},
	{"stream", "stream"},
	{"server in stream", "stream_server"},
	{"upstream in stream", "stream_upstream"},
	{"match in stream", "stream_match"},
	{"mail", "mail"},
	{"server in mail", "mail_server"},
	{"mgmt", "mgmt"},
	{"charset_map", "charset_map"},
	{"block", "block"},
	{"acme_issuer", "acme_issuer"},
}

// Names are the places of the set, for people.
func (c Context) Names() []string {
	var names []string
	for i, n := range contextNames {
		if c&(1<<i) != 0 {
			names = append(names, n[0])
		}
	}
	return names
}

// String is the list of places as the manual prints it.
func (c Context) String() string {
	if c&Any == Any {
		return "any"
	}
	return strings.Join(c.Names(), ", ")
}

// contextByWord finds the place with this word in known.txt, or 0.
func contextByWord(word string) Context {
	if word == "any" {
		return Any
	}
	for i, n := range contextNames {
		if n[1] == word {
			return 1 << i
		}
	}
	return 0
}
