package interceptor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	// celCost bounds the work of one expression, in the units of CEL.
	celCost = 500_000
	// celPatience bounds its time.
	celPatience = 2 * time.Second
	// celCheck is how often, in steps, it is looked at whether the time is over.
	celCheck = 100
)

// celParams are the settings of cel.
type celParams struct {
	Filter   string    `json:"filter"`
	Overlays []overlay `json:"overlays"`
}

type overlay struct {
	Key        string `json:"key"`
	Expression string `json:"expression"`
}

var celEnv = sync.OnceValues(func() (*cel.Env, error) {
	object := cel.MapType(cel.StringType, cel.DynType)
	return cel.NewEnv(append(functions(),
		ext.Strings(), ext.Encoders(), ext.Lists(), ext.Math(), ext.Sets(),
		cel.Variable("body", object),
		cel.Variable("header", object),
		cel.Variable("extensions", object),
		cel.Variable("requestURL", cel.StringType))...)
})

// checkCEL compiles the expressions.
func checkCEL(params json.RawMessage) error {
	var p celParams
	if err := decode(params, &p); err != nil {
		return err
	}
	c, err := newCalculation(nil)
	if err != nil {
		return err
	}
	if p.Filter != "" {
		if _, err := c.compile(p.Filter); err != nil {
			return fail("params[filter]: %s", err)
		}
	}
	for i, o := range p.Overlays {
		if o.Key == "" {
			return fail("params[overlays][%d].key is missing", i)
		}
		if _, err := c.compile(o.Expression); err != nil {
			return fail("params[overlays][%d].expression: %s", i, err)
		}
	}
	return nil
}

// cel ends the way of a request that its filter is not true for, and adds what its
// overlays say. All see the request as it came here.
func (w World) cel(ctx context.Context, params json.RawMessage, r *Request) (map[string]any, error) {
	if err := checkCEL(params); err != nil {
		return nil, err
	}
	var p celParams
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	values, err := r.values()
	if err != nil {
		return nil, err
	}
	c, err := newCalculation(func(key, name, namespace string) ([]byte, error) {
		if namespace != "" && namespace != r.Namespace {
			return nil, fail("compareSecret: a secret of namespace %s, the Trigger's, is needed, and not of %s", r.Namespace, namespace)
		}
		return w.secret(ctx, r.Namespace, secretRef{SecretName: name, SecretKey: key})
	})
	if err != nil {
		return nil, err
	}
	if p.Filter != "" {
		out, err := c.evaluate(ctx, p.Filter, values)
		if err != nil {
			return nil, c.explain("params[filter]", err)
		}
		if out != types.True {
			return nil, ignore("params[filter] is not true")
		}
	}
	return c.overlays(ctx, p.Overlays, values)
}

// overlays are the values of overlays by their keys.
func (c *calculation) overlays(ctx context.Context, of []overlay, values map[string]any) (map[string]any, error) {
	added := map[string]any{}
	for i, o := range of {
		out, err := c.evaluate(ctx, o.Expression, values)
		if err != nil {
			return nil, c.explain(fmt.Sprintf("params[overlays][%d].expression", i), err)
		}
		value, err := native(out)
		if err != nil {
			return nil, fail("params[overlays][%d].expression: %s", i, err)
		}
		set(added, o.Key, value)
	}
	return added, nil
}

// values are what expressions know.
func (r *Request) values() (map[string]any, error) {
	body := map[string]any{}
	if len(bytes.TrimSpace(r.Body)) > 0 {
		if err := json.Unmarshal(r.Body, &body); err != nil {
			return nil, fail("the body is no JSON object: %s", err)
		}
	}
	header := map[string]any{}
	for name, values := range r.Header {
		header[name] = values
	}
	extensions := r.Extensions
	if extensions == nil {
		extensions = map[string]any{}
	}
	return map[string]any{"body": body, "header": header, "extensions": extensions, "requestURL": r.URL}, nil
}

// calculation evaluates the expressions of one interceptor for one request.
type calculation struct {
	env *cel.Env
	// failure is why a secret could not be compared: CEL keeps only the text of errors.
	failure error
}

// newCalculation takes what reads a secret; nil where none is read.
func newCalculation(secret func(key, name, namespace string) ([]byte, error)) (*calculation, error) {
	base, err := celEnv()
	if err != nil {
		return nil, err
	}
	c := &calculation{}
	c.env, err = base.Extend(compareSecret(func(key, name, namespace string) ([]byte, error) {
		value, err := secret(key, name, namespace)
		if err != nil {
			c.failure = err
		}
		return value, err
	}))
	return c, err
}

func (c *calculation) compile(expression string) (*cel.Ast, error) {
	tree, issues := c.env.Compile(expression)
	if issues.Err() != nil {
		e := issues.Errors()[0]
		return nil, fmt.Errorf("line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, e.Message)
	}
	return tree, nil
}

func (c *calculation) evaluate(ctx context.Context, expression string, values map[string]any) (ref.Val, error) {
	tree, err := c.compile(expression)
	if err != nil {
		return nil, err
	}
	program, err := c.env.Program(tree, cel.CostLimit(celCost), cel.CostTracking(costs{}), cel.InterruptCheckFrequency(celCheck))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, celPatience)
	defer cancel()
	out, _, err := program.ContextEval(ctx, values)
	return out, err
}

// explain is the world's error if there was one, and else what the author of the
// expression is told.
func (c *calculation) explain(where string, err error) error {
	stop := (*Stop)(nil)
	switch {
	case c.failure != nil && !asStop(c.failure, &stop):
		return c.failure
	case stop != nil:
		return fail("%s: %s", where, stop.Message)
	}
	return fail("%s: %s", where, err)
}

// native is a value as JSON has it.
func native(v ref.Val) (any, error) {
	if s, ok := v.(types.String); ok {
		return string(s), nil
	}
	out, err := v.ConvertToNative(types.JSONValueType)
	if err != nil {
		return nil, err
	}
	return out.(*structpb.Value).AsInterface(), nil
}

// set puts a value at a key in which dots lead to objects below, and a backslash makes
// what follows a part of the name.
func set(into map[string]any, key string, value any) {
	names := strings.Split(strings.ReplaceAll(key, `\.`, "\x00"), ".")
	for i := range names {
		names[i] = strings.ReplaceAll(names[i], "\x00", ".")
	}
	for _, name := range names[:len(names)-1] {
		below, ok := into[name].(map[string]any)
		if !ok {
			below = map[string]any{}
		}
		below = maps.Clone(below)
		into[name] = below
		into = below
	}
	into[names[len(names)-1]] = value
}
