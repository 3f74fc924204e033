package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The engine gathers an atomic batch in a message store of its own before it copies
// it into the stream, and for a stream with one replica it makes that store in files:
// folders, files and syncs for each batch, which cost several times what storing its
// messages does. Nothing depends on them being on a disk. The ack comes after the
// sync of the stream itself, and when the engine starts it takes from a staged batch
// only the rest of one that it had begun to copy, and throws the others away. So a
// folder in memory serves as well: it outlives kill -9, and after a loss of power
// nobody has an ack for what was in it.
//
// The engine has no setting for the place, but it takes a link for it.
const (
	stagePrefix = "hubbub-batches-"
	stageLink   = "batches" // in each stream's folder; the engine's own name for it
)

// stage is a folder in memory with a folder for each stream.
type stage struct {
	within string // the file system in memory; empty: batches are staged on the disk
	data   string // the data folder
	dir    string // of this start; empty: there is none yet
}

// links finds what stands where streams gather their batches.
func (s *stage) links() []string {
	found, err := filepath.Glob(filepath.Join(s.data, "jetstream", "*", "streams", "*"))
	if err != nil {
		panic(err) // the pattern is constant
	}
	for i := range found {
		found[i] = filepath.Join(found[i], stageLink)
	}
	return found
}

// earlier gives the folders of earlier starts, to be removed once the engine has
// taken from them what it wants.
func (s *stage) earlier() map[string]bool {
	dirs := make(map[string]bool)
	for _, link := range s.links() {
		to, err := os.Readlink(link)
		if dir := filepath.Dir(to); err == nil && filepath.Dir(dir) == s.within && strings.HasPrefix(filepath.Base(dir), stagePrefix) {
			dirs[dir] = true
		}
	}
	return dirs
}

// remove removes folders of earlier starts.
func (s *stage) remove(dirs map[string]bool) error {
	var errs []error
	for dir := range dirs {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}

// link has each stream gather its batches in memory that does not yet. No batch
// may be under way.
func (s *stage) link() error {
	if s.within == "" {
		return nil
	}
	if s.dir == "" {
		dir, err := os.MkdirTemp(s.within, stagePrefix)
		if err != nil {
			return fmt.Errorf("a folder in memory for batches: %w", err)
		}
		s.dir = dir
	}
	for _, link := range s.links() {
		to := filepath.Join(s.dir, filepath.Base(filepath.Dir(link)))
		if err := os.MkdirAll(to, 0o700); err != nil {
			return fmt.Errorf("a folder in memory for batches: %w", err)
		}
		// What is there already is a link of this start, or a folder that the engine
		// has made and goes on with.
		if err := os.Symlink(to, link); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("a folder in memory for batches: %w", err)
		}
	}
	return nil
}

// mend begins a new folder if something has tidied the old one away. A batch that
// was under way in what is left of it fails, and is tried again.
func (s *stage) mend() error {
	if s.dir == "" || s.whole() {
		return nil
	}
	return errors.Join(s.drop(), s.link())
}

func (s *stage) whole() bool {
	for _, link := range s.links() {
		to, err := os.Readlink(link)
		if err != nil || filepath.Dir(to) != s.dir {
			continue
		}
		if info, err := os.Lstat(to); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// drop removes the folder and the links to it.
func (s *stage) drop() error {
	if s.dir == "" {
		return nil
	}
	var errs []error
	for _, link := range s.links() {
		if to, err := os.Readlink(link); err == nil && filepath.Dir(to) == s.dir {
			errs = append(errs, os.Remove(link))
		}
	}
	errs = append(errs, os.RemoveAll(s.dir))
	s.dir = ""
	return errors.Join(errs...)
}
