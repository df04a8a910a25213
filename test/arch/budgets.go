// Package arch holds the walls and budgets of the house: which room may import
// which, and how large a file, a function or a package may grow. Its tests run
// the rules over this repository, and over planted violations, so that a rule
// that stopped biting fails too.
package arch

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Budgets bounds the size of what a reader must hold in mind at once. Each
// figure is inclusive. Tests are bounded by TestFile alone; generated code by
// nothing.
type Budgets struct {
	File, TestFile, Func, Cyclomatic, Params, Package int
}

// House is the budget of this repository.
var House = Budgets{File: 400, TestFile: 800, Func: 60, Cyclomatic: 12, Params: 5, Package: 2000}

// Violation is one broken rule: where, and what to do about it.
type Violation struct {
	Where, What string
}

func (v Violation) String() string { return v.Where + ": " + v.What }

// CheckBudgets walks the Go files below root and returns every breach of b,
// sorted by place. Folders named testdata, and those that start with a dot or
// an underscore, are passed over, as the go command does.
func CheckBudgets(root string, b Budgets) ([]Violation, error) {
	c := budgetCheck{Budgets: b, root: root, fset: token.NewFileSet(), packages: map[string]int{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		return c.file(path)
	})
	if err != nil {
		return nil, err
	}
	for dir, lines := range c.packages {
		if lines > b.Package {
			c.add(dir, "package has %d lines, the budget is %d: split the idea", lines, b.Package)
		}
	}
	slices.SortFunc(c.found, func(x, y Violation) int { return cmp.Compare(x.Where, y.Where) })
	return c.found, nil
}

type budgetCheck struct {
	Budgets
	root     string
	fset     *token.FileSet
	packages map[string]int
	found    []Violation
}

func (c *budgetCheck) add(path, format string, args ...any) {
	rel, err := filepath.Rel(c.root, path)
	if err != nil {
		rel = path
	}
	c.found = append(c.found, Violation{rel, fmt.Sprintf(format, args...)})
}

func (c *budgetCheck) file(path string) error {
	f, err := parser.ParseFile(c.fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if ast.IsGenerated(f) {
		return nil
	}
	lines := c.fset.File(f.Pos()).LineCount()
	if strings.HasSuffix(path, "_test.go") {
		if lines > c.TestFile {
			c.add(path, "test file has %d lines, the budget is %d", lines, c.TestFile)
		}
		return nil
	}
	c.packages[filepath.Dir(path)] += lines
	if lines > c.File {
		c.add(path, "file has %d lines, the budget is %d: split the idea", lines, c.File)
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			c.function(path, fn)
		}
	}
	return nil
}

func (c *budgetCheck) function(path string, fn *ast.FuncDecl) {
	start, end := c.fset.Position(fn.Pos()).Line, c.fset.Position(fn.End()).Line
	where := fmt.Sprintf("%s:%d", path, start)
	if n := end - start + 1; n > c.Func {
		c.add(where, "%s has %d lines, the budget is %d", fn.Name.Name, n, c.Func)
	}
	if n := fn.Type.Params.NumFields(); n > c.Params {
		c.add(where, "%s takes %d parameters, the budget is %d: pass a struct", fn.Name.Name, n, c.Params)
	}
	if n := cyclomatic(fn.Body); n > c.Cyclomatic {
		c.add(where, "%s has a cyclomatic complexity of %d, the budget is %d", fn.Name.Name, n, c.Cyclomatic)
	}
}

// cyclomatic counts the independent paths through a body: one, and one more for
// each branch, loop, non-default case and short-circuit operator (McCabe 1976).
// A function literal has paths of its own and is counted where it stands.
func cyclomatic(body *ast.BlockStmt) int {
	n := 1
	ast.Inspect(body, func(node ast.Node) bool {
		switch s := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if s.List != nil {
				n++
			}
		case *ast.CommClause:
			if s.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if s.Op == token.LAND || s.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}
