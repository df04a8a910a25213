package trigger

import (
	"errors"
	"fmt"
	"regexp"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/slipway-dev/slipway/pkg/trigger/glob"
)

// What expressions and patterns may take, in the units of CEL: each, and all of one
// commit for one event together. A regular expression that is compared with 3,000 changed
// files takes some 50,000; all together end within seconds, whatever they are.
const (
	celCost  = 500_000
	workCost = 2_000_000
)

// expressionKey is what a template may hold beside the name of a variable.
var (
	expressionKey = regexp.MustCompile(`^(body|headers|files)\b`)
	filesKey      = regexp.MustCompile(`\bfiles\b`)
)

// The names that expressions know.
const (
	celFiles   = "files"
	celBody    = "body"
	celHeaders = "headers"
)

var celEnv = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{
		ext.Strings(),
		cel.Variable(celBody, cel.DynType),
		cel.Variable(celHeaders, cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable(celFiles, cel.MapType(cel.StringType, cel.ListType(cel.StringType))),
		cel.Function("anyMatches", cel.Overload("any_matches", []*cel.Type{cel.StringType, cel.ListType(cel.StringType)}, cel.BoolType,
			cel.BinaryBinding(anyMatches))),
		// "docs/*".pathChanged() asks the list of files, so that it is known to be needed.
		cel.Macros(cel.ReceiverMacro("pathChanged", 0, func(eh cel.MacroExprFactory, target ast.Expr, _ []ast.Expr) (ast.Expr, *cel.Error) {
			return eh.NewCall("anyMatches", target, eh.NewSelect(eh.NewIdent(celFiles), "all")), nil
		})),
	}
	for _, name := range []string{"event", "event_type", "target_branch", "source_branch", "target_url", "source_url", "event_title"} {
		options = append(options, cel.Variable(name, cel.StringType))
	}
	return cel.NewEnv(options...)
})

func anyMatches(pattern, files ref.Val) ref.Val {
	g, err := glob.Compile(string(pattern.(types.String)))
	if err != nil {
		return types.NewErr("%s", err)
	}
	for it := files.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		if g.MatchString(string(it.Next().(types.String))) {
			return types.True
		}
	}
	return types.False
}

// costs tells what anyMatches takes; of all else CEL knows it.
type costs struct{}

// CallCost implements interpreter.ActualCostEstimator.
func (costs) CallCost(function, _ string, args []ref.Val, _ ref.Val) *uint64 {
	if function != "anyMatches" {
		return nil
	}
	var texts []string
	for it := args[1].(traits.Lister).Iterator(); it.HasNext() == types.True; {
		texts = append(texts, string(it.Next().(types.String)))
	}
	work := 1 + globWork(string(args[0].(types.String)), texts)
	return &work
}

// activation gives an expression what it asks for, and takes note when that is the
// list of files.
type activation struct {
	values     map[string]any
	files      func() map[string][]string
	askedFiles bool
}

// ResolveName implements cel.Activation.
func (a *activation) ResolveName(name string) (any, bool) {
	if name == celFiles {
		a.askedFiles = true
		return a.files(), true
	}
	v, ok := a.values[name]
	return v, ok
}

// Parent implements cel.Activation.
func (a *activation) Parent() cel.Activation { return nil }

func (f *facts) activation() *activation {
	branch, url := f.source()
	body := f.in.Payload
	if body == nil {
		body = map[string]any{}
	}
	return &activation{files: f.files, values: map[string]any{
		"event": f.plainEvent(), "event_type": f.eventType(), "target_branch": f.branch(), "source_branch": branch,
		"target_url": f.in.Repository.Spec.URL, "source_url": url, "event_title": f.in.Event.Title,
		celBody: body, celHeaders: f.headers(),
	}}
}

// compileCEL checks an expression; the error is the author's.
func compileCEL(text string) (cel.Program, error) {
	env, err := celEnv()
	if err != nil {
		return nil, err
	}
	tree, issues := env.Compile(text)
	if issues.Err() != nil {
		e := issues.Errors()[0]
		return nil, fmt.Errorf("line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, e.Message)
	}
	return env.Program(tree, cel.CostLimit(celCost), cel.CostTracking(costs{}), cel.EvalOptions(cel.OptOptimize))
}

// errTooMuch is an expression that goes on and on.
var errTooMuch = errors.New("the expression takes too much work: ask for less")

// answer evaluates an expression that is true or false. One that asks the payload
// for what it does not have is false: events of each kind have fields of their own.
func (f *facts) answer(p cel.Program) (yes, askedFiles bool, err error) {
	a := f.activation()
	out, err := f.eval(p, a)
	switch {
	case errors.Is(err, errTooMuch):
		return false, a.askedFiles, err
	case err != nil:
		return false, a.askedFiles, nil
	}
	yes, ok := out.Value().(bool)
	if !ok {
		return false, a.askedFiles, fmt.Errorf("the answer is a %s and must be true or false", out.Type().TypeName())
	}
	return yes, a.askedFiles, nil
}

// eval takes its work out of what is left for the event.
func (f *facts) eval(p cel.Program, a cel.Activation) (ref.Val, error) {
	if !f.spend(0) {
		return nil, errTooMuch
	}
	out, details, err := p.Eval(a)
	work := uint64(celCost)
	if details != nil && details.ActualCost() != nil {
		work = *details.ActualCost()
	}
	if !f.spend(work) || err != nil && work >= celCost {
		return nil, errTooMuch
	}
	return out, err
}

// spend reports whether work is left after some was done.
func (f *facts) spend(work uint64) bool {
	f.work += work
	return f.work < workCost
}

// evaluate is the value of an expression as JSON knows it.
func (f *facts) evaluate(text string) (any, error) {
	p, err := compileCEL(text)
	if err != nil {
		return nil, err
	}
	out, err := f.eval(p, f.activation())
	if err != nil {
		return nil, err
	}
	if s, ok := out.(types.String); ok {
		return string(s), nil
	}
	v, err := out.ConvertToNative(types.JSONValueType)
	if err != nil {
		return nil, err
	}
	return v.(*structpb.Value).AsInterface(), nil
}
