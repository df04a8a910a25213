package cost

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRequests(t *testing.T) {
	line := func(user, agent, verb, ns, at string) string {
		return `{"stage":"ResponseComplete","verb":"` + verb + `","userAgent":"` + agent + `","user":{"username":"` + user +
			`"},"objectRef":{"namespace":"` + ns + `"},"requestReceivedTimestamp":"` + at + `"}` + "\n"
	}
	const late, early = "2026-01-02T00:00:01.5Z", "2026-01-01T00:00:00Z"
	log := filepath.Join(t.TempDir(), "audit.log")
	text := line("system:serviceaccount:slipway-system:controller", "c", "create", "bench", late) +
		line("system:serviceaccount:slipway-system:controller", "c", "create", "bench", late) +
		line("system:serviceaccount:slipway-system:controller", "c", "watch", "bench", late) +
		line("system:serviceaccount:slipway-system:controller", "c", "create", "other", late) +
		line("system:serviceaccount:slipway-system:controller", "c", "create", "bench", early) +
		line("system:node:node", "kubelet", "patch", "bench", late) +
		line("admin", "slipway-bench", "create", "bench", late) +
		`{"stage":"Respon`
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := requests(log, "bench", time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]float64{"controller create": 1, "node patch": 0.5}, got); diff != "" {
		t.Error(diff)
	}
}
