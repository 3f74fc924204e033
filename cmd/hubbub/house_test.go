package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// modulePath begins the import path of everything that is ours.
const modulePath = "github.com/hubbub-im/hubbub"

// houseRules are what must stay true of the whole tree. house_red_test.go shows
// that each of them can fail.
var houseRules = []struct {
	name  string
	check func(*tree) []string
}{
	{"imports follow the arrows", checkArrows},
	{"other people's modules stay where they belong", checkForeign},
	{"the rules of a room are pure", checkPure},
	{"the top level holds what was agreed", checkTop},
	{"packages have names that say what they do", checkNames},
	{"exported names are documented", checkDocs},
	{"functions and files stay short", checkLengths},
	{"tests do not sleep", checkSleeps},
	{"the environment is read in one place", checkEnvironment},
	{"nothing happens by being imported", checkInit},
}

// TestHouse holds the repository to its rules. It reads the sources themselves and
// not the output of a command, so that the test cache sees when they change.
func TestHouse(t *testing.T) {
	house := readTree(t, os.DirFS("../.."))
	for _, dir := range []string{"cmd/hubbub", "hub", "hub/bridge", "room", "transport", "transport/wire", "web"} {
		require.True(t, slices.ContainsFunc(house.sources, func(s source) bool { return s.dir == dir }),
			"no Go file in %s: is this the repository?", dir)
	}
	for _, rule := range houseRules {
		t.Run(rule.name, func(t *testing.T) {
			if broken := rule.check(house); len(broken) > 0 {
				t.Error("\n" + strings.Join(broken, "\n"))
			}
		})
	}
}

// tree is what the rules look at.
type tree struct {
	fset    *token.FileSet
	sources []source
	top     []string // names at the top level, less what git ignores
}

// source is one Go file.
type source struct {
	path, dir string
	test      bool
	lines     int
	ast       *ast.File
}

// readTree parses every Go file below the root, built or not.
func readTree(t *testing.T, root fs.FS) *tree {
	t.Helper()
	house := &tree{fset: token.NewFileSet(), top: topLevel(t, root)}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && foreignFolder(d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(house.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		house.sources = append(house.sources, source{
			path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			lines: strings.Count(string(text), "\n"), ast: parsed,
		})
		return nil
	})
	require.NoError(t, err)
	return house
}

// foreignFolder tells folders whose Go files, if any, are not ours or not code.
func foreignFolder(name string) bool {
	return name == "node_modules" || name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// topLevel names what stands at the root and is not ignored by the .gitignore there.
func topLevel(t *testing.T, root fs.FS) []string {
	t.Helper()
	entries, err := fs.ReadDir(root, ".")
	require.NoError(t, err)
	ignore, _ := fs.ReadFile(root, ".gitignore")
	patterns := strings.Fields(string(ignore))
	ignored := func(name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			matched, err := path.Match(strings.Trim(p, "/"), name)
			return err == nil && matched
		})
	}
	var names []string
	for _, e := range entries {
		if !ignored(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

// code gives the files that are not tests.
func (t *tree) code() []source {
	return slices.DeleteFunc(slices.Clone(t.sources), func(s source) bool { return s.test })
}

// line gives a position as path:line.
func (t *tree) line(at token.Pos) string {
	p := t.fset.Position(at)
	return p.Filename + ":" + strconv.Itoa(p.Line)
}

// imports gives the import paths of a file, each with where it stands.
func (s source) imports(each func(at token.Pos, name string)) {
	for _, spec := range s.ast.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil {
			each(spec.Pos(), name)
		}
	}
}

// uses finds where a file speaks of a name of a package: time.Sleep, os.Getenv.
func (s source) uses(pkg string, names []string, each func(at token.Pos, name string)) {
	local := s.localName(pkg)
	if local == "" {
		return
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && id.Name == local && slices.Contains(names, sel.Sel.Name) {
			each(sel.Pos(), sel.Sel.Name)
		}
		return true
	})
}

// localName is what a file calls a package, "" if it does not import it.
func (s source) localName(pkg string) string {
	for _, spec := range s.ast.Imports {
		if spec.Path.Value != strconv.Quote(pkg) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(pkg)
	}
	return ""
}
