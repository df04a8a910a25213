package entrypoint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// What a step leaves as result or artifacts is read or refused, whatever it is.
func FuzzRefs(f *testing.F) {
	f.Add([]byte(`{"outputs": [{"name": "image", "values": [{"uri": "a", "digest": {"sha256": "ab"}}]}]}`), "image", 0)
	f.Add([]byte(`["a", "b"]`), "", 1)
	f.Add([]byte(`{"k": "v"}`), "k", -1)
	f.Fuzz(func(t *testing.T, data []byte, key string, index int) {
		file := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, section := range []string{"inputs", "outputs"} {
			list, ok := load(contract.Ref{File: file, Artifacts: section, Key: key})
			if ok && !json.Valid([]byte(list[0])) {
				t.Errorf("not JSON: %q", list)
			}
		}
		for _, ref := range []contract.Ref{{File: file}, {File: file, All: true}, {File: file, Index: &index}, {File: file, Key: key}} {
			if list, ok := load(ref); ok && !ref.All && len(list) != 1 {
				t.Errorf("%+v is %d values", ref, len(list))
			}
		}
	})
}
