package main

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
)

// completions are the files that shells read to complete what is typed behind weir; the package has them, too.
//
//go:embed completion
var completions embed.FS

// completion answers "weir completion".
func completion(args []string, out, errs io.Writer) int {
	shell := ""
	if len(args) == 1 {
		shell = args[0]
	}
	text, err := fs.ReadFile(completions, "completion/weir."+shell)
	if err != nil {
		_, _ = fmt.Fprintf(errs, "weir: completion is for bash, zsh or fish\n")
		return 1
	}
	_, _ = out.Write(text)
	return 0
}
