package settings

import (
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Finding is what is to be said of one key of a ConfigMap.
type Finding struct {
	Key, Value string
	// Wrong is set for a value that is refused, and Idle for a key that means nothing
	// here: why it is so. Both are empty for a key that nobody knows.
	Wrong, Idle string
	// Hint names the key that was probably meant.
	Hint string
}

// Examine looks at the data of one of the ConfigMaps as a Store would take it.
func Examine(configMap string, data map[string]string) []Finding {
	var found []Finding
	for _, key := range slices.Sorted(maps.Keys(data)) {
		f := Finding{Key: key, Value: data[key], Idle: ignored[configMap][key]}
		if set, acted := keys[configMap][key]; acted {
			err := set(&Settings{}, f.Value)
			if err == nil {
				continue
			}
			f.Wrong = err.Error()
		} else if key == "_example" {
			continue
		} else if f.Idle == "" {
			f.Hint = strings.TrimPrefix(suggest.DidYouMean(key, names(configMap)), "; ")
		}
		found = append(found, f)
	}
	return found
}

func names(configMap string) []string {
	return slices.Concat(slices.Collect(maps.Keys(keys[configMap])), slices.Collect(maps.Keys(ignored[configMap])))
}
