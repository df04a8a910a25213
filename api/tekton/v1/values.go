package v1

import "github.com/slipway-dev/slipway/api/tekton/value"

// Parameters, results and guards, which package value describes.
type (
	ParamType           = value.ParamType
	ParamSpec           = value.ParamSpec
	ParamSpecs          = value.ParamSpecs
	PropertySpec        = value.PropertySpec
	Param               = value.Param
	Params              = value.Params
	ParamValue          = value.ParamValue
	ResultsType         = value.ResultsType
	ResultValue         = value.ResultValue
	TaskResult          = value.TaskResult
	StepResult          = value.StepResult
	TaskRunResult       = value.TaskRunResult
	TaskRunStepResult   = value.TaskRunStepResult
	WhenExpression      = value.WhenExpression
	WhenExpressions     = value.WhenExpressions
	StepWhenExpressions = value.StepWhenExpressions
)

// The shapes that a parameter or a result can have.
const (
	ParamTypeString   = value.ParamTypeString
	ParamTypeArray    = value.ParamTypeArray
	ParamTypeObject   = value.ParamTypeObject
	ResultsTypeString = value.ResultsTypeString
	ResultsTypeArray  = value.ResultsTypeArray
	ResultsTypeObject = value.ResultsTypeObject
)

// AllParamTypes lists every ParamType, the default first.
var AllParamTypes = value.AllParamTypes

// NewString returns a ParamValue of the string s, whatever s looks like.
func NewString(s string) *ParamValue { return value.NewString(s) }

// NewArray returns a ParamValue of the array a.
func NewArray(a ...string) *ParamValue { return value.NewArray(a...) }

// NewObject returns a ParamValue of the object o.
func NewObject(o map[string]string) *ParamValue { return value.NewObject(o) }
