package manifest

import (
	"encoding/json"
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/slipway-dev/slipway/api/tekton/malformed"
)

// FromJSON reads one object as the API server hands it on, without defaults: a
// field that the type does not know is the API server's to judge. The object is
// nil when its kind is not one that is checked here. The error, if any, is of type
// Errors, whose File is empty, and names each field that cannot be read.
func FromJSON(data []byte) (Object, error) {
	var is struct{ APIVersion, Kind string }
	if err := json.Unmarshal(data, &is); err != nil {
		return nil, unreadable(data, err)
	}
	k, ok := kinds[is.APIVersion+" "+is.Kind]
	if !ok || k.validate == nil {
		return nil, nil
	}
	object := k.new()
	if err := json.Unmarshal(data, object); err != nil {
		return nil, unreadable(data, err)
	}
	if o, ok := object.(interface{ Unread() *malformed.Field }); ok && o.Unread() != nil {
		return nil, unreadable(data, o.Unread())
	}
	return object, nil
}

// Check sets the defaults of an object that was read here and returns it, in the
// version that it is stored in, with all that is wrong with it.
func Check(o Object) (Object, field.ErrorList) {
	apiVersion, name := o.GetObjectKind().GroupVersionKind().ToAPIVersionAndKind()
	return kinds[apiVersion+" "+name].validate(o)
}

// unreadable finds the fields at fault: the strict reader knows them all, where
// err knows the first, and that by the name of a Go type.
func unreadable(data []byte, err error) Errors {
	var all, wrong Errors
	_, strict := Decode(data, "")
	errors.As(strict, &all)
	for _, e := range all {
		if !strings.HasPrefix(e.Field, "metadata.managedFields") {
			wrong = append(wrong, Error{Field: e.Field, Message: e.Message})
		}
	}
	if len(wrong) == 0 {
		wrong = Errors{{Message: strings.TrimPrefix(err.Error(), "json: ")}}
	}
	return wrong
}
