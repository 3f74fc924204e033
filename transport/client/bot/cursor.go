package bot

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/hubbub-im/hubbub/transport/client"
)

// CursorStore keeps how far each room was handled. Its methods are called by
// several goroutines, for one room by one at a time.
type CursorStore interface {
	// Load gives the position of a room, and false if none was saved.
	Load(room string) (client.Position, bool, error)
	// Save keeps a position. When it returns, a crash of the bot must not lose it.
	Save(room string, at client.Position) error
}

// File keeps the cursor in a JSON file, which is replaced as a whole and synced
// each time. One bot at a time may use it.
func File(path string) CursorStore { return &fileStore{path: path} }

type fileStore struct {
	path string // static

	mu     sync.Mutex // guards what follows
	rooms  map[string]client.Position
	latest int // counts the calls of Save

	writing sync.Mutex // guards the file and what follows; taken without mu
	written int        // what latest was when the file was written
}

// Load reads the file the first time.
func (f *fileStore) Load(room string) (client.Position, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rooms == nil {
		rooms := make(map[string]client.Position)
		data, err := os.ReadFile(f.path)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return client.Position{}, false, fmt.Errorf("cursor: %w", err)
		default:
			if err := json.Unmarshal(data, &rooms); err != nil {
				return client.Position{}, false, fmt.Errorf("cursor: %s does not hold one (%w); move it away to begin with what is new", f.path, err)
			}
		}
		f.rooms = rooms
	}
	at, known := f.rooms[room]
	return at, known, nil
}

// Save writes the file. Calls that come while it is being written share the next
// write.
func (f *fileStore) Save(room string, at client.Position) error {
	f.mu.Lock()
	if f.rooms == nil {
		f.rooms = make(map[string]client.Position)
	}
	f.rooms[room] = at
	f.latest++
	mine := f.latest
	f.mu.Unlock()

	f.writing.Lock()
	defer f.writing.Unlock()
	if f.written >= mine {
		return nil
	}
	f.mu.Lock()
	latest, rooms := f.latest, maps.Clone(f.rooms)
	f.mu.Unlock()
	if err := replace(f.path, rooms); err != nil {
		return fmt.Errorf("cursor: %w", err)
	}
	f.written = latest
	return nil
}

// replace writes the file beside the old one and moves it into its place, so that
// there is a whole one at any moment.
func replace(path string, rooms map[string]client.Position) error {
	data, err := json.Marshal(rooms)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(data, '\n'))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// forgetful keeps nothing.
type forgetful struct{}

func (forgetful) Load(string) (client.Position, bool, error) { return client.Position{}, false, nil }
func (forgetful) Save(string, client.Position) error         { return nil }
