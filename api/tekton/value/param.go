// Package value holds what goes into runs and comes out of them: parameters,
// results, and the guards that look at both. Package v1 has them under the same names.
//
// +kubebuilder:object:generate=true
package value

import (
	"encoding/json"
	"fmt"
)

// ParamType is the shape of a parameter or result value.
// +kubebuilder:validation:Enum=string;array;object
type ParamType string

// The shapes a value can have.
const (
	ParamTypeString ParamType = "string"
	ParamTypeArray  ParamType = "array"
	ParamTypeObject ParamType = "object"
)

// AllParamTypes lists every ParamType, the default first.
var AllParamTypes = []ParamType{ParamTypeString, ParamTypeArray, ParamTypeObject}

// ParamSpec declares one parameter.
type ParamSpec struct {
	// Name is what $(params.NAME) refers to; it is unique in its list, and starts
	// with a letter or underscore, followed by letters, digits, hyphens,
	// underscores and dots.
	Name string `json:"name"`
	// Type is string, array or object; left out, it follows from properties or
	// from the default, and is string where there is neither.
	// +optional
	Type ParamType `json:"type,omitempty"`
	// Description tells people what the parameter is for.
	// +optional
	Description string `json:"description,omitempty"`
	// Properties names the keys of an object parameter and the type of each,
	// which is always string.
	// +optional
	Properties map[string]PropertySpec `json:"properties,omitempty"`
	// Default is the value taken when a run gives none; a parameter without a
	// default must be given. It may refer to other parameters.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Default *ParamValue `json:"default,omitempty"`
	// Enum lists the values a string parameter may take; empty allows any.
	// +optional
	// +listType=atomic
	Enum []string `json:"enum,omitempty"`
}

// ParamSpecs is a list of parameter declarations.
// +listType=atomic
type ParamSpecs []ParamSpec

// PropertySpec declares one key of an object.
type PropertySpec struct {
	// Type of the key's value; only string is possible, and the default.
	// +optional
	Type ParamType `json:"type,omitempty"`
}

// Param gives a value to one parameter.
type Param struct {
	// Name is the name of the parameter that takes the value.
	Name string `json:"name"`
	// Value is a string, an array of strings or an object with string values,
	// and may contain variables such as $(params.x) or $(tasks.a.results.b).
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Value ParamValue `json:"value"`
}

// Params is a list of parameter values.
// +listType=atomic
type Params []Param

// ParamValue is a string, an array of strings or an object with string values.
// In JSON it is the bare value: Type decides which of the others holds it.
// +kubebuilder:validation:Type=""
// +kubebuilder:pruning:PreserveUnknownFields
type ParamValue struct {
	Type      ParamType         `json:"-"`
	StringVal string            `json:"-"`
	ArrayVal  []string          `json:"-"`
	ObjectVal map[string]string `json:"-"`
}

// ResultValue is the value of a result: the same three shapes.
type ResultValue = ParamValue

// NewString returns a ParamValue of the string s, whatever s looks like.
func NewString(s string) *ParamValue { return &ParamValue{Type: ParamTypeString, StringVal: s} }

// NewArray returns a ParamValue of the array a.
func NewArray(a ...string) *ParamValue { return &ParamValue{Type: ParamTypeArray, ArrayVal: a} }

// NewObject returns a ParamValue of the object o.
func NewObject(o map[string]string) *ParamValue {
	return &ParamValue{Type: ParamTypeObject, ObjectVal: o}
}

// UnmarshalJSON takes a JSON string, an array of strings or an object of
// strings for what it is. Any other JSON (a number, a boolean, a nested array or
// object) becomes a string holding its JSON text, and null an empty string, as
// tekton.dev/v1 has always had it. A string is never looked into.
func (v *ParamValue) UnmarshalJSON(data []byte) error {
	*v = ParamValue{Type: ParamTypeString}
	if len(data) == 0 {
		return nil
	}
	switch data[0] {
	case '[':
		var a []string
		if json.Unmarshal(data, &a) == nil {
			v.Type, v.ArrayVal = ParamTypeArray, a
			return nil
		}
	case '{':
		var o map[string]string
		if json.Unmarshal(data, &o) == nil {
			v.Type, v.ObjectVal = ParamTypeObject, o
			return nil
		}
	case '"', 'n':
		return json.Unmarshal(data, &v.StringVal)
	}
	v.StringVal = string(data)
	return nil
}

// MarshalJSON writes the bare value. A value without a Type is a string.
func (v ParamValue) MarshalJSON() ([]byte, error) {
	switch v.Type {
	case ParamTypeString, "":
		return json.Marshal(v.StringVal)
	case ParamTypeArray:
		if v.ArrayVal == nil {
			return []byte("[]"), nil
		}
		return json.Marshal(v.ArrayVal)
	case ParamTypeObject:
		if v.ObjectVal == nil {
			return []byte("{}"), nil
		}
		return json.Marshal(v.ObjectVal)
	}
	return nil, fmt.Errorf("value has type %q; it must be string, array or object", v.Type)
}

// SetDefaults gives the parameter the type that its properties or its default have.
func (p *ParamSpec) SetDefaults() {
	if p.Type == "" {
		switch {
		case p.Properties != nil:
			p.Type = ParamTypeObject
		case p.Default != nil && p.Default.Type != "":
			p.Type = p.Default.Type
		default:
			p.Type = ParamTypeString
		}
	}
	stringProperties(p.Properties)
}

func stringProperties(properties map[string]PropertySpec) {
	for k, p := range properties {
		if p.Type == "" {
			properties[k] = PropertySpec{Type: ParamTypeString}
		}
	}
}
