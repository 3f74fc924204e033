// Dockerlint parses a Dockerfile as BuildKit does, and prints what its linter has to
// say: the rules of `docker build --check`, without a Docker engine.
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func main() {
	found := 0
	for _, name := range os.Args[1:] {
		n, err := check(name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			n++
		}
		found += n
	}
	if found > 0 {
		os.Exit(1)
	}
}

// check gives how much the linter has found.
func check(name string) (int, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	ast, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		return 0, err
	}
	found := 0
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, message string, at []parser.Range) {
		found++
		line := 0
		if len(at) > 0 {
			line = at[0].Start.Line
		}
		fmt.Fprintf(os.Stderr, "%s:%d: %s: %s\n", name, line, rule, message)
	}})
	for _, w := range ast.Warnings {
		found++
		fmt.Fprintf(os.Stderr, "%s: %s\n", name, w.Short)
	}
	_, _, err = instructions.Parse(ast.AST, lint)
	return found, err
}
