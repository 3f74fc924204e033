package view

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

// yjs13 is the Yjs that everything is held against: web/interop/src/oracle-view.js in
// a Node process.
var yjs13 oracle

type oracle struct {
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

// ask gives a command to Yjs and its answer to the test.
func ask[T any](t testing.TB, command string, arguments args) (answer T) {
	t.Helper()
	require.NoError(t, yjs13.ask(command, arguments, &answer))
	return answer
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
	web, err := filepath.Abs("../../../web")
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(web, "node_modules", "yjs")); err != nil {
		install := exec.Command("npm", "ci", "--no-progress", "--prefix", web)
		if out, err := install.CombinedOutput(); err != nil {
			return errors.Join(err, errors.New(string(out)))
		}
	}
	o.process = exec.Command("node", filepath.Join(web, "interop", "src", "oracle-view.js"))
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
