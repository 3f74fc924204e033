package transport

import (
	"flag"
	"fmt"
	"testing"

	"go.uber.org/goleak"
)

// plainIO is what tests use for Config.PlainIO.
var plainIO bool

// TestMain runs everything twice: with sockets read and written past net.Conn, and by
// it alone. A short run, and one that is after something else, does the first.
func TestMain(m *testing.M) { goleak.VerifyTestMain(bothWays{m}) }

type bothWays struct{ *testing.M }

func (m bothWays) Run() int {
	code := m.M.Run()
	for _, name := range []string{"test.bench", "test.fuzz", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return code
		}
	}
	if code != 0 || testing.Short() {
		return code
	}
	fmt.Println("once more, with plain I/O")
	plainIO = true
	return m.M.Run()
}
