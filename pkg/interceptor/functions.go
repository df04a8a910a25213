package interceptor

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"google.golang.org/protobuf/types/known/structpb"
	"sigs.k8s.io/yaml"
)

// maxText bounds what a function makes, in bytes.
const maxText = 4 << 20

// functions are those of
// https://tekton.dev/docs/triggers/cel_expressions/#list-of-extension-functions.
func functions() []cel.EnvOption {
	object, list := cel.MapType(cel.StringType, cel.DynType), cel.ListType(cel.DynType)
	text := cel.StringType
	member := func(name, id string, args []*cel.Type, result *cel.Type, binding cel.OverloadOpt) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload(id, args, result, binding))
	}
	return []cel.EnvOption{
		member("match", "match_header", []*cel.Type{object, text, text}, cel.BoolType, cel.FunctionBinding(func(args ...ref.Val) ref.Val {
			return types.Bool(headerOf(args[0], args[1]) == string(args[2].(types.String)))
		})),
		member("canonical", "canonical_header", []*cel.Type{object, text}, text, cel.BinaryBinding(func(header, name ref.Val) ref.Val {
			return types.String(headerOf(header, name))
		})),
		member("truncate", "truncate_string", []*cel.Type{text, cel.IntType}, text, cel.BinaryBinding(truncate)),
		member("decodeb64", "decodeb64_string", []*cel.Type{text}, text, cel.UnaryBinding(decodeBase64)),
		member("parseJSON", "parse_json", []*cel.Type{text}, object, cel.UnaryBinding(parser("JSON", func(s string) (map[string]any, error) {
			var out map[string]any
			err := json.Unmarshal([]byte(s), &out)
			return out, err
		}))),
		member("parseYAML", "parse_yaml", []*cel.Type{text}, object, cel.UnaryBinding(parser("YAML", func(s string) (map[string]any, error) {
			var out map[string]any
			err := yaml.Unmarshal([]byte(s), &out)
			return out, err
		}))),
		member("parseURL", "parse_url", []*cel.Type{text}, object, cel.UnaryBinding(parser("URL", parseURL))),
		cel.Function("marshalJSON",
			cel.MemberOverload("marshal_json_map", []*cel.Type{object}, text, cel.UnaryBinding(marshalJSON)),
			cel.MemberOverload("marshal_json_list", []*cel.Type{list}, text, cel.UnaryBinding(marshalJSON))),
		member("first", "first_of_list", []*cel.Type{list}, cel.DynType, cel.UnaryBinding(func(v ref.Val) ref.Val { return element(v, false) })),
		member("last", "last_of_list", []*cel.Type{list}, cel.DynType, cel.UnaryBinding(func(v ref.Val) ref.Val { return element(v, true) })),
		member("translate", "translate_string", []*cel.Type{text, text, text}, text, cel.FunctionBinding(translate)),
	}
}

// compareSecret compares with a value that secret reads, in constant time.
func compareSecret(secret func(key, name, namespace string) ([]byte, error)) cel.EnvOption {
	compare := func(args ...ref.Val) ref.Val {
		texts := make([]string, 4)
		for i, a := range args {
			texts[i] = string(a.(types.String))
		}
		value, err := secret(texts[1], texts[2], texts[3])
		if err != nil {
			return types.NewErr("compareSecret: %s", err)
		}
		return types.Bool(subtle.ConstantTimeCompare(value, []byte(texts[0])) == 1)
	}
	text := cel.StringType
	return cel.Function("compareSecret",
		cel.MemberOverload("compare_secret", []*cel.Type{text, text, text}, cel.BoolType, cel.FunctionBinding(compare)),
		cel.MemberOverload("compare_secret_of_namespace", []*cel.Type{text, text, text, text}, cel.BoolType, cel.FunctionBinding(compare)))
}

// headerOf is the first value of a header, whatever the case of its name; empty for none.
func headerOf(header, name ref.Val) string {
	values, found := header.(traits.Mapper).Find(types.String(http.CanonicalHeaderKey(string(name.(types.String)))))
	if !found {
		return ""
	}
	list, ok := values.(traits.Lister)
	if !ok || list.Size() == types.IntZero {
		return ""
	}
	s, _ := list.Get(types.IntZero).(types.String)
	return string(s)
}

func truncate(s, n ref.Val) ref.Val {
	text, most := string(s.(types.String)), int64(n.(types.Int))
	if most < 0 {
		return types.NewErr("truncate: a length cannot be negative")
	}
	if int64(len(text)) <= most {
		return s
	}
	return types.String(strings.ToValidUTF8(text[:most], ""))
}

func decodeBase64(s ref.Val) ref.Val {
	data, err := base64.StdEncoding.DecodeString(string(s.(types.String)))
	if err != nil {
		return types.NewErr("decodeb64: %s", err)
	}
	return types.String(strings.ToValidUTF8(string(data), "\uFFFD"))
}

// parser makes an object of a text.
func parser(what string, parse func(string) (map[string]any, error)) func(ref.Val) ref.Val {
	return func(s ref.Val) ref.Val {
		out, err := parse(string(s.(types.String)))
		if err != nil {
			return types.NewErr("parse%s: %s", what, err)
		}
		return types.DefaultTypeAdapter.NativeToValue(out)
	}
}

func parseURL(s string) (map[string]any, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, err
	}
	lists, joined := map[string]any{}, map[string]any{}
	for name, values := range u.Query() {
		lists[name], joined[name] = values, strings.Join(values, ",")
	}
	out := map[string]any{"scheme": u.Scheme, "host": u.Host, "path": u.Path, "rawQuery": u.RawQuery, "fragment": u.Fragment,
		"query": joined, "queryStrings": lists}
	if u.User != nil {
		password, _ := u.User.Password()
		out["auth"] = map[string]any{"username": u.User.Username(), "password": password}
	}
	return out, nil
}

func marshalJSON(v ref.Val) ref.Val {
	as := reflect.TypeFor[*structpb.Struct]()
	if _, ok := v.(traits.Lister); ok {
		as = reflect.TypeFor[*structpb.ListValue]()
	}
	out, err := v.ConvertToNative(as)
	if err != nil {
		return types.NewErr("marshalJSON: %s", err)
	}
	data, err := json.Marshal(out)
	if err != nil {
		return types.NewErr("marshalJSON: %s", err)
	}
	return types.String(data)
}

func element(v ref.Val, last bool) ref.Val {
	list := v.(traits.Lister)
	size := list.Size().(types.Int)
	switch {
	case size == 0:
		return types.NewErr("the list is empty")
	case last:
		return list.Get(size - 1)
	}
	return list.Get(types.IntZero)
}

func translate(args ...ref.Val) ref.Val {
	text, with := string(args[0].(types.String)), string(args[2].(types.String))
	pattern, err := regexp.Compile(string(args[1].(types.String)))
	if err != nil {
		return types.NewErr("translate: %s", err)
	}
	if (len(text)+1)*len(with) > maxText {
		return types.NewErr("translate: %s", fmt.Sprintf("the result could be larger than %d MiB", maxText>>20))
	}
	return types.String(pattern.ReplaceAllString(text, with))
}

// costs tells what these functions take: the texts that they read and make. Of all else CEL
// knows it.
type costs struct{}

var counted = map[string]bool{"decodeb64": true, "parseJSON": true, "parseYAML": true, "parseURL": true, "marshalJSON": true, "translate": true}

// textsPerUnit is how many bytes are one unit, as for CEL's own functions.
const textsPerUnit = 10

// CallCost implements interpreter.ActualCostEstimator.
func (costs) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	if !counted[function] {
		return nil
	}
	size := 0
	for _, v := range append(args[:len(args):len(args)], result) {
		if s, ok := v.(types.String); ok {
			size += len(s)
		}
	}
	work := uint64(1 + size/textsPerUnit)
	return &work
}
