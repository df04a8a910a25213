package value

// ResultsType is the shape of a result: string, array or object.
type ResultsType = ParamType

// The shapes a result can have.
const (
	ResultsTypeString = ParamTypeString
	ResultsTypeArray  = ParamTypeArray
	ResultsTypeObject = ParamTypeObject
)

// TaskResult declares a result of a Task.
type TaskResult struct {
	// Name is what $(results.NAME.path) refers to: letters, digits, hyphens,
	// underscores and dots.
	Name string `json:"name"`
	// Type is string, array or object; left out, it is object where properties
	// are given and string elsewhere. Arrays and objects are written as JSON.
	// +optional
	Type ResultsType `json:"type,omitempty"`
	// Properties names the keys of an object result.
	// +optional
	Properties map[string]PropertySpec `json:"properties,omitempty"`
	// Description tells people what the result holds.
	// +optional
	Description string `json:"description,omitempty"`
	// Value takes the result from a step's, as $(steps.STEP.results.NAME);
	// left out, steps write the file $(results.NAME.path).
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Value *ResultValue `json:"value,omitempty"`
}

// StepResult declares a result of one step.
type StepResult struct {
	// Name is what $(step.results.NAME.path) refers to.
	Name string `json:"name"`
	// Type is string, array or object; left out, it is object where properties
	// are given and string elsewhere. Arrays and objects are written as JSON.
	// +optional
	Type ResultsType `json:"type,omitempty"`
	// Properties names the keys of an object result.
	// +optional
	Properties map[string]PropertySpec `json:"properties,omitempty"`
	// Description tells people what the result holds.
	// +optional
	Description string `json:"description,omitempty"`
}

// TaskRunResult is a result that a TaskRun or a step produced.
type TaskRunResult struct {
	// Name is the result's name as the Task declares it.
	Name string `json:"name"`
	// Type is the shape of the value: string, array or object.
	// +optional
	Type ResultsType `json:"type,omitempty"`
	// Value is what the step wrote.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Value ResultValue `json:"value"`
}

// TaskRunStepResult is a result that a step produced.
type TaskRunStepResult = TaskRunResult

// SetDefaults gives the result the type that its properties have.
func (r *TaskResult) SetDefaults() { r.Type = resultType(r.Type, r.Properties) }

// SetDefaults gives the result the type that its properties have.
func (r *StepResult) SetDefaults() { r.Type = resultType(r.Type, r.Properties) }

func resultType(t ResultsType, properties map[string]PropertySpec) ResultsType {
	stringProperties(properties)
	switch {
	case t != "":
		return t
	case properties != nil:
		return ResultsTypeObject
	}
	return ResultsTypeString
}
