// Package triggers says what Tekton Triggers make of a request: which params bindings read
// from it, and which objects a template makes of them. Values are put into texts of
// objects that are read already, and no value is looked at again: what a stranger writes
// can become neither structure nor another reference.
package triggers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/api/triggers/v1beta1"
	"github.com/slipway-dev/slipway/pkg/triggers/jsonpath"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// Event is what bindings may read.
type Event struct {
	// ID is what the sender was told.
	ID string
	// Body is decoded JSON.
	Body any
	// Headers are by their canonical name.
	Headers map[string][]string
	// Extensions are what interceptors added, by name.
	Extensions map[string]any
}

// Value is that of a param.
type Value struct {
	Text string
	// Foreign are the parts of it that the request chose.
	Foreign []string
}

// Decode reads a body; numbers keep their digits.
func Decode(body []byte) (any, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("there is more than one JSON value")
	}
	return v, nil
}

// Params returns the values of params by name: those of bindings, and the defaults of
// what the template declares and no binding has a value for.
func Params(bindings []v1beta1.Param, declared []v1beta1.ParamSpec, e *Event) (map[string]Value, error) {
	values, defaults := map[string]Value{}, map[string]*string{}
	for _, d := range declared {
		if defaults[d.Name] = d.Default; d.Default != nil {
			values[d.Name] = Value{Text: *d.Default}
		}
	}
	root, bound := e.document(), map[string]bool{}
	for _, b := range bindings {
		if bound[b.Name] {
			return nil, fmt.Errorf("two bindings have a param named %q", b.Name)
		}
		bound[b.Name] = true
		value, err := read(b.Value, root, defaults[b.Name])
		if err != nil {
			return nil, fmt.Errorf("param %q: %w", b.Name, err)
		}
		values[b.Name] = value
	}
	return values, nil
}

// document is what paths start at.
func (e *Event) document() map[string]any {
	headers := map[string]any{}
	for name, values := range e.Headers {
		headers[name] = strings.Join(values, ",")
	}
	extensions := e.Extensions
	if extensions == nil {
		extensions = map[string]any{}
	}
	return map[string]any{"body": e.Body, "header": headers, "extensions": extensions, "context": map[string]any{"eventID": e.ID}}
}

// read puts what its expressions find into a text. Where one finds nothing the default
// stands for it, if there is one.
func read(text string, root map[string]any, otherwise *string) (Value, error) {
	var out Value
	var b strings.Builder
	for text != "" {
		before, expression, rest, found := cutExpression(text)
		b.WriteString(before)
		text = rest
		if !found {
			break
		}
		value, err := lookUp(expression, root)
		switch {
		case err == nil:
			value = untrusted.Clean(value)
			if !ours(expression) {
				out.Foreign = append(out.Foreign, value)
			}
		case otherwise != nil:
			value = *otherwise
		default:
			return Value{}, fmt.Errorf("$(%s): %w", expression, err)
		}
		b.WriteString(value)
	}
	out.Text = b.String()
	return out, nil
}

// ours is whether no sender has a say in what an expression finds.
func ours(expression string) bool {
	return strings.HasPrefix(strings.TrimLeft(expression, "{."), "context.")
}

// cutExpression finds the first $(…) that has no other in it.
func cutExpression(text string) (before, expression, rest string, found bool) {
	for from := 0; ; {
		at := strings.Index(text[from:], "$(")
		if at < 0 {
			return text, "", "", false
		}
		start := from + at + len("$(")
		from = start
		depth := 0
		for i := start; i < len(text); i++ {
			switch {
			case text[i] == '(':
				depth++
			case text[i] == ')' && depth > 0:
				depth--
			case text[i] == ')':
				return text[:start-len("$(")], text[start:i], text[i+1:], true
			}
			if strings.HasPrefix(text[i:], "$(") {
				break
			}
		}
	}
}

// lookUp is what an expression finds, as a text.
func lookUp(expression string, root map[string]any) (string, error) {
	if name, ok := strings.CutPrefix(expression, "header."); ok {
		expression = "header." + canonical(name)
	}
	path, err := jsonpath.Parse(expression)
	if err != nil {
		return "", err
	}
	found, err := path.Find(root)
	if err != nil {
		return "", err
	}
	return jsonpath.Text(found)
}

// canonical is the name of a header as HTTP spells it; any other text stays as it is.
func canonical(name string) string {
	out, upper := []byte(name), true
	for i, c := range out {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		switch {
		case letter && upper:
			out[i] = c &^ 0x20
		case letter:
			out[i] = c | 0x20
		case c != '-' && c != '_' && (c < '0' || c > '9'):
			return name
		}
		upper = c == '-'
	}
	return string(out)
}
