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
		value := &r.Params[i].Value
		if value.StringVal, err = expr.Substitute(value.StringVal, vars); err != nil {
			return fmt.Errorf("params[%d] (%s): %w", i, r.Params[i].Name, err)
		}
	}
	return nil
}
