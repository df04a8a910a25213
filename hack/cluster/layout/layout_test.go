package layout

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestChoose(t *testing.T) {
	for _, tc := range []struct {
		why            string
		taken          []string
		pods, services string
		link           string
		wantErr        string
	}{
		{why: "nothing taken: the usual ranges", pods: "10.244.0.0/24", services: "10.96.0.0/24", link: "slipway244-0"},
		{why: "a default route takes nothing", taken: []string{"0.0.0.0/0"}, pods: "10.244.0.0/24", services: "10.96.0.0/24", link: "slipway244-0"},
		{why: "another cluster of ours: the next ones", taken: []string{"10.244.0.0/24", "10.96.0.0/24"}, pods: "10.244.1.0/24", services: "10.96.1.0/24", link: "slipway244-1"},
		{why: "another Kubernetes with the usual /16", taken: []string{"10.244.0.0/16"}, pods: "10.245.0.0/24", services: "10.96.0.0/24", link: "slipway245-0"},
		{why: "all of 10/8 is routed away", taken: []string{"10.0.0.0/8"}, wantErr: "no free /24"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			var taken []netip.Prefix
			for _, p := range tc.taken {
				taken = append(taken, netip.MustParsePrefix(p))
			}
			got, err := Choose(taken, 1500)
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Fatalf("Choose: error %v, want %q", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Pods.String() != tc.pods || got.Services.String() != tc.services || got.Link != tc.link {
				t.Errorf("Choose = %+v, want %s %s %s", got, tc.pods, tc.services, tc.link)
			}
			if len(got.Link) > 15 {
				t.Errorf("link %q is longer than the kernel's 15 bytes", got.Link)
			}
		})
	}
}

func example(t *testing.T, state string) *Layout {
	t.Helper()
	network, err := Choose(nil, 1400)
	if err != nil {
		t.Fatal(err)
	}
	return &Layout{State: state, Network: network}
}

// TestFiles holds every rendered file, so that a change of a template is seen.
func TestFiles(t *testing.T) {
	l := example(t, "/state")
	var got strings.Builder
	targets := l.targets()
	for _, target := range slices.Sorted(maps.Keys(targets)) {
		data, err := render(targets[target], l)
		if err != nil {
			t.Fatal(err)
		}
		got.WriteString("-- " + target + " --\n" + string(data))
	}
	components, err := json.MarshalIndent(l.Components(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got.WriteString("-- components --\n" + string(components) + "\n")
	golden := filepath.Join("testdata", "files.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("files differ (-want +got):\n%s", diff)
	}
}

func TestWriteEverything(t *testing.T) {
	l := example(t, t.TempDir())
	if err := l.WritePKI(time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := l.WriteFiles([]byte("nameserver 192.0.2.1\n")); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(l.Path("pki/ca.crt"))
	if err != nil || !roots.AppendCertsFromPEM(ca) {
		t.Fatalf("ca.crt: %v", err)
	}
	data, err := os.ReadFile(l.Path("pki/apiserver.crt"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kubernetes.default.svc", l.Node().String(), l.APIService().String()} {
		if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("the API server's certificate is not good for %s: %v", name, err)
		}
	}
	if info, err := os.Stat(l.Kubeconfig()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("kubeconfig: mode %v, error %v; want 0600, for it holds the administrator's key", info.Mode(), err)
	}
	before, _ := os.ReadFile(l.Kubeconfig())
	if err := l.WritePKI(time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := l.WriteFiles([]byte("nameserver 192.0.2.1\n")); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(l.Kubeconfig()); string(after) != string(before) {
		t.Error("a second run changed the kubeconfig, which would lock out whoever holds the first")
	}
}

func TestLoadWhatWasSaved(t *testing.T) {
	l := example(t, t.TempDir())
	if _, ok, err := Load(l.State); ok || err != nil {
		t.Fatalf("Load of an empty folder: %v, %v", ok, err)
	}
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	got, ok, err := Load(l.State)
	if err != nil || !ok || *got != *l {
		t.Errorf("Load = %+v, %v, %v; want %+v", got, ok, err, l)
	}
}

func TestUsableResolvConf(t *testing.T) {
	for _, tc := range []struct {
		why, in, want string
		ok            bool
	}{
		{why: "an outside resolver stays", in: "search a.b\nnameserver 192.0.2.7\n", want: "search a.b\nnameserver 192.0.2.7\n", ok: true},
		{why: "systemd's stub listens on the machine only", in: "nameserver 127.0.0.53\noptions edns0\n", want: "options edns0\n"},
		{why: "the one that others reach is kept", in: "nameserver ::1\nnameserver 192.0.2.7", want: "nameserver 192.0.2.7", ok: true},
	} {
		if got, ok := UsableResolvConf(tc.in); got != tc.want || ok != tc.ok {
			t.Errorf("%s: %q, %v; want %q, %v", tc.why, got, ok, tc.want, tc.ok)
		}
	}
}
