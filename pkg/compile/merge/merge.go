// Package merge lays what one part of a spec says over what a more general one does.
package merge

import (
	"cmp"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Security takes each field that over leaves open from base.
func Security(base, over *corev1.SecurityContext) *corev1.SecurityContext {
	if base == nil || over == nil {
		return cmp.Or(over, base).DeepCopy()
	}
	out := over.DeepCopy()
	from, to := reflect.ValueOf(base.DeepCopy()).Elem(), reflect.ValueOf(out).Elem()
	for i := range to.NumField() {
		if to.Field(i).IsNil() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return out
}

// Text gives a field without one a text.
func Text[T ~string](field *T, value T) {
	if *field == "" {
		*field = value
	}
}

// By returns the items of base, each replaced by the item of over with the
// same key, and then the rest of over.
func By[T any](base, over []T, key func(T) string) []T {
	out := slices.Clone(base)
	for _, item := range over {
		if i := slices.IndexFunc(out, func(have T) bool { return key(have) == key(item) }); i >= 0 {
			out[i] = item
			continue
		}
		out = append(out, item)
	}
	return out
}
