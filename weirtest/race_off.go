//go:build !race

package weirtest

const raceEnabled = false
