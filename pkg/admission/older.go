package admission

import (
	"encoding/json"

	admissionv1 "k8s.io/api/admission/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/convert"
	"github.com/slipway-dev/slipway/pkg/manifest"
)

// asWritten is the object as its author has it, who writes v1beta1; nil for an
// author who does not, as the request then has the object itself.
func asWritten(req *admissionv1.AdmissionRequest) map[string]any {
	if req.RequestKind == nil || req.RequestKind.Version != v1beta1.SchemeGroupVersion.Version || convert.Shapes[req.RequestKind.Kind] == nil {
		return nil
	}
	var object map[string]any
	if err := utiljson.Unmarshal(req.Object.Raw, &object); err != nil {
		return nil
	}
	old, err := convert.Convert(object, v1beta1.SchemeGroupVersion.String())
	if err != nil {
		return nil
	}
	return old
}

// changesOf leads from the fields of the object to those that its author wrote.
func changesOf(req *admissionv1.AdmissionRequest) []convert.Change {
	return convert.Changes(asWritten(req))
}

// older returns what a new object of v1beta1 has in places that its schema leaves
// open, and that nothing knows or that cannot be served.
func older(req *admissionv1.AdmissionRequest) manifest.Errors {
	old := asWritten(req)
	if old == nil || req.Operation != admissionv1.Create {
		return nil
	}
	data, err := json.Marshal(old)
	if err != nil {
		return manifest.Errors{{Message: err.Error()}}
	}
	return manifest.Strict(data)
}
