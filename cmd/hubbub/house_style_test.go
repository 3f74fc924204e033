package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

const (
	maxFunctionLines = 100
	maxFileLines     = 500
)

// topNames may stand at the top level, beside names that begin with a dot.
var topNames = []string{
	"cmd", "hub", "room", "transport", "web", "deploy", "go.mod", "go.sum", "Makefile", "README.md",
	"ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "SECURITY.md",
}

// emptyNames say nothing about what a package does.
var emptyNames = []string{
	"utils", "util", "common", "types", "type", "helpers", "helper", "managers", "manager", "misc", "shared", "base",
}

func checkTop(t *tree) (broken []string) {
	for _, name := range t.top {
		if !strings.HasPrefix(name, ".") && !slices.Contains(topNames, name) {
			broken = append(broken, name+": does not belong at the top level; what does: "+strings.Join(topNames, " ")+", and dotfiles")
		}
	}
	return broken
}

func checkNames(t *tree) (broken []string) {
	for _, s := range t.sources {
		if name := strings.TrimSuffix(s.ast.Name.Name, "_test"); slices.Contains(emptyNames, name) {
			broken = append(broken, fmt.Sprintf("%s: package %s: name it after what it does", s.path, name))
		}
	}
	return broken
}

func checkLengths(t *tree) (broken []string) {
	for _, s := range t.code() {
		if s.lines > maxFileLines {
			broken = append(broken, fmt.Sprintf("%s: %d lines; a file has at most %d", s.path, s.lines, maxFileLines))
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.FuncDecl, *ast.FuncLit:
				start := n.Pos()
				if f, ok := n.(*ast.FuncDecl); ok {
					start = f.Type.Func // and not the comment above it
				}
				if long := t.fset.Position(n.End()).Line - t.fset.Position(start).Line + 1; long > maxFunctionLines {
					broken = append(broken, fmt.Sprintf("%s: %d lines; a function has at most %d", t.line(start), long, maxFunctionLines))
				}
			}
			return true
		})
	}
	return broken
}

// checkInit refuses registration by import.
func checkInit(t *tree) (broken []string) {
	for _, s := range t.code() {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				broken = append(broken, t.line(f.Pos())+": func init: let the caller call it")
			}
		}
	}
	return broken
}

// The one reader of the environment, and the one file that hands it the variables.
const (
	environmentReader = "cmd/hubbub/config.go"
	environmentGiver  = "cmd/hubbub/main.go"
)

func checkEnvironment(t *tree) (broken []string) {
	for _, s := range t.code() {
		if s.path == environmentReader {
			continue
		}
		tell := func(at token.Pos, what string) {
			broken = append(broken, fmt.Sprintf("%s: %s: only %s reads the environment", t.line(at), what, environmentReader))
		}
		for _, pkg := range []string{"os", "syscall", "golang.org/x/sys/unix"} {
			s.uses(pkg, []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"}, func(at token.Pos, name string) {
				if s.path != environmentGiver || name != "Environ" {
					tell(at, pkg+"."+name)
				}
			})
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			f, ok := n.(*ast.Field)
			if !ok || f.Tag == nil {
				return true
			}
			tag, err := strconv.Unquote(f.Tag.Value)
			if _, set := reflect.StructTag(tag).Lookup("env"); err == nil && set {
				tell(f.Tag.Pos(), "the field tag env")
			}
			return true
		})
	}
	return broken
}

// checkDocs asks for a comment on each package and each exported name: constants,
// variables, types, the methods of interfaces, functions, and methods of exported
// types. For constants and variables one comment over their group will do.
func checkDocs(t *tree) (broken []string) {
	tell := func(at token.Pos, name string) {
		broken = append(broken, fmt.Sprintf("%s: %s: needs a comment that says what its callers must know", t.line(at), name))
	}
	documented := make(map[string]bool) // packages
	where := make(map[string]source)
	for _, s := range t.code() {
		documented[s.dir] = documented[s.dir] || said(s.ast.Doc)
		where[s.dir] = s
		for _, d := range s.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && !said(d.Doc) {
					tell(d.Type.Func, d.Name.Name)
				}
			case *ast.GenDecl:
				undocumented(d, tell)
			}
		}
	}
	for dir, s := range where {
		if !documented[dir] {
			tell(s.ast.Name.Pos(), "package "+s.ast.Name.Name)
		}
	}
	return broken
}

// said reports whether one of the comments has text in it.
func said(comments ...*ast.CommentGroup) bool {
	return slices.ContainsFunc(comments, func(c *ast.CommentGroup) bool { return strings.TrimSpace(c.Text()) != "" })
}

// exportedReceiver is true of functions, and of methods whose type can be named
// from outside.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if ok {
			exported = id.IsExported()
		}
		return !ok && n != nil && !exported // the type's name comes before its parameters
	})
	return exported
}

func undocumented(d *ast.GenDecl, tell func(token.Pos, string)) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if name.IsExported() && !said(d.Doc, spec.Doc, spec.Comment) {
					tell(name.Pos(), name.Name)
				}
			}
		case *ast.TypeSpec:
			if !spec.Name.IsExported() {
				continue
			}
			if !said(spec.Doc, spec.Comment) && (d.Lparen.IsValid() || !said(d.Doc)) {
				tell(spec.Name.Pos(), spec.Name.Name)
			}
			if i, ok := spec.Type.(*ast.InterfaceType); ok {
				undocumentedMethods(spec.Name.Name, i, tell)
			}
		}
	}
}

// undocumentedMethods lets the comment on an interface speak for its only method.
func undocumentedMethods(of string, i *ast.InterfaceType, tell func(token.Pos, string)) {
	if len(i.Methods.List) == 1 {
		return
	}
	for _, m := range i.Methods.List {
		for _, name := range m.Names {
			if name.IsExported() && !said(m.Doc, m.Comment) {
				tell(name.Pos(), of+"."+name.Name)
			}
		}
	}
}
