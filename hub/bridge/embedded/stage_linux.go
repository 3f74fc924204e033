package embedded

import "syscall"

const (
	memoryFolder = "/dev/shm" // see shm_overview(7)
	tmpfsMagic   = 0x01021994 // see statfs(2)
)

// MemoryFolder gives a folder of a file system in memory for Options.Stage, or
// nothing where there is none.
func MemoryFolder() string {
	var st syscall.Statfs_t
	if err := syscall.Statfs(memoryFolder, &st); err != nil || st.Type != tmpfsMagic {
		return ""
	}
	return memoryFolder
}
