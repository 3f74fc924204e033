package bridge_test

import (
	"testing"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/hubtest"
)

func TestLogIsALog(t *testing.T) {
	hubtest.TestLog(t, func(t *testing.T) hub.Log { return openLog(t, t.TempDir(), bridge.Config{}) })
}
