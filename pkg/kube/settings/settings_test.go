package settings

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

func newStore() (*Store, *bytes.Buffer) {
	log := &bytes.Buffer{}
	base := config.RunDefaults{Timeout: &metav1.Duration{Duration: time.Hour}, ServiceAccountName: "default"}
	return NewStore(base, slog.New(slog.NewTextHandler(log, nil))), log
}

func TestKeys(t *testing.T) {
	base, _ := newStore()
	for name, tc := range map[string]struct {
		configMap, key, value string
		want                  func(*Settings)
	}{
		"minutes":            {DefaultsName, "default-timeout-minutes", "5", func(s *Settings) { s.Timeout = &metav1.Duration{Duration: 5 * time.Minute} }},
		"no limit":           {DefaultsName, "default-timeout-minutes", "0", func(s *Settings) { s.Timeout = &metav1.Duration{} }},
		"account":            {DefaultsName, "default-service-account", "ci", func(s *Settings) { s.ServiceAccountName = "ci" }},
		"label":              {DefaultsName, "default-managed-by-label-value", "us", func(s *Settings) { s.ManagedBy = "us" }},
		"template":           {DefaultsName, "default-pod-template", "nodeSelector: {a: b}", func(s *Settings) { s.PodTemplate = &v1.PodTemplate{NodeSelector: map[string]string{"a": "b"}} }},
		"workspace":          {DefaultsName, "default-task-run-workspace-binding", "emptyDir: {}", func(s *Settings) { s.Workspace = &v1.WorkspaceBinding{EmptyDir: &corev1.EmptyDirVolumeSource{}} }},
		"no workspace":       {DefaultsName, "default-task-run-workspace-binding", "", func(*Settings) {}},
		"matrix":             {DefaultsName, "default-max-matrix-combinations-count", "3", func(s *Settings) { s.MaxMatrix = 3 }},
		"forbidden":          {DefaultsName, "default-forbidden-env", "A, B,", func(s *Settings) { s.ForbiddenEnv = []string{"A", "B"} }},
		"resolver":           {DefaultsName, "default-resolver-type", "git", func(s *Settings) { s.Resolver = "git" }},
		"pull":               {DefaultsName, "default-imagepullbackoff-timeout", "5m", func(s *Settings) { s.ImagePullTimeout.Duration = 5 * time.Minute }},
		"create":             {DefaultsName, "default-create-container-error-timeout", "90s", func(s *Settings) { s.CreateContainerTimeout = 90 * time.Second }},
		"credentials":        {FlagsName, "disable-creds-init", "true", func(s *Settings) { s.NoCredentials = true }},
		"hosts":              {FlagsName, "require-git-ssh-secret-known-hosts", "true", func(s *Settings) { s.KnownHosts = true }},
		"inline":             {FlagsName, "disable-inline-spec", "pipeline,taskrun", func(s *Settings) { s.NoInline = []string{"pipeline", "taskrun"} }},
		"not a number":       {DefaultsName, "default-timeout-minutes", "1h", nil},
		"before now":         {DefaultsName, "default-timeout-minutes", "-1", nil},
		"not a name":         {DefaultsName, "default-service-account", "My Account", nil},
		"not a label":        {DefaultsName, "default-managed-by-label-value", "a b", nil},
		"unknown field":      {DefaultsName, "default-pod-template", "nodeSelektor: {}", nil},
		"two volumes":        {DefaultsName, "default-task-run-workspace-binding", "{emptyDir: {}, secret: {secretName: s}}", nil},
		"no volume":          {DefaultsName, "default-task-run-workspace-binding", "subPath: a", nil},
		"no matrix":          {DefaultsName, "default-max-matrix-combinations-count", "0", nil},
		"not a duration":     {DefaultsName, "default-imagepullbackoff-timeout", "5", nil},
		"not a boolean":      {FlagsName, "disable-creds-init", "yes", nil},
		"not a kind of runs": {FlagsName, "disable-inline-spec", "pipelinrun", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, log := newStore()
			s.Apply(tc.configMap, map[string]string{tc.key: tc.value})
			want := *base.Current()
			if tc.want != nil {
				tc.want(&want)
			}
			if diff := cmp.Diff(&want, s.Current()); diff != "" {
				t.Error(diff)
			}
			if refused := strings.Contains(log.String(), tc.key); refused != (tc.want == nil) {
				t.Errorf("log says %q", log)
			}
		})
	}
}

// A slip in one key must change neither it nor the others, until it is mended.
func TestBadValueLeavesTheLastGoodOne(t *testing.T) {
	s, log := newStore()
	const timeout, matrix = "default-timeout-minutes", "default-max-matrix-combinations-count"
	var got []any
	for _, data := range []map[string]string{
		{timeout: "5", matrix: "2"},
		{timeout: "five", matrix: "3"},
		{timeout: "again five", matrix: "3"},
		{matrix: "3"},
		{timeout: "bad"},
		nil,
	} {
		s.Apply(DefaultsName, data)
		got = append(got, s.Current().Timeout.Duration.String(), s.Current().MaxMatrix)
	}
	if diff := cmp.Diff([]any{"5m0s", 2, "5m0s", 3, "5m0s", 3, "1h0m0s", 3, "1h0m0s", 256, "1h0m0s", 256}, got); diff != "" {
		t.Error(diff)
	}
	if want := `msg="default-timeout-minutes must be a whole number of at least 0" configmap=config-defaults value=five stays=5`; !strings.Contains(log.String(), want) {
		t.Errorf("log lacks %s:\n%s", want, log)
	}
}

// The two ConfigMaps are two sources of one snapshot.
func TestConfigMapsDoNotUndoEachOther(t *testing.T) {
	s, _ := newStore()
	s.Apply(DefaultsName, map[string]string{"default-service-account": "ci"})
	s.Apply(FlagsName, map[string]string{"disable-creds-init": "true"})
	if c := s.Current(); c.ServiceAccountName != "ci" || !c.NoCredentials {
		t.Errorf("got account %q, no credentials %t", c.ServiceAccountName, c.NoCredentials)
	}
}

// Who copies Tekton's whole file shall read once what of it does nothing, and a
// slip in a key's name at all.
func TestIdleKeysAreSaidOnce(t *testing.T) {
	s, log := newStore()
	for _, more := range []string{"1", "2"} {
		s.Apply(FlagsName, map[string]string{"enable-api-fields": "alpha", "disable-cred-init": "true", "_example": "x", "max-result-size": more})
	}
	for _, want := range []string{"enable-api-fields (every field is served)", `did you mean \"disable-creds-init\"?`} {
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("%s is said %d times:\n%s", want, n, log)
		}
	}
	if strings.Contains(log.String(), "_example") {
		t.Error("_example is no setting")
	}
}

func TestBind(t *testing.T) {
	s := &Settings{Workspace: &v1.WorkspaceBinding{SubPath: "x", EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	task := &v1.TaskSpec{Workspaces: []v1.WorkspaceDeclaration{{Name: "given"}, {Name: "open"}, {Name: "optional", Optional: true}}}
	given := v1.WorkspaceBinding{Name: "given", Secret: &corev1.SecretVolumeSource{SecretName: "s"}}
	want := []v1.WorkspaceBinding{given, {Name: "open", SubPath: "x", EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	if diff := cmp.Diff(want, s.Bind(task, []v1.WorkspaceBinding{given})); diff != "" {
		t.Error(diff)
	}
	if got := (&Settings{}).Bind(task, nil); got != nil {
		t.Errorf("without a default nothing is bound, got %v", got)
	}
}

func TestResolver(t *testing.T) {
	s := &Settings{Resolver: "hub"}
	named, open, custom := &v1.TaskRef{Name: "n"}, &v1.TaskRef{Kind: "Task"}, &v1.TaskRef{APIVersion: "x/v1", Kind: "K"}
	inner := &v1.PipelineSpec{Finally: []v1.PipelineTask{{TaskSpec: &v1.EmbeddedTask{TaskSpec: v1.TaskSpec{Steps: []v1.Step{{Ref: &v1.Ref{}}, {}}}}}}}
	run := &v1.PipelineRun{Spec: v1.PipelineRunSpec{PipelineSpec: &v1.PipelineSpec{
		Tasks: []v1.PipelineTask{{TaskRef: named}, {TaskRef: open}, {TaskRef: custom}, {PipelineRef: &v1.PipelineRef{}}, {PipelineSpec: inner}}}}}
	s.PipelineRun(run)
	got := []v1.ResolverName{named.Resolver, open.Resolver, custom.Resolver,
		run.Spec.PipelineSpec.Tasks[3].PipelineRef.Resolver, inner.Finally[0].TaskSpec.Steps[0].Ref.Resolver}
	if diff := cmp.Diff([]v1.ResolverName{"", "hub", "", "hub", "hub"}, got); diff != "" {
		t.Error(diff)
	}
}
