package yjs

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// yjs13 is the Yjs that everything is held against, and yjs14 the one to come.
var (
	yjs13 = &oracle{script: "oracle.js"}
	yjs14 = &oracle{script: "oracle14.js"}
)

// oracle is a Node process that answers for a Yjs.
type oracle struct {
	script string // in web/interop/src

	start sync.Once
	err   error

	mu      sync.Mutex // guards what follows
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// b64 are bytes as the oracle takes and gives them.
type b64 []byte

type wireBytes struct {
	Bytes []byte `json:"b64"`
}

func (b b64) MarshalJSON() ([]byte, error) { return json.Marshal(wireBytes{b}) }

func (b *b64) UnmarshalJSON(data []byte) error {
	var w wireBytes
	err := json.Unmarshal(data, &w)
	*b = w.Bytes
	return err
}

// args are what a command is given.
type args map[string]any

// state is what the oracle tells of a document.
type state struct {
	Document string `json:"document"` // JSON that is equal for equal documents
	Vector   b64    `json:"vector"`
	State    b64    `json:"state"`
	StateV2  b64    `json:"stateV2"`
	Pending  bool   `json:"pending"`
}

// scenario is a document that several clients made, and every update of it.
type scenario struct {
	state
	Updates []struct {
		V1 b64 `json:"v1"`
		V2 b64 `json:"v2"`
	} `json:"updates"`
}

func (s *scenario) v1() (updates [][]byte) {
	for _, u := range s.Updates {
		updates = append(updates, u.V1)
	}
	return updates
}

// ask gives a command to Yjs 13 and its answer to the test.
func ask[T any](t testing.TB, command string, arguments args) (answer T) {
	t.Helper()
	return askOf[T](t, yjs13, command, arguments)
}

func askOf[T any](t testing.TB, o *oracle, command string, arguments args) (answer T) {
	t.Helper()
	require.NoError(t, o.ask(command, arguments, &answer))
	return answer
}

// open asks for the document that updates of version 1 make.
func open(t testing.TB, updates ...[]byte) state {
	t.Helper()
	return ask[state](t, "open", args{"updates": wire(updates)})
}

func wire(updates [][]byte) []b64 {
	out := make([]b64, len(updates))
	for i, u := range updates {
		out[i] = u
	}
	return out
}

func (o *oracle) ask(command string, arguments args, answer any) error {
	o.start.Do(func() { o.err = o.run() })
	if o.err != nil {
		return o.err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	question := args{"command": command}
	for name, value := range arguments {
		question[name] = value
	}
	if err := json.NewEncoder(o.in).Encode(question); err != nil {
		return err
	}
	line, err := o.out.ReadBytes('\n')
	if err != nil {
		return err
	}
	var failed struct{ Error string }
	if err := json.Unmarshal(line, &failed); err != nil || failed.Error != "" {
		return errors.Join(err, errors.New("yjs: "+failed.Error))
	}
	return json.Unmarshal(line, answer)
}

// run starts Node, and before that installs Yjs if it is not there.
func (o *oracle) run() error {
	web, err := filepath.Abs("../../web")
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(web, "node_modules", "yjs")); err != nil {
		install := exec.Command("npm", "ci", "--no-progress", "--prefix", web)
		if out, err := install.CombinedOutput(); err != nil {
			return errors.Join(err, errors.New(string(out)))
		}
	}
	o.process = exec.Command("node", filepath.Join(web, "interop", "src", o.script))
	o.process.Stderr = os.Stderr
	if o.in, err = o.process.StdinPipe(); err != nil {
		return err
	}
	out, err := o.process.StdoutPipe()
	if err != nil {
		return err
	}
	o.out = bufio.NewReaderSize(out, 1<<20)
	return o.process.Start()
}

// stop ends the process, if it was started.
func (o *oracle) stop() error {
	if o.process == nil || o.process.Process == nil {
		return nil
	}
	return errors.Join(o.in.Close(), o.process.Wait())
}
