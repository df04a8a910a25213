package value

import "k8s.io/apimachinery/pkg/selection"

// WhenExpression is one condition for a step or task to run: an input compared
// with a list of values, or an expression in CEL.
type WhenExpression struct {
	// Input is the string to compare, usually a variable such as $(params.x) or
	// $(tasks.a.results.b).
	// +optional
	Input string `json:"input,omitempty"`
	// Operator is in, true when the input is one of the values, or notin.
	// +optional
	Operator selection.Operator `json:"operator,omitempty"`
	// Values are compared with the input; they may contain variables, and one that
	// is a whole array, as $(params.x[*]), stands for all its elements.
	// +optional
	// +listType=atomic
	Values []string `json:"values,omitempty"`
	// CEL is an expression in the Common Expression Language that gives true or
	// false, such as '$(params.branch)' == 'main'; it excludes the other fields.
	// +optional
	CEL string `json:"cel,omitempty"`
}

// WhenExpressions holds when every one of its expressions holds.
// +listType=atomic
type WhenExpressions []WhenExpression

// StepWhenExpressions guards a step.
type StepWhenExpressions = WhenExpressions
