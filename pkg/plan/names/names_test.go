package names

import (
	"strings"
	"testing"
)

// The names are those that tools which look children up by name expect.
func TestChildNames(t *testing.T) {
	long := strings.Repeat("r", 60)
	for name, tc := range map[string]struct {
		run, task string
		i, n      int
		want      string
	}{
		"short":                     {"ci", "build", 0, 1, "ci-build"},
		"of a matrix":               {"ci", "build", 2, 3, "ci-build-2"},
		"a long run is cut":         {long, "build", 0, 1, "rrrrrrrrrrrrrrrrrrrrrrrrr" + checksum(long) + "-build"},
		"a long task is cut too":    {"run", strings.Repeat("t", 61), 0, 1, "run-" + checksum("run-"+strings.Repeat("t", 61))},
		"a matrix keeps its number": {long, "build", 1, 3, "rrrrrrrrrrrrrrrrrrrrrrr" + checksum(long) + "-build-1"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Child(tc.run, tc.task, tc.i, tc.n)
			if got != tc.want || len(got) > 63 {
				t.Errorf("got %s (%d), want %s", got, len(got), tc.want)
			}
		})
	}
}
