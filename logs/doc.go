// Package logs has the error log, and the sinks and escapes that access logs are made of.
//
// A Logger is what the error_log lines of one block come to: Targets, each with the least severe
// Level it takes. A target writes to a Sink: a File or a Syslog. An access log writes its lines to a
// Sink too, or through a Buffered, or to files with names of the moment through a FileCache.
//
// Every open log file of the process is in one Files, by path, and is shared by all that write to
// it: by loops, by locations, by the old and the new cycle while a reload lasts. Reopen changes the
// file behind a descriptor without a moment in which lines get lost.
//
//	files := logs.NewFiles()
//	f, err := files.Open("/var/log/weir/error.log")
//	log := logs.NewLogger(logs.Options{}, logs.Target{Level: logs.Error, Sink: f})
//	log.Log(logs.Error, 7, []byte("upstream timed out"))
//	// 2026/11/24 14:31:05 [error] 123#123: *7 upstream timed out
//
// Writing a line is one write(2) on the loop, as in nginx, where it goes to the page cache of a disk.
// Whatever may take longer is left to a goroutine of the file: see Files.WriteBehind. Nothing here waits for a network.
package logs
