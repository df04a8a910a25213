package admission

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/convert"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
	"github.com/slipway-dev/slipway/pkg/manifest"
)

// Reviewer decides on objects that are about to be stored.
type Reviewer struct {
	// Settings returns what the installation decides now.
	Settings func() *settings.Settings
}

// Review answers one request. It looks at nothing but the request.
func (r Reviewer) Review(req *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	response := &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true}
	given, err := manifest.FromJSON(req.Object.Raw)
	switch {
	case err != nil:
		return refuse(response, req, err)
	case given == nil:
		return response
	}
	if errs := older(req); len(errs) > 0 {
		return refuse(response, req, errs)
	}
	if req.Operation == admissionv1.Update && isRun(given) {
		if errs := r.changed(given, req.OldObject.Raw); len(errs) > 0 {
			return refuse(response, req, errs)
		}
		return response
	}
	object, errs := r.check(given)
	if len(errs) > 0 {
		return refuse(response, req, errs)
	}
	if response.Patch, err = patch(req.Object.Raw, given, object); err != nil {
		return refuse(response, req, manifest.Errors{{Message: err.Error()}})
	}
	if response.Patch != nil {
		response.PatchType = new(admissionv1.PatchTypeJSONPatch)
	}
	return response
}

// check returns a copy of the object with its defaults, and what is wrong with it.
func (r Reviewer) check(given manifest.Object) (manifest.Object, manifest.Errors) {
	object := given.DeepCopyObject().(manifest.Object)
	r.Settings().Complete(object)
	object, wrong := manifest.Check(object)
	var errs manifest.Errors
	for _, e := range wrong {
		errs = append(errs, manifest.Error{Field: e.Field, Message: e.Detail})
	}
	return object, errs
}

// changed returns what an update makes wrong in a run. What was wrong before stays
// out of it, so that a run which got in can be cancelled; and nothing is
// completed, as the spec of a run does not change.
func (r Reviewer) changed(given manifest.Object, old []byte) manifest.Errors {
	_, errs := r.check(given)
	before, err := manifest.FromJSON(old)
	if len(errs) == 0 || err != nil || before == nil {
		return errs
	}
	_, known := r.check(before)
	return slices.DeleteFunc(errs, func(e manifest.Error) bool { return slices.Contains(known, e) })
}

func isRun(o manifest.Object) bool {
	switch o.(type) {
	case *v1.TaskRun, *v1.PipelineRun, *v1beta1.CustomRun:
		return true
	}
	return false
}

// refuse says no with everything that is wrong: as causes, which kubectl prints a
// line each, and as the one line of other clients, which is that of the status of
// a run that came in all the same.
func refuse(response *admissionv1.AdmissionResponse, req *admissionv1.AdmissionRequest, err error) *admissionv1.AdmissionResponse {
	var all manifest.Errors
	if !errors.As(err, &all) {
		all = manifest.Errors{{Message: err.Error()}}
	}
	changes := changesOf(req)
	var lines []string
	details := &metav1.StatusDetails{Group: req.Kind.Group, Kind: req.Kind.Kind, Name: nameOf(req)}
	for _, e := range all {
		e.Field = convert.Origin(changes, e.Field)
		line := e.Message
		if e.Field != "" {
			line = e.Field + ": " + line
		}
		lines = append(lines, line)
		details.Causes = append(details.Causes, metav1.StatusCause{Type: metav1.CauseTypeFieldValueInvalid, Field: e.Field, Message: e.Message})
	}
	response.Allowed = false
	response.Result = &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid,
		Message: strings.Join(lines, "; "), Details: details}
	return response
}

func nameOf(req *admissionv1.AdmissionRequest) string {
	var named struct {
		Metadata struct{ Name, GenerateName string }
	}
	// An object that cannot be read has no name to tell.
	_ = json.Unmarshal(req.Object.Raw, &named)
	for _, name := range []string{req.Name, named.Metadata.Name, named.Metadata.GenerateName} {
		if name != "" {
			return name
		}
	}
	return ""
}
