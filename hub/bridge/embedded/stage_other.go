//go:build !linux

package embedded

// MemoryFolder gives a folder of a file system in memory for Options.Stage, or
// nothing where there is none.
func MemoryFolder() string { return "" }
