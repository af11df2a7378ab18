//go:build !race

package cycle_test

const raceDetector = false
