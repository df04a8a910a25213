package repo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
)

func TestBrowsable(t *testing.T) {
	for remote, want := range map[string]string{
		"https://git.example.com/team/app.git":        "https://git.example.com/team/app",
		"http://git.example.com:3000/team/app":        "http://git.example.com:3000/team/app",
		"https://ada:secret@git.example.com/team/app": "https://git.example.com/team/app",
		"git@git.example.com:team/app.git":            "https://git.example.com/team/app",
		"ssh://git@git.example.com:2222/team/app.git": "https://git.example.com/team/app",
		"/srv/git/app.git":                            "",
		"":                                            "",
	} {
		if got := browsable(remote); got != want {
			t.Errorf("%s: %q, want %q", remote, got, want)
		}
	}
}

// A token is never more than a password, whatever it holds.
func TestGitCredentials(t *testing.T) {
	got, err := gitCredentials("https://git.example.com:3000/team/app", "git", "a:b/c@d\n")
	want := map[string]string{".git-credentials": "https://git:a%3Ab%2Fc%40d%0A@git.example.com:3000\n",
		".gitconfig": "[credential \"https://git.example.com:3000\"]\n\thelper = store\n"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Without a terminal nobody is asked: what is missing is named, and nothing is sent.
func TestMissing(t *testing.T) {
	t.Setenv("SLIPWAY_FORGE_TOKEN", "")
	t.Setenv("GIT_DIR", t.TempDir())
	const url = "--url=https://git.example.com/team/app"
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"the address":  {nil, "--url is missing"},
		"the provider": {[]string{url}, "--provider is missing"},
		"the gateway":  {[]string{url, "--provider=gitea"}, "--gateway is missing"},
		"the token":    {[]string{url, "--provider=gitea", "--no-webhook"}, "--token-file is missing"},
		"the file":     {[]string{url, "--provider=gitea", "--no-webhook", "--token-file=none"}, "--token-file: open none"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			e := &env.Env{IOStreams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &out}, Config: genericclioptions.NewConfigFlags(true)}
			cmd := NewCommand(e, nil)
			cmd.SetArgs(append([]string{"create", "app"}, tc.args...))
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), tc.want) || env.Code(err) != env.ExitUsage {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

// What a schedule did and will do is told beside what is wrong with others.
func TestDescribeSchedules(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "app"}}
	r.Status.Schedules = []v1alpha1.ScheduleStatus{{Name: "nightly", Expression: "Europe/Berlin 30 2 * * *",
		LastScheduleTime: &metav1.Time{Time: now.Add(-90 * time.Minute)}, NextScheduleTime: &metav1.Time{Time: now.Add(22 * time.Hour)}}}
	r.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionScheduled, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonInvalidSchedule, Message: "spec.schedules[1] (odd): cron: no"}}
	var out bytes.Buffer
	e := &env.Env{IOStreams: genericiooptions.IOStreams{Out: &out}, Now: func() time.Time { return now }}
	if err := describe(e, r); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"Schedules: InvalidSchedule: spec.schedules[1] (odd): cron: no", "SCHEDULE TIMES LAST NEXT nightly Europe/Berlin 30 2 * * * 90m ago in 22h"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %q", text, want)
		}
	}
}
