package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
)

// tags of all tests.
const tags = "e2e conformance"

// listed is what the go command says of a package, or of a package as its tests see it.
type listed struct {
	ImportPath, Dir, Export, ForTest string
	GoFiles                          []string
	ImportMap                        map[string]string
}

// list loads the packages that have tests, and compiles what they import.
func list(root string, patterns ...string) ([]listed, error) {
	args := []string{"list", "-deps", "-test", "-export", "-tags", tags, "-json=ImportPath,Dir,Export,ForTest,GoFiles,ImportMap"}
	cmd := exec.Command("go", append(args, patterns...)...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = root, &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.String())
	}
	var all []listed
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
}

// source records the fields that the tests' Go names, in literals and selectors,
// and those in the YAML of its strings.
func (r *reader) source(root string, into Uses, patterns ...string) error {
	all, err := list(root, patterns...)
	if err != nil {
		return err
	}
	exports := map[string]string{}
	for _, p := range all {
		exports[p.ImportPath] = p.Export
	}
	fset := token.NewFileSet()
	shared := importerOf(fset, exports, nil)
	for _, p := range all {
		if p.ForTest == "" || strings.HasSuffix(p.ImportPath, ".test") {
			continue
		}
		imports := shared
		if len(p.ImportMap) > 0 {
			imports = importerOf(fset, exports, p.ImportMap)
		}
		if err := r.tests(fset, p, imports, into); err != nil {
			return fmt.Errorf("%s: %w", p.ImportPath, err)
		}
	}
	return nil
}

func importerOf(fset *token.FileSet, exports, renamed map[string]string) types.Importer {
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		if other, ok := renamed[path]; ok {
			path = other
		}
		return os.Open(exports[path])
	})
}

// tests records what the tests of one package use.
func (r *reader) tests(fset *token.FileSet, p listed, imports types.Importer, into Uses) error {
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, 0)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	path, _, _ := strings.Cut(p.ImportPath, " ")
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	config := types.Config{Importer: imports, Sizes: types.SizesFor("gc", "amd64")}
	if _, err := config.Check(path, fset, files, info); err != nil {
		return err
	}
	for _, f := range files {
		if strings.HasSuffix(fset.File(f.Pos()).Name(), "_test.go") {
			ast.Inspect(f, func(n ast.Node) bool { return r.node(n, info, into) })
		}
	}
	return nil
}

// node records what one node uses, and reports whether to look into it.
func (r *reader) node(n ast.Node, info *types.Info, into Uses) bool {
	if e, ok := n.(ast.Expr); ok {
		if text, ok := textOf(e, info); ok {
			r.text(text, into)
			return false
		}
	}
	switch n := n.(type) {
	case *ast.SelectorExpr:
		if s := info.Selections[n]; s != nil && s.Kind() == types.FieldVal {
			t := s.Recv()
			for _, i := range s.Index() {
				t = record(t, i, into)
			}
		}
	case *ast.CompositeLit:
		literal(n, info, into)
	}
	return true
}

// textOf is the text of an expression that is one, as far as the compiler knows
// it: what it does not know is x.
func textOf(e ast.Expr, info *types.Info) (string, bool) {
	tv := info.Types[e]
	if tv.Value != nil && tv.Value.Kind() == constant.String {
		return constant.StringVal(tv.Value), true
	}
	sum, ok := e.(*ast.BinaryExpr)
	if !ok || sum.Op != token.ADD {
		return "", false
	}
	if basic, ok := tv.Type.Underlying().(*types.Basic); !ok || basic.Info()&types.IsString == 0 {
		return "", false
	}
	part := func(e ast.Expr) string {
		if text, ok := textOf(e, info); ok {
			return text
		}
		return "x"
	}
	return part(sum.X) + part(sum.Y), true
}

func literal(lit *ast.CompositeLit, info *types.Info, into Uses) {
	t := info.Types[lit].Type
	s, ok := pointee(t).Underlying().(*types.Struct)
	if !ok {
		return
	}
	for _, e := range lit.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		for i := range s.NumFields() {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == s.Field(i).Name() {
				record(t, i, into)
			}
		}
	}
}

func pointee(t types.Type) types.Type {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

// record marks the i-th field of a struct as used if that is of the API, and
// returns its type.
func record(t types.Type, i int, into Uses) types.Type {
	t = pointee(t)
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return t
	}
	if named, ok := types.Unalias(t).(*types.Named); ok && named.Obj().Pkg() != nil && strings.HasPrefix(named.Obj().Pkg().Path(), apiPackages) {
		if name := jsonName(reflect.StructTag(s.Tag(i))); name != "" {
			into[fieldOf(named.Obj().Pkg().Path(), named.Obj().Name(), name)] = true
		}
	}
	return s.Field(i).Type()
}
