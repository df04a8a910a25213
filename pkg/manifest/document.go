package manifest

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/pkg/convert"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Document is an object of a file, with the way back to its lines.
type Document struct {
	Object Object
	File   string
	// root has the names of v1, and changes lead from those to the file's.
	root    *yaml.Node
	changes []convert.Change
}

// Documents reads data as Decode does, but for a reader who wants to know all: it
// returns the objects that could be read beside what is wrong with them and the
// rest, and passes over kinds of other projects. The error, if any, is of type Errors.
func Documents(data []byte, file string) ([]Document, error) {
	d := decoder{file: file, passForeign: true}
	err := d.read(data)
	return d.docs, err
}

// Ours is Documents for folders that other tools use too: it also passes over what
// says neither apiVersion nor kind. nodes is how many values may be read, with what
// aliases unfold to; it is lowered by those of data.
func Ours(data []byte, file string, nodes *int) ([]Document, error) {
	d := decoder{file: file, passForeign: true, passUnnamed: true, budget: nodes}
	err := d.read(data)
	return d.docs, err
}

// Line returns the line, counted from 1, of the field that path leads to, or of
// the last field on the way to it that the document has.
func (d Document) Line(path string) int { return locate(d.root, path).Line }

// TextLine returns the line of what stands offset bytes into the text of a field.
// It is the line of the field where text and lines do not go together.
func (d Document) TextLine(path string, offset int) int {
	n := locate(d.root, path)
	if n.Style&yaml.LiteralStyle == 0 || offset > len(n.Value) {
		return n.Line
	}
	return n.Line + 1 + strings.Count(n.Value[:offset], "\n")
}

const (
	group  = "tekton.dev"
	newest = group + "/v1"
)

func isUnnamed(root *yaml.Node) bool {
	return key(root, "apiVersion") == nil && key(root, "kind") == nil
}

// isForeign reports whether a document is of a kind of another project, and not
// one of ours with a slip in its name.
func isForeign(doc map[string]any) bool {
	apiVersion, _ := doc["apiVersion"].(string)
	name, _ := doc["kind"].(string)
	if apiVersion == "" || name == "" {
		return false
	}
	if _, ok := kinds[apiVersion+" "+name]; ok {
		return false
	}
	g, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		_, ours := kinds[newest+" "+name]
		return !ours
	}
	return g != group && suggest.Nearest(g, []string{group}) == ""
}
