package newrun

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

func (d declared) parseParams(args []string) (v1.Params, error) {
	var params v1.Params
	for _, arg := range args {
		name, text, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--param %s: write NAME=VALUE", arg)
		}
		spec, err := d.spec(name)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(params, func(p v1.Param) bool { return p.Name == name })
		if i >= 0 && typeOf(spec) == v1.ParamTypeString {
			return nil, fmt.Errorf("--param %s is given twice, but it is a string", name)
		}
		if i < 0 {
			i = len(params)
			params = append(params, v1.Param{Name: name, Value: v1.ParamValue{Type: typeOf(spec)}})
		}
		if err := set(&params[i].Value, spec, text); err != nil {
			return nil, err
		}
	}
	return params, nil
}

func (d declared) spec(name string) (v1.ParamSpec, error) {
	var names []string
	for _, spec := range d.params {
		if spec.Name == name {
			return spec, nil
		}
		names = append(names, spec.Name)
	}
	return v1.ParamSpec{}, fmt.Errorf("%s has no param named %q%s", d.what, name, suggest.DidYouMean(name, names))
}

// set puts the text of the command line into the value, behind what is there already.
func set(value *v1.ParamValue, spec v1.ParamSpec, text string) error {
	switch value.Type {
	case v1.ParamTypeArray:
		if text != "" {
			value.ArrayVal = append(value.ArrayVal, strings.Split(text, ",")...)
		}
	case v1.ParamTypeObject:
		if value.ObjectVal == nil {
			value.ObjectVal = map[string]string{}
		}
		for pair := range strings.SplitSeq(text, ",") {
			k, v, ok := strings.Cut(pair, ":")
			if !ok {
				return fmt.Errorf("--param %s is an object: write %s", spec.Name, example(spec))
			}
			value.ObjectVal[k] = v
		}
	default:
		value.StringVal = text
		if len(spec.Enum) > 0 && !slices.Contains(spec.Enum, text) {
			return fmt.Errorf("--param %s must be one of %s, not %q%s", spec.Name, strings.Join(spec.Enum, ", "), text, suggest.DidYouMean(text, spec.Enum))
		}
	}
	return nil
}

// typeOf is the type of a parameter: declared, or that of its properties or default.
func typeOf(spec v1.ParamSpec) v1.ParamType {
	switch {
	case spec.Type != "":
		return spec.Type
	case spec.Properties != nil:
		return v1.ParamTypeObject
	case spec.Default != nil && spec.Default.Type != "":
		return spec.Default.Type
	default:
		return v1.ParamTypeString
	}
}

func example(spec v1.ParamSpec) string {
	switch typeOf(spec) {
	case v1.ParamTypeArray:
		return spec.Name + "=A,B"
	case v1.ParamTypeObject:
		return spec.Name + "=KEY:VALUE,KEY:VALUE"
	default:
		return spec.Name + "=VALUE"
	}
}
