//go:build !scramble

package weirtest

const scramble = false
