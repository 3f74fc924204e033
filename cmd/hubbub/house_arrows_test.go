package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// anywhere stands for all of ours.
const anywhere = "..."

// arrows say what of ours each package may import. A package that is not named here
// has no place in the house yet. Tests may import more.
var arrows = map[string][]string{
	"cmd":                  {anywhere},
	"transport":            {"hub", "hub/docs", "transport/wire", "transport/token", "room", "room/document", "room/yjs", "room/yjs/view"},
	"transport/client":     {"transport/wire", "room", "room/yjs"},
	"transport/client/bot": {"transport/client", "transport/wire", "room"},
	"transport/wire":       {"room"},
	"transport/token":      {"room"},
	"hub":                  {"room", "hub/internal/life"},
	"hub/docs":             {"hub", "hub/internal/life", "room", "room/document", "room/yjs", "room/yjs/view"},
	"hub/internal/life":    {},
	"hub/bridge":           {"hub", "hub/bridge/archive", "room"},
	"hub/bridge/archive":   {},
	"hub/bridge/embedded":  {},
	"room":                 {"room/yjs"},
	"room/document":        {"room", "room/yjs", "room/yjs/view"},
	"room/yjs":             {},
	"room/yjs/view":        {"room/yjs"},
	"web":                  {},

	// for tests alone: no arrow leads to them
	"hub/hubtest/mounts": {},
	"hub/hubtest":        {"hub", "room"},
}

// testSupport are the packages that only tests import.
var testSupport = []string{"hub/hubtest", "hub/hubtest/mounts"}

// foreign say where modules of others may be imported, by the beginning of their
// path: NATS stays behind the hub's interfaces, WebSockets and HTTP metrics at the
// edge, and the core does not log.
var foreign = map[string][]string{
	"github.com/nats-io/":               {"hub/bridge", "hub/bridge/embedded", "cmd"},
	"github.com/coder/websocket":        {"transport", "transport/client", "cmd"},
	"github.com/prometheus/":            {"transport", "cmd"},
	"github.com/rs/zerolog":             {"transport", "cmd"},
	"github.com/rs/zerolog/log":         {}, // the global logger
	"github.com/alecthomas/kong":        {"cmd"},
	"github.com/schollz/progressbar":    {"cmd"},
	"net/http":                          {"transport", "transport/client", "transport/client/bot", "transport/wire", "cmd"},
	"github.com/stretchr/testify":       testSupport,
	"github.com/anishathalye/porcupine": {"cmd"},
	"testing":                           testSupport,
}

// place gives the folder under which a package stands in a table: itself, or cmd.
func place(dir string) string {
	if dir == "cmd" || strings.HasPrefix(dir, "cmd/") {
		return "cmd"
	}
	return dir
}

func checkArrows(t *tree) (broken []string) {
	for _, s := range t.code() {
		allowed, known := arrows[place(s.dir)]
		if !known {
			broken = append(broken, fmt.Sprintf("%s: the package %s has no arrows in house_arrows_test.go; say there what it may import", s.path, s.dir))
			continue
		}
		s.imports(func(at token.Pos, name string) {
			target, ours := strings.CutPrefix(name, modulePath+"/")
			if !ours || slices.Contains(allowed, target) || slices.Contains(allowed, anywhere) {
				return
			}
			broken = append(broken, fmt.Sprintf("%s: %s must not import %s; it may import: %s", t.line(at), s.dir, target, strings.Join(allowed, ", ")))
		})
	}
	return broken
}

func checkForeign(t *tree) (broken []string) {
	for _, s := range t.code() {
		s.imports(func(at token.Pos, name string) {
			rule := foreignRule(name)
			if rule == "" || slices.Contains(foreign[rule], place(s.dir)) {
				return
			}
			broken = append(broken, fmt.Sprintf("%s: %s must not import %s; its place is: %s", t.line(at), s.dir, name, strings.Join(foreign[rule], ", ")))
		})
	}
	return broken
}

// foreignRule gives the longest entry of foreign that an import path falls under.
func foreignRule(name string) (longest string) {
	for prefix := range foreign {
		under := name == prefix || strings.HasPrefix(name, strings.TrimSuffix(prefix, "/")+"/")
		if under && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	return longest
}

// impure are packages that bring locks, chance or the outside world.
var impure = []string{"context", "crypto/rand", "io", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "sync", "sync/atomic"}

// clock are the names of package time that look at it or wait for it.
var clock = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

func checkPure(t *tree) (broken []string) {
	for _, s := range t.code() {
		if s.dir != "room" && !strings.HasPrefix(s.dir, "room/yjs") {
			continue
		}
		tell := func(at token.Pos, what string) {
			broken = append(broken, fmt.Sprintf("%s: %s: package %s has no goroutine, lock, clock or I/O, so that every instance comes to the same state", t.line(at), what, path.Base(s.dir)))
		}
		s.imports(func(at token.Pos, name string) {
			if slices.Contains(impure, name) {
				tell(at, "import "+name)
			}
		})
		s.uses("time", clock, func(at token.Pos, name string) { tell(at, "time."+name) })
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.GoStmt:
				tell(n.Pos(), "go")
			case *ast.ChanType:
				tell(n.Pos(), "chan")
			}
			return true
		})
	}
	return broken
}
