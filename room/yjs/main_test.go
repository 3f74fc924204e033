package yjs

import (
	"errors"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := errors.Join(yjs13.stop(), yjs14.stop()); err != nil && code == 0 {
		println("an oracle:", err.Error())
		code = 1
	}
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}
