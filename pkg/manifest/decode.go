// Package manifest turns YAML into objects: strictly, so that a slip is an error
// and not a default, and with the file and line of each.
package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/slipway-dev/slipway/pkg/convert"
)

// Object is what a document holds: one of the project's kinds, or an
// *unstructured.Unstructured of a kind that runs need beside them.
type Object interface {
	metav1.Object
	runtime.Object
}

// Error is one thing wrong in a file.
type Error struct {
	File string
	// Line counts from 1; it is 0 when no line is at fault.
	Line int
	// Field is the path of the field, such as spec.steps[0].image; it may be empty.
	Field string
	// Message says what is wrong and, where it can, what to do.
	Message string
}

func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Field != "" {
		b.WriteString(": " + e.Field)
	}
	return b.String() + ": " + e.Message
}

// Errors is everything wrong in a file, in the order of its lines.
type Errors []Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Decode reads the documents in data, sets their defaults and validates them.
// Empty documents are passed over. file is the name for messages. The error, if
// any, is of type Errors and holds everything that is wrong; the objects are then nil.
func Decode(data []byte, file string) ([]Object, error) {
	d := decoder{file: file}
	if err := d.read(data); err != nil {
		return nil, err
	}
	var objects []Object
	for _, doc := range d.docs {
		objects = append(objects, doc.Object)
	}
	return objects, nil
}

// read decodes every document; its error is of type Errors.
func (d *decoder) read(data []byte) error {
	y := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := y.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			d.syntax(err)
			break
		}
		d.document(&doc)
	}
	if len(d.errs) > 0 {
		slices.SortStableFunc(d.errs, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
		return d.errs
	}
	return nil
}

type decoder struct {
	file string
	docs []Document
	errs Errors
	// passForeign passes over documents of kinds that are not ours.
	passForeign bool
	// passUnnamed passes over documents that do not say what they are.
	passUnnamed bool
	// budget, when set, bounds the nodes of several files together.
	budget *int
	// nodes counts those of the document, with what aliases unfold to.
	nodes    int
	tooLarge bool
	// changes are what made the document one of v1; none where it was one.
	changes []convert.Change
}

func (d *decoder) fail(line int, at *field.Path, format string, args ...any) {
	path := ""
	if at != nil {
		path = at.String()
	}
	d.failAt(line, path, fmt.Sprintf(format, args...))
}

// failAt is fail for a path that is a text.
func (d *decoder) failAt(line int, at, message string) {
	d.errs = append(d.errs, Error{File: d.file, Line: line, Field: convert.Origin(d.changes, at), Message: message})
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax reports text that is not YAML; what follows cannot be read.
func (d *decoder) syntax(err error) {
	line, message := 0, err.Error()
	if m := syntaxLine.FindStringSubmatch(message); m != nil {
		message = message[len(m[0]):]
		line, _ = strconv.Atoi(m[1])
	}
	d.fail(line, nil, "not YAML: %s", message)
}

func (d *decoder) document(doc *yaml.Node) {
	if len(doc.Content) == 0 {
		return
	}
	before := len(d.errs)
	d.nodes, d.tooLarge, d.changes = 0, false, nil
	root := d.resolve(doc.Content[0], maxDepth)
	if root.Tag == "!!null" || d.passUnnamed && isUnnamed(root) {
		return
	}
	if root.Kind != yaml.MappingNode {
		d.fail(root.Line, nil, "a document is an object with apiVersion and kind, and this is %s", article(root))
		return
	}
	value := d.mapping(root, nil)
	if len(d.errs) > before || d.passForeign && isForeign(value) {
		return
	}
	value, ok := d.upToDate(root, value)
	if !ok {
		return
	}
	k, ok := d.kind(root, value)
	if !ok {
		return
	}
	if k.validate == nil {
		d.passThrough(root, value, k.new())
		return
	}
	d.typed(root, value, k)
}

// typed takes an object of a kind whose type is known.
func (d *decoder) typed(root *yaml.Node, value map[string]any, k kind) {
	before, object := len(d.errs), k.new()
	d.check(root, typeOf(object), nil)
	if len(d.errs) > before {
		return
	}
	data, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(data, object)
	}
	if err != nil {
		d.fail(root.Line, nil, "%s", err)
		return
	}
	d.named(root, object)
	object, errs := k.validate(object)
	for _, err := range errs {
		d.failAt(locate(root, err.Field).Line, err.Field, err.Detail)
	}
	d.docs = append(d.docs, Document{Object: object, File: d.file, root: root, changes: d.changes})
}

// passThrough takes an object of a kind that the API server alone checks.
func (d *decoder) passThrough(root *yaml.Node, value map[string]any, object Object) {
	d.check(key(root, "metadata"), typeOf(&metav1.ObjectMeta{}), field.NewPath("metadata"))
	u := object.(interface{ SetUnstructuredContent(map[string]any) })
	u.SetUnstructuredContent(value)
	d.named(root, object)
	d.docs = append(d.docs, Document{Object: object, File: d.file, root: root})
}

func (d *decoder) named(root *yaml.Node, o Object) {
	if o.GetName() == "" && o.GetGenerateName() == "" {
		d.fail(locate(root, "metadata").Line, field.NewPath("metadata"), "give a name or a generateName")
	}
}
