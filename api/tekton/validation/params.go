package validation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

var (
	paramName  = regexp.MustCompile(`^[_a-zA-Z][_a-zA-Z0-9.-]*$`)
	objectName = regexp.MustCompile(`^[_a-zA-Z][_a-zA-Z0-9-]*$`)
)

// paramSpecs checks declarations of parameters.
func paramSpecs(specs v1.ParamSpecs, at *field.Path) field.ErrorList {
	errs := unique(at, "parameter", len(specs), func(i int) string { return specs[i].Name })
	for i := range specs {
		errs = append(errs, paramSpec(&specs[i], at.Index(i))...)
	}
	return errs
}

func paramSpec(p *v1.ParamSpec, at *field.Path) (errs field.ErrorList) {
	rule, format := paramName, "letters, digits, hyphens, underscores and dots"
	if p.Type == v1.ParamTypeObject {
		rule, format = objectName, "letters, digits, hyphens and underscores"
	}
	if !rule.MatchString(p.Name) {
		errs = append(errs, invalid(at.Child("name"), p.Name, "a name starts with a letter or underscore, followed by %s", format))
	}
	if !slices.Contains(v1.AllParamTypes, p.Type) {
		errs = append(errs, invalid(at.Child("type"), p.Type, "a parameter is string, array or object%s", suggest.DidYouMean(string(p.Type), []string{"string", "array", "object"})))
	}
	if p.Default != nil && p.Default.Type != p.Type && !wholeReference(p.Default) {
		errs = append(errs, invalid(at.Child("default"), p.Name, "parameter %q is %s, but its default is %s", p.Name, p.Type, p.Default.Type))
	}
	errs = append(errs, properties(p.Properties, p.Type, at)...)
	return append(errs, enum(p, at.Child("enum"))...)
}

func properties(props map[string]v1.PropertySpec, t v1.ParamType, at *field.Path) (errs field.ErrorList) {
	if len(props) > 0 && t != v1.ParamTypeObject {
		errs = append(errs, invalid(at.Child("properties"), t, "only an object has properties: set type to object"))
	}
	for _, key := range slices.Sorted(maps.Keys(props)) {
		switch at := at.Child("properties").Key(key); {
		case props[key].Type != "" && props[key].Type != v1.ParamTypeString:
			errs = append(errs, invalid(at.Child("type"), props[key].Type, "the values of an object are strings"))
		case !objectName.MatchString(key):
			errs = append(errs, invalid(at, key, "a key starts with a letter or underscore, followed by letters, digits, hyphens and underscores"))
		}
	}
	return errs
}

func enum(p *v1.ParamSpec, at *field.Path) (errs field.ErrorList) {
	if len(p.Enum) == 0 {
		return nil
	}
	if p.Type != v1.ParamTypeString {
		errs = append(errs, invalid(at, p.Type, "only a string can have an enum"))
	}
	for i, v := range p.Enum {
		if slices.Contains(p.Enum[:i], v) {
			errs = append(errs, fail(field.ErrorTypeDuplicate, at.Index(i), v, fmt.Sprintf("%q is listed twice", v)))
		}
	}
	if p.Default != nil && p.Default.Type == v1.ParamTypeString && !slices.Contains(p.Enum, p.Default.StringVal) {
		errs = append(errs, invalid(at, p.Default.StringVal, "the default %q is not in the enum%s", p.Default.StringVal, suggest.DidYouMean(p.Default.StringVal, p.Enum)))
	}
	return errs
}

// givenParams checks a list of values by itself.
func givenParams(given v1.Params, at *field.Path) field.ErrorList {
	errs := unique(at, "parameter", len(given), func(i int) string { return given[i].Name })
	for i, p := range given {
		if p.Name == "" {
			errs = append(errs, required(at.Index(i).Child("name"), "a parameter needs a name"))
		}
	}
	return errs
}

// Params checks the values given to a Task or Pipeline against what it declares:
// a required one that is missing, a value of the wrong shape, an object without a
// key it must have, a string that is not in its enum. Values for parameters that
// are not declared are allowed. at is the path of given.
func Params(declared v1.ParamSpecs, given v1.Params, at *field.Path) (errs field.ErrorList) {
	for i := range declared {
		p := &declared[i]
		j := slices.IndexFunc(given, func(g v1.Param) bool { return g.Name == p.Name })
		if j < 0 {
			if p.Default == nil {
				detail := fmt.Sprintf("parameter %q has no default and must be given", p.Name)
				errs = append(errs, required(at, detail+nearlyGiven(p.Name, declared, given)))
			}
			continue
		}
		if err := fits(p, &given[j].Value, at.Index(j).Child("value")); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// nearlyGiven points at a value under a name that nothing declares and that is
// close to name.
func nearlyGiven(name string, declared v1.ParamSpecs, given v1.Params) string {
	var spare []string
	for _, g := range given {
		if !slices.ContainsFunc(declared, func(p v1.ParamSpec) bool { return p.Name == g.Name }) {
			spare = append(spare, g.Name)
		}
	}
	if n := suggest.Nearest(name, spare); n != "" {
		return fmt.Sprintf("; %q is given, which is not declared", n)
	}
	return ""
}

func fits(p *v1.ParamSpec, v *v1.ParamValue, at *field.Path) *field.Error {
	if wholeReference(v) {
		return nil
	}
	if v.Type != p.Type {
		return invalid(at, v.Type, "parameter %q is %s, but the value is %s", p.Name, p.Type, v.Type)
	}
	switch p.Type {
	case v1.ParamTypeObject:
		for _, key := range slices.Sorted(maps.Keys(p.Properties)) {
			_, has := v.ObjectVal[key]
			if !has && p.Default != nil {
				_, has = p.Default.ObjectVal[key]
			}
			if !has {
				return required(at, fmt.Sprintf("parameter %q needs the key %q", p.Name, key))
			}
		}
	case v1.ParamTypeString:
		if len(p.Enum) > 0 && !slices.Contains(p.Enum, v.StringVal) && !strings.Contains(v.StringVal, "$(") {
			return invalid(at, v.StringVal, "parameter %q cannot be %q: it is one of %s", p.Name, v.StringVal, strings.Join(p.Enum, ", "))
		}
	}
	return nil
}

// wholeReference reports whether v is one reference and nothing else, so that
// its shape is that of what it refers to.
func wholeReference(v *v1.ParamValue) bool {
	if v.Type != v1.ParamTypeString {
		return false
	}
	_, ok := expr.Isolated(v.StringVal)
	return ok
}
