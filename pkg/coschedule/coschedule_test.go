package coschedule

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

func TestGroups(t *testing.T) {
	use := func(claims ...string) Use { return Use{Claims: claims, Runs: 1} }
	for name, tc := range map[string]struct {
		uses []Use
		// want numbers the groups, 0 is none.
		want []int
	}{
		"none":                 {[]Use{use(), use()}, []int{0, 0}},
		"nobody to share with": {[]Use{use("a"), use("b"), use()}, []int{0, 0, 0}},
		"shared":               {[]Use{use("a"), use("b"), use("a"), use("b"), use()}, []int{1, 2, 1, 2, 0}},
		"tied by one that is in both, wherever it stands": {[]Use{use("c"), use("a"), use("b", "c"), use("a", "b"), use("z")}, []int{1, 1, 1, 1, 0}},
		"two claims of one alone":                         {[]Use{use("a", "b"), use("c")}, []int{0, 0}},
		"runs of a matrix":                                {[]Use{{Claims: []string{"a"}, Runs: 3}}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			number, got := map[string]int{"": 0}, []int{}
			for _, g := range Groups("owner", tc.uses) {
				if _, known := number[g]; !known {
					number[g] = len(number)
				}
				got = append(got, number[g])
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
	a, b := Groups("one", []Use{use("a"), use("a")}), Groups("two", []Use{use("a"), use("a")})
	if a[0] == b[0] {
		t.Error("runs of different owners are in one group")
	}
}

func TestClaim(t *testing.T) {
	template := func(modes ...corev1.PersistentVolumeAccessMode) v1.WorkspaceBinding {
		return v1.WorkspaceBinding{Name: "w", VolumeClaimTemplate: &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{AccessModes: modes}}}
	}
	for want, b := range map[string]v1.WorkspaceBinding{
		"template/w": template(corev1.ReadWriteOnce),
		"claim/c":    {Name: "w", PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "c"}},
		"":           template(corev1.ReadWriteMany),
	} {
		if got := Claim(b); got != want {
			t.Errorf("%+v is %q, want %q", b, got, want)
		}
	}
	if got := Claim(v1.WorkspaceBinding{Name: "w", EmptyDir: &corev1.EmptyDirVolumeSource{}}); got != "" {
		t.Errorf("an emptyDir is %q", got)
	}
}

// What the user asks of the node stays, and is not changed where it is written.
func TestApply(t *testing.T) {
	const own = `
nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: Exists}]}, {matchExpressions: [{key: gpu, operator: Exists}]}]}}
podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, labelSelector: {matchLabels: {a: b}}}]}
`
	const beside = `{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {slipway.dev/coschedule: g}}}`
	const here = `matchFields: [{key: metadata.name, operator: In, values: [n1]}]`
	for name, tc := range map[string]struct {
		own   string
		place Place
		want  string
	}{
		"no group": {own: own, want: own},
		"group":    {place: Place{Group: "g"}, want: `podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [` + beside + `]}`},
		"alone, and at home": {place: Place{Group: "g", Alone: true, Node: "n1"}, want: `
nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{` + here + `}]}}
podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [` + beside + `]}
podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, namespaceSelector: {},
  labelSelector: {matchExpressions: [{key: slipway.dev/coschedule-alone, operator: Exists}, {key: slipway.dev/coschedule-alone, operator: NotIn, values: [g]}]}}]}`},
		"beside the user's": {own: own, place: Place{Group: "g", Node: "n1"}, want: `
nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: Exists}], ` + here + `}, {matchExpressions: [{key: gpu, operator: Exists}], ` + here + `}]}}
podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, labelSelector: {matchLabels: {a: b}}}, ` + beside + `]}`},
	} {
		t.Run(name, func(t *testing.T) {
			parse := func(text string) *corev1.Affinity {
				if text == "" {
					return nil
				}
				a := &corev1.Affinity{}
				if err := yaml.UnmarshalStrict([]byte(text), a); err != nil {
					t.Fatal(err)
				}
				return a
			}
			written := parse(tc.own)
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: corev1.PodSpec{Affinity: written}}
			tc.place.Apply(pod)
			if diff := cmp.Diff(parse(tc.want), pod.Spec.Affinity); diff != "" {
				t.Errorf("affinity (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(parse(tc.own), written); diff != "" {
				t.Errorf("the user's own was changed (-want +got):\n%s", diff)
			}
			if alone := pod.Labels[AloneLabel] != ""; alone != tc.place.Alone {
				t.Errorf("labels: %v", pod.Labels)
			}
		})
	}
}
