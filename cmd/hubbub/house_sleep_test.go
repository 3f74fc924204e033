package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
)

// checkSleeps finds tests that wait for real time to pass. Under testing/synctest
// time is not real: there a sleep is exact and costs nothing.
func checkSleeps(t *tree) (broken []string) {
	packages := make(map[string][]source)
	for _, s := range t.sources {
		if s.test {
			packages[s.dir] = append(packages[s.dir], s)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		p := readTestPackage(packages[dir])
		for _, m := range p.sleeps {
			if !p.fakeTime(m) {
				broken = append(broken, fmt.Sprintf("%s: time.Sleep in real time: wait for a condition, or run under testing/synctest", t.line(m.at)))
			}
		}
	}
	return broken
}

// testPackage is what is known of the test files in a folder. Names stand for all
// functions and methods that have them.
type testPackage struct {
	bubbles  map[string]bool      // functions that run what they are given under synctest
	inside   map[string]bool      // functions that are mentioned only where time is fake
	mentions map[string][]mention // of functions that are declared here
	sleeps   []mention
}

// mention is a place where a name is used.
type mention struct {
	at     token.Pos
	in     string // the top-level function around it
	bubble bool   // it stands in what is given to a bubble
}

func (p *testPackage) fakeTime(m mention) bool { return m.bubble || p.inside[m.in] }

func readTestPackage(files []source) *testPackage {
	p := &testPackage{inside: make(map[string]bool), bubbles: bubbleFunctions(files)}
	declared := make(map[string]bool)
	eachFunction(files, func(_ source, f *ast.FuncDecl) { declared[f.Name.Name] = true })
	p.mentions = make(map[string][]mention)
	eachFunction(files, func(s source, f *ast.FuncDecl) {
		p.read(s, f.Name.Name, f.Body, declared, false)
	})
	for changed := true; changed; {
		changed = false
		for name, mentions := range p.mentions {
			outside := slices.ContainsFunc(mentions, func(m mention) bool { return m.in != name && !p.fakeTime(m) })
			if !p.inside[name] && !outside {
				p.inside[name], changed = true, true
			}
		}
	}
	return p
}

// bubbleFunctions names the functions that call synctest.Test, or one another, and
// take a function to run.
func bubbleFunctions(files []source) map[string]bool {
	bubbles := make(map[string]bool)
	for changed := true; changed; {
		changed = false
		eachFunction(files, func(s source, f *ast.FuncDecl) {
			if bubbles[f.Name.Name] || !takesFunction(f) {
				return
			}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && isBubble(s, bubbles, call) {
					bubbles[f.Name.Name], changed = true, true
					return false
				}
				return true
			})
		})
	}
	return bubbles
}

func takesFunction(f *ast.FuncDecl) bool {
	return slices.ContainsFunc(f.Type.Params.List, func(p *ast.Field) bool {
		_, ok := p.Type.(*ast.FuncType)
		return ok
	})
}

func isBubble(s source, bubbles map[string]bool, call *ast.CallExpr) bool {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return bubbles[fun.Name]
	case *ast.SelectorExpr:
		x, ok := fun.X.(*ast.Ident)
		return ok && fun.Sel.Name == "Test" && x.Name == s.localName("testing/synctest")
	}
	return false
}

// read notes what a piece of a function mentions.
func (p *testPackage) read(s source, in string, body ast.Node, declared map[string]bool, bubble bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if !bubble && isBubble(s, p.bubbles, n) {
				for _, arg := range n.Args {
					p.read(s, in, arg, declared, true)
				}
				return false
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && n.Sel.Name == "Sleep" && x.Name == s.localName("time") {
				p.sleeps = append(p.sleeps, mention{n.Pos(), in, bubble})
			}
		case *ast.Ident:
			if declared[n.Name] {
				p.mentions[n.Name] = append(p.mentions[n.Name], mention{n.Pos(), in, bubble})
			}
		}
		return true
	})
}

func eachFunction(files []source, each func(source, *ast.FuncDecl)) {
	for _, s := range files {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				each(s, f)
			}
		}
	}
}
