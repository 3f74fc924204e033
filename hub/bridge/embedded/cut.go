package embedded

import (
	"fmt"
	"os"
	"path/filepath"
)

// sizes are those of the files in which the streams' messages are.
type sizes map[string]int64

func blockSizes(dir string) sizes {
	names, _ := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "*", "msgs", "*.blk")) // the pattern is good
	all := make(sizes, len(names))
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			all[name] = info.Size()
		}
	}
	return all
}

// cutOff compares the files with those of before the engine was started. Where it has no
// index, it reads them, and cuts a file off at the first message that it cannot read,
// with all behind that, and tells nobody. A file that is gone is only told of where it
// was the last: others go when all in them was deleted.
func (s sizes) cutOff(dir string) (cut []string) {
	after := blockSizes(dir)
	for name, size := range s {
		left, there := after[name]
		if left >= size || !there && !s.last(name) {
			continue
		}
		stream := filepath.Base(filepath.Dir(filepath.Dir(name)))
		cut = append(cut, fmt.Sprintf("%s: the last %d of %d bytes in %s could not be read and were cut off", stream, size-left, size, filepath.Base(name)))
	}
	return cut
}

// last reports whether there was no file of a higher number beside this one.
func (s sizes) last(name string) bool {
	number := func(of string) (n int) {
		_, _ = fmt.Sscanf(filepath.Base(of), "%d.blk", &n)
		return n
	}
	for other := range s {
		if filepath.Dir(other) == filepath.Dir(name) && number(other) > number(name) {
			return false
		}
	}
	return true
}

// CutOff tells what the engine has cut off its files when it was started. After a loss
// of power that is what was being written then, and nobody had an ack for it; else it
// is damage, and takes what was acknowledged with it.
func (s *Server) CutOff() []string { return s.cut }
