package validation

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// StepAction checks a StepAction.
func StepAction(sa *v1beta1.StepAction) field.ErrorList {
	if sa.Malformed != nil {
		return unread(sa.Malformed)
	}
	return StepActionSpec(&sa.Spec, field.NewPath("spec"))
}

// StepActionSpec checks the spec of a StepAction: it may use only its own
// parameters, and those not in its script.
func StepActionSpec(spec *v1beta1.StepActionSpec, at *field.Path) (errs field.ErrorList) {
	if spec.Image == "" {
		errs = append(errs, required(at.Child("image"), "a StepAction needs an image"))
	}
	errs = append(errs, scriptOrCommand(spec.Script, spec.Command, at)...)
	errs = append(errs, paramSpecs(spec.Params, at.Child("params"))...)
	errs = append(errs, stepResults(spec.Results, at.Child("results"))...)
	errs = append(errs, stepActionReferences(spec, at)...)
	for i, m := range spec.VolumeMounts {
		if r, ok := expr.Isolated(m.Name); !ok || r.Path[0] != "params" {
			errs = append(errs, invalid(at.Child("volumeMounts").Index(i).Child("name"), m.Name, "%q: give the volume as a parameter, as $(params.volume)", m.Name))
		}
	}
	return errs
}

func stepActionReferences(spec *v1beta1.StepActionSpec, at *field.Path) (errs field.ErrorList) {
	known := make([]string, len(spec.Results))
	for i, r := range spec.Results {
		known[i] = r.Name
	}
	s, script := scope{}.declare(spec.Params), at.Child("script").String()
	visitStrings(spec, at, func(site site) {
		for _, r := range expr.References(site.text) {
			_, param := r.Param()
			switch {
			case param && site.at.String() == script:
				errs = append(errs, fail(field.ErrorTypeForbidden, site.at, r.String(), r.String()+": a StepAction's script cannot use parameters: pass it through env"))
			case param:
				if err := s.param(site, r); err != nil {
					errs = append(errs, err)
				}
			case r.Path[0] == "step" && r.Path[1] == "results" && len(r.Path) > 2 && !slices.Contains(known, r.Path[2]):
				errs = append(errs, unknown(site.at, "result of this step", r.Path[2], known))
			}
		}
	})
	return errs
}

// CustomRun checks a CustomRun.
func CustomRun(r *v1beta1.CustomRun) field.ErrorList {
	if r.Malformed != nil {
		return unread(r.Malformed)
	}
	spec, at := &r.Spec, field.NewPath("spec")
	errs := exactlyOne(at, []string{"customRef", "customSpec"}, spec.CustomRef != nil, spec.CustomSpec != nil)
	if c := spec.CustomRef; c != nil {
		errs = append(errs, typed(c.APIVersion, string(c.Kind), at.Child("customRef"))...)
	}
	if c := spec.CustomSpec; c != nil {
		errs = append(errs, typed(c.APIVersion, c.Kind, at.Child("customSpec"))...)
	}
	errs = append(errs, givenParams(spec.Params, at.Child("params"))...)
	errs = append(errs, bindings(spec.Workspaces, at.Child("workspaces"))...)
	cancelled := string(v1beta1.CustomRunSpecStatusCancelled)
	if s := string(spec.Status); s != "" && s != cancelled {
		errs = append(errs, invalid(at.Child("status"), s, "%q: use RunCancelled%s", s, suggest.DidYouMean(s, []string{cancelled})))
	}
	if spec.Status == "" && spec.StatusMessage != "" {
		errs = append(errs, invalid(at.Child("statusMessage"), spec.StatusMessage, "statusMessage needs status"))
	}
	if spec.Retries < 0 {
		errs = append(errs, invalid(at.Child("retries"), spec.Retries, "a count cannot be negative"))
	}
	if spec.Timeout != nil && spec.Timeout.Duration < 0 {
		errs = append(errs, invalid(at.Child("timeout"), spec.Timeout.Duration.String(), "a timeout cannot be negative; 0 means without limit"))
	}
	return errs
}

// typed checks that a custom task says what it is.
func typed(apiVersion, kind string, at *field.Path) (errs field.ErrorList) {
	if apiVersion == "" {
		errs = append(errs, required(at.Child("apiVersion"), "a custom task needs an apiVersion"))
	}
	if kind == "" {
		errs = append(errs, required(at.Child("kind"), "a custom task needs a kind"))
	}
	return errs
}
