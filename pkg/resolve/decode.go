package resolve

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/convert"
)

// decode reads the first object of a document, which is to be of that kind. A
// field that is not known is passed over, as the API server does it.
func decode(content []byte, kind string, into object) error {
	text, err := firstObject(content)
	if err != nil {
		return err
	}
	var head metav1.TypeMeta
	if err := yaml.Unmarshal(text, &head); err != nil {
		return fmt.Errorf("is not YAML: %w", err)
	}
	group, version, _ := strings.Cut(head.APIVersion, "/")
	switch {
	case head.Kind == "" && head.APIVersion == "":
		return fmt.Errorf("is no %s: it has neither apiVersion nor kind", kind)
	case group != v1.GroupName || !knownVersion(version, kind):
		return fmt.Errorf("is of apiVersion %q, and a %s of %s is needed", head.APIVersion, kind, v1.GroupName)
	case head.Kind != kind:
		return fmt.Errorf("is a %s, and a %s is needed", head.Kind, kind)
	}
	if version == "v1beta1" && kind != v1beta1.KindStepAction {
		if text, err = upToDate(text); err != nil {
			return err
		}
	}
	if err := read(text, into); err != nil {
		return fmt.Errorf("is no %s: %w", kind, err)
	}
	into.SetDefaults()
	return nil
}

func read(text []byte, into object) error {
	if err := yaml.Unmarshal(text, into); err != nil {
		return err
	}
	if f := unread(into); f != nil {
		return f
	}
	return nil
}

// knownVersion reports whether objects of that version can be read here.
func knownVersion(version, kind string) bool {
	switch version {
	case "v1beta1":
		return true
	case "v1":
		return kind != v1beta1.KindStepAction
	case "v1alpha1":
		return kind == v1beta1.KindStepAction
	}
	return false
}

// firstObject skips what holds comments alone.
func firstObject(content []byte) ([]byte, error) {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("is empty")
		}
		if err != nil {
			return nil, fmt.Errorf("is not YAML: %w", err)
		}
		var any any
		if err := yaml.Unmarshal(text, &any); err != nil {
			return nil, fmt.Errorf("is not YAML: %w", err)
		}
		if any != nil {
			return text, nil
		}
	}
}

// upToDate makes a v1beta1 Task or Pipeline v1.
func upToDate(text []byte) ([]byte, error) {
	var old map[string]any
	if err := yaml.Unmarshal(text, &old); err != nil {
		return nil, err
	}
	if problems := convert.Refused(old); len(problems) > 0 {
		return nil, fmt.Errorf("cannot be run: %w", problems[0])
	}
	object, err := convert.Convert(old, v1.SchemeGroupVersion.String())
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(object)
}
