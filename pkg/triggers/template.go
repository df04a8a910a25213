package triggers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/json"

	"github.com/slipway-dev/slipway/api/triggers/v1beta1"
	"github.com/slipway-dev/slipway/pkg/suggest"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// Origin is what an object is made for.
type Origin struct {
	Listener, EventID string
	// Namespace is the Trigger's, and that of objects that name none.
	Namespace string
	// Trigger is its name; may be empty.
	Trigger string
	// Place tells Triggers of an EventListener apart, also those without a name.
	Place string
}

// Object is one that a template makes.
type Object struct {
	Content map[string]any
	// Named is whether the template gives the whole name, so that an object of that name
	// may be somebody else's.
	Named bool
}

const (
	paramPrefix = "tt.params."
	uid         = "uid"
	// maxName is the longest name that fits into a label.
	maxName = 63
)

// Objects makes the objects of a template. Their names are of the event and the Trigger, so
// that what is made twice has the same name.
func Objects(template *v1beta1.TriggerTemplateSpec, values map[string]Value, o Origin) ([]Object, error) {
	var out []Object
	for i, t := range template.ResourceTemplates {
		object, err := o.object(t.Raw, values, i)
		if err != nil {
			return nil, fmt.Errorf("resourcetemplates[%d]: %w", i, err)
		}
		out = append(out, object)
	}
	return out, nil
}

func (o Origin) object(raw []byte, values map[string]Value, number int) (Object, error) {
	content := map[string]any{}
	if err := json.Unmarshal(raw, &content); err != nil {
		return Object{}, err
	}
	f := newFilling(content, values, o.uid())
	filled, err := f.fill(content, nil)
	if err != nil {
		return Object{}, err
	}
	content = filled.(map[string]any)
	kind, _ := content["kind"].(string)
	if version, _ := content["apiVersion"].(string); kind == "" || version == "" {
		return Object{}, fmt.Errorf("apiVersion and kind are needed")
	}
	meta, err := child(content, "metadata")
	if err != nil {
		return Object{}, err
	}
	named, err := o.name(meta, number)
	if err != nil {
		return Object{}, err
	}
	if ns, _ := meta["namespace"].(string); ns == "" {
		meta["namespace"] = o.Namespace
	}
	if err := o.label(meta); err != nil {
		return Object{}, err
	}
	return Object{content, named}, f.complete(content, meta)
}

// name gives an object that has only a prefix the rest of its name.
func (o Origin) name(meta map[string]any, number int) (named bool, err error) {
	if name, _ := meta["name"].(string); name != "" {
		return true, nil
	}
	prefix, _ := meta["generateName"].(string)
	if prefix == "" {
		return false, fmt.Errorf("metadata: name or generateName is needed")
	}
	digits := o.sum(strconv.Itoa(number))[:10]
	meta["name"] = prefix[:min(len(prefix), maxName-len(digits))] + digits
	delete(meta, "generateName")
	return false, nil
}

// sum is of what the object is made for.
func (o Origin) sum(what string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{o.EventID, o.Namespace, o.Place, what}, "\x00")))
	return hex.EncodeToString(sum[:])
}

// uid is the same in all objects of a Trigger, in the form of a UUID of version 8, which is
// anybody's own (RFC 9562).
func (o Origin) uid() string {
	s := o.sum(uid)
	return s[:8] + "-" + s[8:12] + "-8" + s[13:16] + "-a" + s[17:20] + "-" + s[20:32]
}

func (o Origin) label(meta map[string]any) error {
	labels, err := child(meta, "labels")
	if err != nil {
		return err
	}
	labels[v1beta1.LabelEventListener], labels[v1beta1.LabelEventID] = o.Listener, o.EventID
	if o.Trigger != "" && len(o.Trigger) <= maxName {
		labels[v1beta1.LabelTrigger] = o.Trigger
	}
	return nil
}

// child is the object in a field, which is made where there is none.
func child(of map[string]any, name string) (map[string]any, error) {
	if of[name] == nil {
		of[name] = map[string]any{}
	}
	object, ok := of[name].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is no object", name)
	}
	return object, nil
}

// way is how a value of a stranger comes into a part of an object.
type way int

const (
	// asText puts it there as it is.
	asText way = iota
	// asParam makes it a param of the run: whoever puts it into a script knows then what it is.
	asParam
	// refused is where it could become code and no param would help.
	refused
)

// filling puts values into one object.
type filling struct {
	values map[string]Value
	uid    string
	// code is the field below spec that holds what is run, and inCode how values come there.
	code   string
	inCode way
	// isRun is whether the object is one that can have params.
	isRun bool
	// params are those that the run gets, and names theirs by the param that they are of.
	params []any
	names  map[string]string
	// foreign are the parts of values that the request chose.
	foreign []string
}

func newFilling(content map[string]any, values map[string]Value, uid string) *filling {
	f := &filling{values: values, uid: uid, names: map[string]string{}}
	version, _ := content["apiVersion"].(string)
	kind, _ := content["kind"].(string)
	if !strings.HasPrefix(version, "tekton.dev/") {
		return f
	}
	switch kind {
	case "PipelineRun":
		f.isRun, f.code, f.inCode = true, "pipelineSpec", asParam
	case "TaskRun":
		f.isRun, f.code, f.inCode = true, "taskSpec", asParam
	case "Pipeline", "Task", "StepAction":
		f.inCode = refused
	}
	return f
}

func (f *filling) way(path []string) way {
	inside := len(path) > 0 && path[0] == "spec" && (f.code == "" || len(path) > 1 && path[1] == f.code)
	if inside {
		return f.inCode
	}
	return asText
}

// fill returns v with values in its texts.
func (f *filling) fill(v any, path []string) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if strings.Contains(key, "$("+paramPrefix) {
				return nil, fmt.Errorf("%s: a param cannot be the name of a field", strings.Join(append(path, key), "."))
			}
			filled, err := f.fill(v[key], append(slices.Clip(path), key))
			if err != nil {
				return nil, err
			}
			out[key] = filled
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i := range v {
			filled, err := f.fill(v[i], append(slices.Clip(path), strconv.Itoa(i)))
			if err != nil {
				return nil, err
			}
			out[i] = filled
		}
		return out, nil
	case string:
		text, err := f.text(v, path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", strings.Join(path, "."), err)
		}
		return text, nil
	}
	return v, nil
}

// text puts values into a text. All that is not $(tt.params.x) or $(uid) is somebody else's.
func (f *filling) text(text string, path []string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$(")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, ")")
		param, isParam := strings.CutPrefix(name, paramPrefix)
		switch {
		case closed && name == uid:
			b.WriteString(f.uid)
		case closed && isParam:
			value, err := f.value(param, path)
			if err != nil {
				return "", err
			}
			b.WriteString(value)
		default:
			b.WriteString("$(")
			after = rest
		}
		text = after
	}
}

// value is what stands for a param at a place.
func (f *filling) value(name string, path []string) (string, error) {
	v, ok := f.values[name]
	if !ok {
		return "", fmt.Errorf("no binding gives param %q, and it has no default%s", name, suggest.DidYouMean(name, slices.Sorted(maps.Keys(f.values))))
	}
	f.foreign = append(f.foreign, v.Foreign...)
	if !slices.ContainsFunc(v.Foreign, func(s string) bool { return !untrusted.IsSafe(s) }) {
		return v.Text, nil
	}
	switch f.way(path) {
	case asText:
		return v.Text, nil
	case refused:
		return "", fmt.Errorf("the value of param %q comes from the request and has characters that code would act on: make a run, and give it the value as a param", name)
	}
	if path[len(path)-1] == "cel" {
		return "", fmt.Errorf("the value of param %q has characters with a meaning of their own in an expression: compare by input and values", name)
	}
	if f.names[name] == "" {
		f.names[name] = fmt.Sprintf("slipway-event-%d", len(f.names)+1)
		f.params = append(f.params, map[string]any{"name": f.names[name], "value": v.Text})
	}
	return "$(params." + f.names[name] + ")", nil
}

// complete hands a run its params, and tells which values strangers chose.
func (f *filling) complete(content, meta map[string]any) error {
	if !f.isRun {
		return nil
	}
	if len(f.params) > 0 {
		spec, err := child(content, "spec")
		if err != nil {
			return err
		}
		own, ok := spec["params"].([]any)
		if !ok && spec["params"] != nil {
			return fmt.Errorf("spec.params is no list")
		}
		spec["params"] = append(own, f.params...)
	}
	annotations, err := child(meta, "annotations")
	if err != nil {
		return err
	}
	// What the template says of these is not so.
	delete(annotations, untrusted.Annotation)
	if text := untrusted.Encode(f.foreign); text != "" {
		annotations[untrusted.Annotation] = text
	}
	return nil
}
