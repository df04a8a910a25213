package convert

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// filler gives random values to the fields of Go types, so that what a field's
// addition forgets is found.
type filler struct{ *rand.Rand }

// fill sets v, which is settable; depth bounds what is nested.
func (f filler) fill(v reflect.Value, depth int) {
	if f.special(v) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if depth > 0 && f.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), depth-1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type() != reflect.TypeFor[metav1.TypeMeta]() {
				f.fill(v.Field(i), depth)
			}
		}
	case reflect.Slice:
		for n := f.IntN(3); depth > 0 && n > 0; n-- {
			e := reflect.New(v.Type().Elem()).Elem()
			f.fill(e, depth-1)
			v.Set(reflect.Append(v, e))
		}
	case reflect.Map:
		if depth == 0 || f.IntN(2) == 0 {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		key.SetString(f.word())
		f.fill(value, depth-1)
		v.SetMapIndex(key, value)
	case reflect.String:
		if f.IntN(2) > 0 {
			v.SetString(f.word())
		}
	case reflect.Bool:
		v.SetBool(f.IntN(2) > 0)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(f.Int64N(1 << 30))
	case reflect.Uint8:
		v.SetUint(f.Uint64N(256))
	}
}

// special fills the types that read and write themselves.
func (f filler) special(v reflect.Value) bool {
	switch p := v.Addr().Interface().(type) {
	case *metav1.Time:
		*p = metav1.Unix(f.Int64N(1<<31), 0)
	case *metav1.MicroTime:
		*p = metav1.NewMicroTime(time.Unix(f.Int64N(1<<31), 0))
	case *metav1.Duration:
		p.Duration = time.Duration(f.Int64N(1 << 40))
	case *resource.Quantity:
		*p = *resource.NewQuantity(f.Int64N(1<<40), resource.DecimalSI)
	case *intstr.IntOrString:
		*p = intstr.FromInt32(f.Int32N(1 << 16))
	case *runtime.RawExtension:
		p.Raw = fmt.Appendf(nil, `{"resources": %d, "x.y[0]": [null, {"timeout": "1h"}]}`, f.IntN(100))
	case *metav1.FieldsV1:
		p.SetRawString(`{"f:spec":{}}`)
	case *v1.ParamValue:
		*p = []v1.ParamValue{*v1.NewString(f.word()), *v1.NewArray(f.word(), ""), *v1.NewObject(map[string]string{"k": f.word()})}[f.IntN(3)]
	default:
		return false
	}
	return true
}

func (f filler) word() string {
	words := []string{"a", "resources", "bundle", "timeout", "spec.steps[0]", "ä \"x\"", "bundles", "1h"}
	return words[f.IntN(len(words))]
}

// random is a v1 object of that kind, as JSON has it.
func random(t *testing.T, kind string, r *rand.Rand) map[string]any {
	t.Helper()
	o := map[string]func() any{
		v1.KindTask: func() any { return &v1.Task{} }, v1.KindTaskRun: func() any { return &v1.TaskRun{} },
		v1.KindPipeline: func() any { return &v1.Pipeline{} }, v1.KindPipelineRun: func() any { return &v1.PipelineRun{} },
	}[kind]()
	filler{r}.fill(reflect.ValueOf(o).Elem(), 5)
	return asJSON(t, o, map[string]any{"apiVersion": newest, "kind": kind})
}

// asJSON is the object as JSON has it, with those fields set.
func asJSON(t *testing.T, o any, set map[string]any) map[string]any {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var obj map[string]any
	if err := utiljson.Unmarshal(data, &obj); err != nil {
		t.Fatal(err)
	}
	for k, v := range set {
		obj[k] = v
	}
	return obj
}
