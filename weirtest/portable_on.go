//go:build portable

package weirtest

const portable = true
