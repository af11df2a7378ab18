//go:build race

package cycle

// raceDetector says that sync.Pool drops things on purpose, so that allocations cannot be counted.
const raceDetector = true
