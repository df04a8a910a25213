package resolve

import (
	"fmt"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
)

// Fill puts variables into a reference by resolver: into its params, and into
// the URL that may stand for its name. The error names the field below the
// reference.
func Fill(name *string, r *v1.ResolverRef, vars expr.Vars) (err error) {
	if r.Resolver == "" {
		return nil
	}
	if *name, err = expr.Substitute(*name, vars); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	for i := range r.Params {
		if err = fillValue(&r.Params[i].Value, vars); err != nil {
			return fmt.Errorf("params[%d] (%s): %w", i, r.Params[i].Name, err)
		}
	}
	return nil
}

func fillValue(value *v1.ParamValue, vars expr.Vars) (err error) {
	if value.StringVal, err = expr.Substitute(value.StringVal, vars); err != nil {
		return err
	}
	for i, item := range value.ArrayVal {
		if value.ArrayVal[i], err = expr.Substitute(item, vars); err != nil {
			return err
		}
	}
	for key, item := range value.ObjectVal {
		if value.ObjectVal[key], err = expr.Substitute(item, vars); err != nil {
			return err
		}
	}
	return nil
}
