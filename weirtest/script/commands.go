package script

// Command is one word of a script.
type Command struct {
	Name, Syntax, Doc string
	min, max          int  // words after the name; max -1: any number
	not               bool // may follow "!"
	run               func(r *run, args []string)
}

// Commands is every command, in the order of the manual.
func Commands() []Command {
	return []Command{
		{"weir", "weir ARGUMENT…", "Runs the server's binary in the script's directory (`-p -c -e -g` are given) and waits for it. It must succeed; after `!` it must fail. Its output is looked at with `stdout` and `stderr`.", 0, -1, true, runWeir},
		{"needs", "needs DIRECTIVE…", "Skips the script if the nginx that is tested has no such directive. It fails if weir has none.", 1, -1, false, runNeeds},
		{"start", "start [FILE]", "Starts the server with nginx.conf, or with FILE, and waits until every $ADDR that the file listens on takes connections. With `daemon on;` on a line of its own in the file it goes to the background, as an upgrade (USR2, WINCH) needs it. After `!` it must refuse to start.", 0, 1, true, runStart},
		{"reload", "reload", "Sends HUP. The new configuration is there soon, not at once: go on with `until`.", 0, 0, false, runReload},
		{"signal", "signal NAME [PROCESS]", "Sends HUP, USR1, USR2, WINCH, QUIT, TERM or KILL to the master, or to another PROCESS: `worker`, or `old`, the master whose binary was upgraded.", 1, 2, false, runSignal},
		{"process", "process PROCESS REGEXP", "A line of the kernel's status of a process (proc_pid_status(5)) matches, as `Uid:`, or `Title:` and what ps shows of it; waits for it. PROCESS is `master`, `worker` or `old`.", 2, 2, true, runProcess},
		{"processes", "processes N", "Waits until the server has N processes.", 1, 1, false, runProcesses},
		{"quit", "quit [fast]", "Sends QUIT (TERM if fast) and waits; the exit status must be 0.", 0, 1, false, runQuit},
		{"exited", "exited", "Waits for a server that was told to end; the exit status must be 0.", 0, 0, false, runExited},

		{"get", "get TARGET [HEADER…] [x N]", "Asks by GET, HTTP/1.1, on a connection of its own, and keeps the answer. TARGET is a path, or `$ADDR2/path`. A HEADER is one word: `'Range: bytes=0-1'`; `Host: localhost` is sent unless another is named, and `Host:` sends none. `-from 127.0.0.2` sets the address to come from; `-h2` asks over HTTP/2, `-tls` over TLS, with the host's name or that of `-sni NAME` in the handshake, `-cert NAME` with a client certificate. `x3` at the end asks three times.", 1, -1, false, runGet},
		{"head", "head TARGET [HEADER…]", "The same by HEAD.", 1, -1, false, runHead},
		{"post", "post TARGET BODY [HEADER…]", "The same by POST with this body (`-file NAME` takes a file's). Content-Length is sent unless Transfer-Encoding is named; then the body goes out as it is.", 2, -1, false, runPost},
		{"request", "request METHOD TARGET [BODY] [HEADER…]", "The same by any method.", 2, -1, false, runRequest},
		{"raw", "raw [-tls] [-to ADDRESS] BYTES…", `Sends bytes as they are (\r \n \t \0 \xHH) and reads all answers until every request in them has one, or the server closes.`, 1, -1, false, runRaw},
		{"after", "after TIME COMMAND…", "Waits, then does the command. For facts about time; to wait for an event use `until`, `log` or `got`.", 2, -1, true, runAfter},
		{"until", "until REGEXP REQUEST…", "Repeats a request (`get`, `post`, `raw` …) until the whole answer, head and body, matches.", 2, -1, false, runUntil},
		{"untillog", "untillog FILE REGEXP REQUEST…", "Repeats a request until a line of the log matches.", 3, -1, false, runUntilLog},

		{"open", "open NAME [ADDRESS]", "Opens a connection and gives it a name; `-from ADDRESS` and `-tls` as above.", 1, -1, false, runOpen},
		{"send", "send NAME BYTES…", "Sends bytes on it, as raw does. `-frame TEXT` sends a WebSocket text frame.", 2, -1, false, runSend},
		{"answer", "answer NAME [N]", "Reads the next answer (or N of them) from it and keeps it for the checks below. An interim answer counts as one.", 1, 2, false, runAnswer},
		{"read", "read NAME REGEXP", "Reads from it until what has come matches.", 2, 2, false, runRead},
		{"closed", "closed NAME", "Waits for the server to close it, with nothing more to read. After `!` it must still be open and silent.", 1, 1, true, runClosed},
		{"shut", "shut [-reset] NAME", "Closes it from our side, by a reset if that is wanted.", 1, 2, false, runShut},

		{"status", "status CODE…", "The statuses of the kept answers, in order. 0 is an HTTP/0.9 answer; `none` is no answer at all.", 1, -1, true, runStatus},
		{"header", "header NAME [REGEXP]", "The last answer has this header, and its whole value matches; several of the name are joined with `, `.", 1, 2, true, runHeader},
		{"trailer", "trailer NAME REGEXP", "The same for a field after a body.", 2, 2, true, runTrailer},
		{"body", "body [TEXT…]", "The last answer's body is exactly this (words joined by a space); one newline at its end is not counted. Without TEXT the body is empty.", 0, -1, true, runBody},
		{"bodymatch", "bodymatch REGEXP", "The last answer's body matches; `(?s)` lets a dot match newlines.", 1, 1, true, runBodyMatch},
		{"bodyfile", "bodyfile FILE", "The last answer's body is this file, byte for byte.", 1, 1, true, runBodyFile},
		{"decoded", "decoded CODING", "Takes the last answer's body out of gzip, br or zstd, for the checks that follow; it must be whole and sound.", 1, 1, false, runDecoded},
		{"bodies", "bodies TEXT…", "One word for each kept answer: its body. For balancing.", 1, -1, true, runBodies},
		{"size", "size BYTES", "The length of the last answer's body; 64k and 1m are understood.", 1, 1, true, runSize},
		{"cut", "cut", "The last answer's body ended before it was complete.", 0, 0, true, runCut},
		{"took", "took MIN MAX", "The last request command took at least MIN and less than MAX.", 2, 2, false, runTook},

		{"log", "log FILE REGEXP", "Waits until a line of the log matches. After `!`: no line does, now.", 2, 2, true, runLog},
		{"lines", "lines FILE N [REGEXP]", "Waits until the log has exactly N lines (that match).", 2, 3, false, runLines},

		{"backend", "backend NAME KIND [ARGUMENT…]", "Starts a back end; $NAME is its address from here on, in the script and in *.conf. The kinds are listed below. `-unix` before NAME gives it a Unix socket; `-tls CERTIFICATE` has it speak TLS.", 2, -1, false, runBackend},
		{"down", "down NAME", "Stops the back end: its port refuses connections.", 1, 1, false, runDown},
		{"up", "up NAME", "Starts it again.", 1, 1, false, runUp},
		{"got", "got NAME REGEXP", "Waits until the back end has received a request, head and body, that matches. After `!`: it has not, so far. Over TLS a line comes before it, such as `TLS 1.3 name=example.com resumed client=CN`. Lines end in \\r\\n.", 2, 2, true, runGot},
		{"count", "count NAME requests|connections|open N", "How many the back end has received, accepted, or has open; waits for it.", 3, 3, false, runCount},

		{"nameserver", "nameserver NAME", "Starts a name server, which knows no names; $NAME is its address, for `resolver`.", 1, 1, false, runNameServer},
		{"knows", "knows NAME HOST TIME TYPE VALUE…", "What the name server says of a host from here on: its records of one type (A, AAAA, CNAME, SRV; of SRV four words each: priority, weight, port, host) for TIME seconds, or no records. `truncated` before TIME makes it say over datagrams that there is more. Instead of all that: `fail CODE`, `silent`, `unknown`.", 3, -1, false, runKnows},
		{"asked", "asked NAME REGEXP [N]", "Waits until the name server was asked what matches, as `app.test AAAA udp`, or exactly N times. After `!`: it was not, so far.", 2, 3, true, runAsked},

		{"pattern", "pattern FILE SIZE", "Makes a file in which a lost, doubled or moved byte shows: 100, 64k, 1m.", 2, 2, false, runPattern},
		{"certificate", "certificate NAME [-ca] [-by NAME] [-expired] [-for NAME]…", "Makes a certificate and its key, NAME.crt and NAME.key: signed by itself, or by that of another NAME; for that name and localhost, or for others.", 1, -1, false, runCertificate},
		{"mmdb", "mmdb FILE NETWORKS [BUILT]", "Makes a database in MaxMind's format of a file in JSON, which has an object of networks and their records, and moves it into place. BUILT is when it was made, in seconds since 1970.", 2, 3, false, runMMDB},
		{"small", "small FOLDER SIZE", "Mounts a file system of this size in a folder; where that is not allowed, the script is skipped.", 2, 2, false, runSmall},
		{"touch", "touch FILE TIME", "Sets a file's time: `2020-01-02T03:04:05Z`.", 2, 2, false, runTouch},
		{"gone", "gone FILE", "Waits until there is no such file.", 1, 1, false, runGone},
		{"noleak", "noleak", "Waits until the server has no more open descriptors than when it started.", 0, 0, false, runNoLeak},
	}
}

func find(name string) (Command, bool) {
	for _, c := range Commands() {
		if c.Name == name {
			return c, true
		}
	}
	return Command{}, false
}
