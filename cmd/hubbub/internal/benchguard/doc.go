// Command benchguard compares what `go test -bench -benchmem` printed with a
// baseline that is kept beside the code: allocations, bytes, and ratios of two
// benchmarks of the same run. Times are never compared with those of another run,
// since they are the machine's as much as the code's.
package main
