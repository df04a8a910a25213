package newrun

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

var ci = &v1.Pipeline{
	ObjectMeta: metav1.ObjectMeta{Name: "ci"},
	Spec: v1.PipelineSpec{
		Params: v1.ParamSpecs{
			{Name: "revision", Description: "what to build.\nA branch or tag."},
			{Name: "flags", Type: v1.ParamTypeArray, Default: v1.NewArray()},
			{Name: "git", Default: v1.NewObject(map[string]string{"url": ""})},
			{Name: "mode", Enum: []string{"fast", "full"}, Default: v1.NewString("fast")},
		},
		Workspaces: []v1.PipelineWorkspaceDeclaration{{Name: "source"}, {Name: "cache", Optional: true}},
	},
}

func TestOfPipeline(t *testing.T) {
	last := &v1.PipelineRun{Spec: v1.PipelineRunSpec{
		Params:     v1.Params{{Name: "revision", Value: *v1.NewString("v1")}, {Name: "mode", Value: *v1.NewString("full")}},
		Workspaces: []v1.WorkspaceBinding{{Name: "source", EmptyDir: &corev1.EmptyDirVolumeSource{}}},
	}}
	run, err := OfPipeline(ci, last, Options{
		Params:         []string{"revision=a=b", "flags=-v,-x", "flags=-y", "git=url:https://h/x.git,depth:1"},
		Workspaces:     []string{"name=cache,claimName=c,subPath=go"},
		Labels:         []string{"team=a"},
		ServiceAccount: "builder",
		Prefix:         "nightly-",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &v1.PipelineRun{
		TypeMeta:   metav1.TypeMeta{APIVersion: "tekton.dev/v1", Kind: "PipelineRun"},
		ObjectMeta: metav1.ObjectMeta{GenerateName: "nightly-", Labels: map[string]string{"team": "a"}},
		Spec: v1.PipelineRunSpec{
			PipelineRef: &v1.PipelineRef{Name: "ci"},
			Params: v1.Params{
				{Name: "revision", Value: *v1.NewString("a=b")}, // in place of the last run's
				{Name: "mode", Value: *v1.NewString("full")},    // as in the last run
				{Name: "flags", Value: *v1.NewArray("-v", "-x", "-y")},
				{Name: "git", Value: *v1.NewObject(map[string]string{"url": "https://h/x.git", "depth": "1"})},
			},
			TaskRunTemplate: v1.PipelineTaskRunTemplate{ServiceAccountName: "builder"},
			Workspaces: []v1.WorkspaceBinding{
				{Name: "source", EmptyDir: &corev1.EmptyDirVolumeSource{}},
				{Name: "cache", SubPath: "go", PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "c"}},
			},
		},
	}
	if diff := cmp.Diff(want, run); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if last.Spec.Params[0].Value.StringVal != "v1" {
		t.Error("the last run was changed")
	}
}

func TestRefused(t *testing.T) {
	good := Options{Params: []string{"revision=main"}, Workspaces: []string{"name=source,emptyDir="}}
	tests := []struct {
		why    string
		change func(*Options)
		want   string
	}{
		{"nothing wrong", func(*Options) {}, ""},
		{"a param is missing", func(o *Options) { o.Params = nil }, `pipeline "ci" needs param "revision" (what to build): give it with -p revision=VALUE`},
		{"a workspace is missing", func(o *Options) { o.Workspaces = nil }, `needs workspace "source": give it with -w name=source,`},
		{"a slip in a param", func(o *Options) { o.Params = append(o.Params, "revison=x") }, `no param named "revison"; did you mean "revision"?`},
		{"a slip in a workspace", func(o *Options) { o.Workspaces = append(o.Workspaces, "name=sources,emptyDir=") }, `no workspace named "sources"; did you mean "source"?`},
		{"no value", func(o *Options) { o.Params = append(o.Params, "mode") }, "--param mode: write NAME=VALUE"},
		{"a string twice", func(o *Options) { o.Params = append(o.Params, "revision=x") }, "--param revision is given twice"},
		{"not in the enum", func(o *Options) { o.Params = append(o.Params, "mode=ful") }, `must be one of fast, full, not "ful"; did you mean "full"?`},
		{"an object without keys", func(o *Options) { o.Params = append(o.Params, "git=x") }, "--param git is an object: write git=KEY:VALUE,KEY:VALUE"},
		{"a label without value", func(o *Options) { o.Labels = []string{"x"} }, "--labels x: write KEY=VALUE"},
	}
	for _, test := range tests {
		o := good
		test.change(&o)
		_, err := OfPipeline(ci, nil, o)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.why, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: error %v, want %q", test.why, err, test.want)
		}
	}
}

func TestWorkspace(t *testing.T) {
	tests := []struct {
		arg  string
		want func(*v1.WorkspaceBinding)
		err  string
	}{
		{arg: "name=w,emptyDir=", want: func(w *v1.WorkspaceBinding) { w.EmptyDir = &corev1.EmptyDirVolumeSource{} }},
		{arg: "name=w,emptyDir=Memory", want: func(w *v1.WorkspaceBinding) { w.EmptyDir = &corev1.EmptyDirVolumeSource{Medium: "Memory"} }},
		{arg: "name=w,secret=s,item=k=p/q", want: func(w *v1.WorkspaceBinding) {
			w.Secret = &corev1.SecretVolumeSource{SecretName: "s", Items: []corev1.KeyToPath{{Key: "k", Path: "p/q"}}}
		}},
		{arg: "name=w,config=c", want: func(w *v1.WorkspaceBinding) {
			w.ConfigMap = &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}}
		}},
		{arg: "w,emptyDir=", err: `no key "w"`},
		{arg: "emptyDir=", err: "it begins with name=NAME"},
		{arg: "name=w", err: "give exactly one of"},
		{arg: "name=w,emptyDir=,claimName=c", err: "give exactly one of"},
		{arg: "name=w,emptydir=", err: `did you mean "emptyDir"?`},
		{arg: "name=w,name=v,emptyDir=", err: "name is given twice"},
		{arg: "name=w,size=big", err: "size=big is not a quantity"},
		{arg: "name=w,secret=s,item=k", err: "write item=KEY=PATH"},
	}
	for _, test := range tests {
		got, err := Workspace(test.arg)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: error %v, want %q", test.arg, err, test.err)
			}
			continue
		}
		want := v1.WorkspaceBinding{Name: "w"}
		test.want(&want)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", test.arg, err, diff)
		}
	}
	claim, err := Workspace("name=w,size=1Gi,storageClass=fast")
	if err != nil || claim.VolumeClaimTemplate.Spec.Resources.Requests.Storage().String() != "1Gi" || *claim.VolumeClaimTemplate.Spec.StorageClassName != "fast" {
		t.Errorf("claim of its own: %+v, error %v", claim.VolumeClaimTemplate, err)
	}
}
