package http

import (
	"time"

	"weir/disk"
)

// CoreConf is what the core module (http/core) says of a location, as far as those who serve requests there need it.
type CoreConf struct {
	Internal bool

	// Files.
	Root        *Text
	Alias       bool              // Root came from alias
	Aliased     int               // bytes of a URI that alias replaces
	AliasWhole  bool              // it replaces all of it
	Types       map[string][]byte // media types by extension in lower case
	DefaultType []byte

	// The request's body.
	MaxBody       int64
	BodyBuffer    int64
	BodyTimeout   time.Duration
	BodyTemp      *disk.TempPath
	BodyInFile    BodyFileMode
	Lingering     LingerMode
	LingeringTime time.Duration
	LingeringIdle time.Duration
	ResetTimedOut bool

	// The response.
	Sendfile         bool
	SendfileMaxChunk int64
	TCPNoPush        bool
	TCPNoDelay       bool
	SendTimeout      time.Duration
	PostponeOutput   int64
	LimitRate        *Text
	LimitRateAfter   *Text
	ChunkedEncoding  bool
	ETag             bool
	IfModifiedSince  ModifiedMode
	MaxRanges        int
	Signature        string // what weir calls itself in Server and on its pages
	SubBuffer        int64
	EarlyHints       []*Text
	GzipVary         bool
	GzipOK           func(*Request) bool // whether a request may be answered in gzip: the client takes it, and gzip_… allow it

	// Connections that are kept.
	KeepaliveTimeout  time.Duration
	KeepaliveHeader   time.Duration
	KeepaliveMin      time.Duration
	KeepaliveRequests int
	KeepaliveTime     time.Duration
	NoKeepalive       func(*Request) bool // of clients whose connections are not kept; nil: all are

	// Redirects and refusals.
	ErrorPages       []int // statuses that error_page answers
	PostAction       string
	AbsoluteRedirect bool
	NameInRedirect   bool
	PortInRedirect   bool
	LogNotFound      bool
	LogSubrequest    bool
	SatisfyAny       bool
	AuthDelay        time.Duration
}

// BodyFileMode is client_body_in_file_only.
type BodyFileMode uint8

const (
	BodyInMemory  BodyFileMode = iota
	BodyFileKeep               // on: the file stays
	BodyFileClean              // clean: the file goes with the request
)

// LingerMode is lingering_close.
type LingerMode uint8

const (
	LingerOff LingerMode = iota
	LingerOn
	LingerAlways
)

// ModifiedMode is if_modified_since.
type ModifiedMode uint8

const (
	ModifiedOff ModifiedMode = iota
	ModifiedExact
	ModifiedBefore
)

// ServerConf is what the core module says of a server, as far as those who read the heads of requests need it: before a location, or
// even the server, is known.
type ServerConf struct {
	HeaderTimeout time.Duration
	HeaderBuffer  int64
	LargeCount    int
	LargeSize     int64
	MaxHeaders    int
	IgnoreInvalid bool
	MergeSlashes  bool
	Underscores   bool
}
