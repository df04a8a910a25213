package expr

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Kind tells the three kinds of value apart.
type Kind int

// The kinds of value.
const (
	String Kind = iota
	Array
	Object
)

func (k Kind) String() string {
	return [...]string{"a string", "an array", "an object"}[k]
}

// Value is a string, an array of strings or an object of strings; Kind says
// which of the other fields counts.
type Value struct {
	Kind   Kind
	String string
	Array  []string
	Object map[string]string
}

// Text makes a string.
func Text(s string) Value { return Value{String: s} }

// List makes an array.
func List(items ...string) Value { return Value{Kind: Array, Array: items} }

// Map makes an object.
func Map(fields map[string]string) Value { return Value{Kind: Object, Object: fields} }

// Vars is what references are looked up in. The zero value is empty and leaves
// every reference as it stands.
type Vars struct {
	values map[string]Value
	closed []string
}

// Set gives name, a path joined by dots such as `params.image`, its value.
func (v *Vars) Set(name string, value Value) {
	if v.values == nil {
		v.values = map[string]Value{}
	}
	v.values[name] = value
}

// SetText gives name a string.
func (v *Vars) SetText(name, value string) { v.Set(name, Text(value)) }

// Get returns the value of name.
func (v Vars) Get(name string) (Value, bool) {
	value, ok := v.values[name]
	return value, ok
}

// Close says that every name below the given ones is known: with `params`
// closed, a reference to a param that was not Set is an error. Other unknown references are
// left in the text for the shell or the kubelet.
func (v *Vars) Close(names ...string) { v.closed = append(v.closed, names...) }

// Without returns a copy that lacks the names for which hidden is true, and in
// which nothing is closed.
func (v Vars) Without(hidden func(name string) bool) Vars {
	values := maps.Clone(v.values)
	maps.DeleteFunc(values, func(name string, _ Value) bool { return hidden(name) })
	return Vars{values: values}
}

// Clone returns a copy that can be changed without changing v.
func (v Vars) Clone() Vars {
	return Vars{values: maps.Clone(v.values), closed: slices.Clone(v.closed)}
}

// The causes of an Error, for errors.Is.
var (
	// ErrUnknown: nothing has this name.
	ErrUnknown = errors.New("unknown variable")
	// ErrBounds: the array has no element at this index.
	ErrBounds = errors.New("index out of bounds")
	// ErrKey: the object has no such key.
	ErrKey = errors.New("unknown key")
	// ErrKind: the value is of a kind that cannot stand here.
	ErrKind = errors.New("wrong type")
)

// Error says which reference could not be put in, and why.
type Error struct {
	Ref Reference
	// Cause is one of ErrUnknown, ErrBounds, ErrKey and ErrKind.
	Cause   error
	message string
}

func (e *Error) Error() string { return e.Ref.String() + ": " + e.message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Lookup returns the value of a reference with its selector applied. It
// returns false without an error when nobody claims to know the name.
func (v Vars) Lookup(r Reference) (Value, bool, error) {
	name := r.Name()
	value, ok := v.values[name]
	if !ok {
		value, ok = v.values[strings.TrimPrefix(name, "inputs.")]
	}
	if !ok && r.Selector == Plain && len(r.Path) > 2 {
		key := r.Path[len(r.Path)-1]
		if object, found := v.values[strings.TrimSuffix(name, "."+key)]; found && object.Kind == Object {
			if s, has := object.Object[key]; has {
				return Text(s), true, nil
			}
			return Value{}, false, &Error{r, ErrKey, fmt.Sprintf("no key %q in the object%s", key,
				suggest.DidYouMean(key, slices.Sorted(maps.Keys(object.Object))))}
		}
	}
	if !ok {
		return Value{}, false, v.unknown(r, name)
	}
	return pick(r, value)
}

func pick(r Reference, value Value) (Value, bool, error) {
	switch {
	case r.Selector == All && value.Kind == String:
		return Value{}, false, &Error{r, ErrKind, "[*] needs an array or an object, and this is a string"}
	case r.Selector == At && value.Kind != Array:
		return Value{}, false, &Error{r, ErrKind, "an index needs an array, and this is " + value.Kind.String()}
	case r.Selector == At && r.Index >= len(value.Array):
		return Value{}, false, &Error{r, ErrBounds, fmt.Sprintf("index %d is out of bounds: the array has %d elements", r.Index, len(value.Array))}
	case r.Selector == At:
		return Text(value.Array[r.Index]), true, nil
	}
	return value, true, nil
}

func (v Vars) unknown(r Reference, name string) error {
	for _, c := range v.closed {
		if name == c || strings.HasPrefix(name, c+".") {
			return &Error{r, ErrUnknown, "unknown variable" + suggest.DidYouMean(name, slices.Sorted(maps.Keys(v.values)))}
		}
	}
	return nil
}
