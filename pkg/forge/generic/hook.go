// Package generic is for programs that are no forge Slipway knows: their webhooks are
// read as a Repository says, and their repositories by git alone.
package generic

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

const (
	// DefaultSignature is the header of the HMAC of a Repository that names none.
	DefaultSignature = "X-Hub-Signature-256"
	// DeliveryHeader is where a caller may give its own id.
	DeliveryHeader = "X-Request-Id"
	// celCost bounds the work of one expression, to about 10 ms: the caller waits.
	celCost = 20_000
	// paramPrefix is that of the fields that are params.
	paramPrefix = "params."
)

// Hook reads webhooks as a Repository says; its zero value takes bodies in the words of
// v1alpha1.Event.
type Hook struct {
	v1alpha1.GenericWebhook
}

// Verify checks the HMAC-SHA256 of the body, in hexadecimal, with or without sha256=.
func (k Hook) Verify(h http.Header, body, secret []byte) error {
	name := k.SignatureHeader
	if name == "" {
		name = DefaultSignature
	}
	prefix := "sha256="
	if !strings.HasPrefix(h.Get(name), prefix) {
		prefix = ""
	}
	return forge.CheckHMAC(h, name, prefix, body, secret)
}

// Delivery is what the caller says.
func (Hook) Delivery(h http.Header) string { return h.Get(DeliveryHeader) }

// Parse reads the fields by their expressions.
func (k Hook) Parse(h http.Header, body []byte) ([]v1alpha1.Event, error) {
	e := v1alpha1.Event{Type: v1alpha1.EventIncoming}
	if len(k.Fields) == 0 && k.Filter == "" {
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, fmt.Errorf("the body is not JSON in the words of an event: %w", err)
		}
		return []v1alpha1.Event{e}, check(&e)
	}
	if err := k.read(&e, h, body); err != nil {
		return nil, err
	}
	return []v1alpha1.Event{e}, check(&e)
}

// read fills in what the expressions say.
func (k Hook) read(e *v1alpha1.Event, h http.Header, body []byte) error {
	var decoded any
	if err := json.Unmarshal(body, &decoded); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	headers := map[string]string{}
	for name := range h {
		headers[strings.ToLower(name)] = h.Get(name)
	}
	values := map[string]any{"body": decoded, "headers": headers}
	env, err := cel.NewEnv(ext.Strings(), cel.Variable("body", cel.DynType), cel.Variable("headers", cel.MapType(cel.StringType, cel.StringType)))
	if err != nil {
		return err
	}
	if k.Filter != "" {
		switch ok, err := eval(env, k.Filter, values, types.BoolType); {
		case err != nil:
			return fmt.Errorf("spec.generic.filter: %w", err)
		case ok != true:
			return fmt.Errorf("%w: spec.generic.filter is false", forge.ErrNotOurs)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(k.Fields)) {
		value, err := eval(env, k.Fields[name], values, types.StringType)
		if err != nil {
			return fmt.Errorf("spec.generic.fields[%s]: %w", name, err)
		}
		text, _ := value.(string)
		if err := set(e, name, text); err != nil {
			return err
		}
	}
	return nil
}

func eval(env *cel.Env, expression string, values map[string]any, as *types.Type) (any, error) {
	compiled, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, fmt.Errorf("%s", forge.FirstLine(issues.Err().Error()))
	}
	program, err := env.Program(compiled, cel.CostLimit(celCost))
	if err != nil {
		return nil, err
	}
	out, _, err := program.Eval(values)
	if err != nil {
		return nil, err
	}
	out = out.ConvertToType(as)
	if types.IsError(out) {
		return nil, fmt.Errorf("%v", out)
	}
	return out.Value(), nil
}

func set(e *v1alpha1.Event, name, value string) error {
	fields := map[string]*string{"type": (*string)(&e.Type), "ref": &e.Ref, "before": &e.Before, "commit": &e.Commit, "title": &e.Title,
		"message": &e.Message, "sender": &e.Sender, "url": &e.URL}
	if param, ok := strings.CutPrefix(name, paramPrefix); ok {
		if e.Params == nil {
			e.Params = map[string]string{}
		}
		e.Params[param] = value
		return nil
	}
	field, ok := fields[name]
	if !ok {
		return fmt.Errorf("spec.generic.fields[%s]: there is no such field; use %s, or %sNAME", name,
			strings.Join(slices.Sorted(maps.Keys(fields)), ", "), paramPrefix)
	}
	*field = value
	return nil
}

// check refuses what only a forge can know: whose pull request or comment something is.
func check(e *v1alpha1.Event) error {
	switch e.Type {
	case v1alpha1.EventPush, v1alpha1.EventIncoming, v1alpha1.EventImage:
	default:
		return fmt.Errorf("the type %q is none of push, incoming and image", e.Type)
	}
	if e.PullRequest != nil || e.Comment != nil {
		return fmt.Errorf("the body says a pull request or a comment, which only webhooks of a forge can")
	}
	return forge.Check(e)
}
