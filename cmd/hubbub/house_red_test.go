package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// TestHouseRulesCanFail shows each rule a small tree that breaks it, and one that is
// as near to that but does not.
func TestHouseRulesCanFail(t *testing.T) {
	long := "package hub\n" + strings.Repeat("\n", maxFileLines)
	tall := func(lines int) string { return "package hub\n\nfunc tall() {" + strings.Repeat("\n", lines-1) + "}\n" }
	ours := func(path string) string { return "package x\n\nimport _ \"" + modulePath + "/" + path + "\"\n" }
	others := func(path string) string { return "package x\n\nimport _ \"" + path + "\"\n" }
	inTest := func(body string) string {
		return "package x\n\nimport (\n\t\"time\"\n\t\"testing/synctest\"\n)\n\n" + body
	}
	for _, c := range []struct {
		rule       func(*tree) []string
		file, text string
		broken     string // part of what is said, "" if all is well
	}{
		{checkArrows, "hub/x.go", ours("transport"), "hub must not import transport"},
		{checkArrows, "hub/x.go", ours("hub/bridge"), "hub must not import hub/bridge"},
		{checkArrows, "transport/client/x.go", ours("hub"), "transport/client must not import hub"},
		{checkArrows, "transport/wire/x.go", ours("transport/token"), "transport/wire must not import transport/token"},
		{checkArrows, "room/x.go", ours("hub"), "room must not import hub"},
		{checkArrows, "web/x.go", ours("room"), "web must not import room"},
		{checkArrows, "hub/bridge/embedded/x.go", ours("hub"), "hub/bridge/embedded must not import hub"},
		{checkArrows, "transport/x.go", ours("cmd/hubbub"), "transport must not import cmd/hubbub"},
		{checkArrows, "transport/new/x.go", "package new\n", "the package transport/new has no arrows"},
		{checkArrows, "top.go", "package top\n", "the package . has no arrows"},
		{checkArrows, "hub/bridge/x.go", ours("hub/hubtest"), "hub/bridge must not import hub/hubtest"},
		{checkArrows, "hub/x.go", ours("room"), ""},
		{checkArrows, "cmd/hubbub/internal/y/x.go", ours("hub/bridge"), ""},
		{checkArrows, "hub/x_test.go", ours("transport/wire"), ""},

		{checkForeign, "hub/x.go", others("github.com/nats-io/nats.go"), "hub must not import github.com/nats-io/nats.go"},
		{checkForeign, "transport/x.go", others("github.com/rs/zerolog/log"), "must not import github.com/rs/zerolog/log"},
		{checkForeign, "hub/x.go", others("github.com/rs/zerolog"), "hub must not import github.com/rs/zerolog"},
		{checkForeign, "hub/x.go", others("net/http"), "hub must not import net/http"},
		{checkForeign, "hub/x.go", others("testing"), "hub must not import testing"},
		{checkForeign, "hub/bridge/x.go", others("github.com/nats-io/nats.go/jetstream"), ""},
		{checkForeign, "transport/x.go", others("github.com/rs/zerolog"), ""},

		{checkPure, "room/x.go", others("sync"), "import sync"},
		{checkPure, "room/yjs/x.go", others("os"), "import os"},
		{checkPure, "room/x.go", "package room\n\nimport \"time\"\n\nvar _ = time.Now()\n", "time.Now"},
		{checkPure, "room/x.go", "package room\n\nimport clock \"time\"\n\nvar _ = clock.Now\n", "time.Now"},
		{checkPure, "room/x.go", "package room\n\nfunc f() { go f() }\n", "go"},
		{checkPure, "room/x.go", "package room\n\nvar c chan int\n", "chan"},
		{checkPure, "room/x.go", "package room\n\nimport \"time\"\n\nvar _ = time.Unix(0, 0)\n", ""},
		{checkPure, "hub/x.go", others("sync"), ""},

		{checkTop, "pkg/x.go", "package x\n", "pkg: does not belong"},
		{checkTop, "tool.sh", "", "tool.sh: does not belong"},
		{checkTop, "bin/hubbub", "", ""}, // in .gitignore
		{checkTop, ".tools/go.mod", "", ""},

		{checkNames, "hub/utils/x.go", "package utils\n", "package utils"},
		{checkNames, "hub/x_test.go", "package helpers_test\n", "package helpers"},
		{checkNames, "hub/x.go", "package hub\n", ""},

		{checkDocs, "hub/x.go", "// Package hub.\npackage hub\n\nfunc F() {}\n", "x.go:4: F"},
		{checkDocs, "hub/x.go", "package hub\n", "package hub"},
		{checkDocs, "hub/x.go", "// Package hub.\npackage hub\n\n//go:noinline\nfunc F() {}\n", "F"},
		{checkDocs, "hub/x.go", "// Package hub.\npackage hub\n\ntype T struct{}\n", "T"},
		{checkDocs, "hub/x.go", "// Package hub.\npackage hub\n\n// T is.\ntype T[A any] struct{}\n\nfunc (*T[A]) M() {}\n", "M"},
		{checkDocs, "hub/x.go", "// Package hub.\npackage hub\n\nvar V, w = 1, 2\n", "V"},
		{checkDocs, "hub/x.go", "// Package hub.\npackage hub\n\n// Group.\ntype (\n\tT int\n)\n", "T"},
		{checkDocs, "hub/x.go", "// Package hub.\npackage hub\n\n// I is.\ntype I interface {\n\t// A does.\n\tA()\n\tB()\n}\n", "I.B"},
		{checkDocs, "hub/x.go", "// Package hub.\npackage hub\n\ntype t struct{}\n\nfunc (t) M() {}\n", ""},
		{checkDocs, "hub/x.go", "// Package hub.\npackage hub\n\n// The kinds.\nconst (\n\tA = 1\n\tB = 2\n)\n", ""},
		{checkDocs, "hub/x.go", "// Package hub.\npackage hub\n\n// I runs.\ntype I interface{ Run() }\n", ""},

		{checkLengths, "hub/x.go", long, fmt.Sprintf("x.go: %d lines", maxFileLines+1)},
		{checkLengths, "hub/x.go", tall(maxFunctionLines + 1), fmt.Sprintf("x.go:3: %d lines", maxFunctionLines+1)},
		{checkLengths, "hub/x.go", strings.Replace(tall(maxFunctionLines+1), "func tall()", "var tall = func()", 1), "a function has at most"},
		{checkLengths, "hub/x.go", tall(maxFunctionLines), ""},
		{checkLengths, "hub/x_test.go", long, ""},

		{checkSleeps, "hub/x_test.go", inTest("func TestX() { time.Sleep(1) }\n"), "x_test.go:8: time.Sleep"},
		{checkSleeps, "hub/x_test.go", inTest("func TestX() { synctest.Test(t, f); time.Sleep(1) }\n"), "time.Sleep"},
		{checkSleeps, "hub/x_test.go", inTest("func TestX() { synctest.Test(t, func() { wait() }); wait() }\n\nfunc wait() { time.Sleep(1) }\n"), "time.Sleep"},
		{checkSleeps, "hub/x_test.go", inTest("func TestX() { run(func() { time.Sleep(1) }) }\n\nfunc run(f func()) { f() }\n"), "time.Sleep"},
		{checkSleeps, "hub/x_test.go", inTest("func TestX() { synctest.Test(t, func() { time.Sleep(1); wait() }) }\n\nfunc wait() { time.Sleep(1) }\n"), ""},
		{checkSleeps, "hub/x_test.go", inTest("func TestX() { run(func() { time.Sleep(1) }) }\n\nfunc run(f func()) { synctest.Test(t, f) }\n"), ""},

		{checkEnvironment, "hub/x.go", "package hub\n\nimport \"os\"\n\nvar _ = os.Getenv(\"HOME\")\n", "x.go:5: os.Getenv"},
		{checkEnvironment, "cmd/hubbub/serve.go", "package main\n\nimport \"os\"\n\nvar _ = os.Environ\n", "os.Environ"},
		{checkEnvironment, "cmd/hubbub/main.go", "package main\n\nimport \"os\"\n\nvar _, _ = os.LookupEnv(\"A\")\n", "os.LookupEnv"},
		{checkEnvironment, "cmd/hubbub/serve.go", "package main\n\ntype s struct {\n\tA int `env:\"A\"`\n}\n", "the field tag env"},
		{checkEnvironment, "cmd/hubbub/main.go", "package main\n\nimport \"os\"\n\nvar _ = os.Environ\n", ""},
		{checkEnvironment, "cmd/hubbub/config.go", "package main\n\nimport \"os\"\n\nvar _ = os.Getenv(\"HOME\")\n", ""},
		{checkEnvironment, "hub/x_test.go", "package hub\n\nimport \"os\"\n\nvar _ = os.Getenv(\"HOME\")\n", ""},

		{checkInit, "hub/x.go", "package hub\n\nfunc init() {}\n", "func init"},
		{checkInit, "hub/x.go", "package hub\n\ntype t int\n\nfunc (t) init() {}\n", ""},
	} {
		house := readTree(t, fstest.MapFS{
			".gitignore":                    {Data: []byte("/bin/\n*.test\n")},
			c.file:                          {Data: []byte(c.text)},
			"web/node_modules/flatted/x.go": {Data: []byte("package utils\n\nfunc init() {}\n")},
		})
		broken := strings.Join(c.rule(house), "\n")
		if c.broken == "" {
			require.Empty(t, broken, "%s:\n%s", c.file, c.text)
		} else {
			require.Contains(t, broken, c.broken, "%s:\n%s", c.file, c.text)
		}
	}
}
