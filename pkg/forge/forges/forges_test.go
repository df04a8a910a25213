package forges

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
)

// recorder keeps the last request, and answers with an empty object.
type recorder struct{ last *http.Request }

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.last = req
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}")), Header: http.Header{}, Request: req}, nil
}

func TestNew(t *testing.T) {
	for name, test := range map[string]struct {
		provider v1alpha1.Provider
		url, api string
		want     string
	}{
		"Gitea":               {v1alpha1.ProviderGitea, "https://git.example/ada/engine", "", "https://git.example/api/v1/repos/ada/engine token t0ken"},
		"Gitea below a path":  {v1alpha1.ProviderGitea, "http://git.example:3000/code/ada/engine.git/", "", "http://git.example:3000/code/api/v1/repos/ada/engine token t0ken"},
		"Gitea by its API":    {v1alpha1.ProviderGitea, "https://git.example/ada/engine", "http://gitea.forge:3000/api/v1/", "http://gitea.forge:3000/api/v1/repos/ada/engine token t0ken"},
		"GitHub":              {"", "https://github.com/ada/engine", "", "https://api.github.com/repos/ada/engine Bearer t0ken"},
		"GitHub Enterprise":   {v1alpha1.ProviderGitHub, "https://code.example/ada/engine", "", "https://code.example/api/v3/repos/ada/engine Bearer t0ken"},
		"GitLab":              {"", "https://gitlab.com/crew/ada/engine", "", "https://gitlab.com/api/v4/projects/crew%2Fada%2Fengine Bearer t0ken"},
		"Bitbucket":           {"", "https://bitbucket.org/ada/engine", "", "https://api.bitbucket.org/2.0/repositories/ada/engine Bearer t0ken"},
		"Data Center":         {v1alpha1.ProviderBitbucketDataCenter, "https://code.example/projects/ADA/repos/engine", "", "https://code.example/rest/api/latest/projects/ADA/repos/engine/default-branch Bearer t0ken"},
		"a user's own":        {v1alpha1.ProviderBitbucketDataCenter, "https://code.example/bb/users/ada/repos/engine", "", "https://code.example/bb/rest/api/latest/projects/~ada/repos/engine/default-branch Bearer t0ken"},
		"what git clones":     {v1alpha1.ProviderBitbucketDataCenter, "https://code.example/bb/scm/ADA/engine.git", "", "https://code.example/bb/rest/api/latest/projects/ADA/repos/engine/default-branch Bearer t0ken"},
		"a short address":     {v1alpha1.ProviderBitbucketDataCenter, "https://code.example/ADA/engine", "", "https://code.example/rest/api/latest/projects/ADA/repos/engine/default-branch Bearer t0ken"},
		"anything with git":   {v1alpha1.ProviderGeneric, "https://code.example/ada/engine", "", "https://code.example/ada/engine/info/refs?service=git-upload-pack Basic Z2l0OnQwa2Vu"},
		"Codeberg is Forgejo": {"", "https://codeberg.org/ada/engine", "", "https://codeberg.org/api/v1/repos/ada/engine token t0ken"},
	} {
		t.Run(name, func(t *testing.T) {
			var r v1alpha1.Repository
			r.Spec.URL, r.Spec.Provider, r.Spec.API = test.url, test.provider, test.api
			r.Spec.Credentials = &v1alpha1.SecretKey{Name: "forge"}
			var sent recorder
			client, err := (&Forges{Transport: &sent}).New(&r, map[string][]byte{"token": []byte("t0ken\n")})
			if err != nil {
				t.Fatal(err)
			}
			// The answer is none of git's.
			if _, err := client.Repository(t.Context()); err != nil && test.provider != v1alpha1.ProviderGeneric {
				t.Fatal(err)
			}
			if got := fmt.Sprint(sent.last.URL, " ", sent.last.Header.Get("Authorization")); got != test.want {
				t.Errorf("asked %s, want %s", got, test.want)
			}
			if _, err := HookFor(&r.Spec); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNewOfWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		url  string
		key  string
		want string
	}{
		"a host that says nothing": {"https://git.example/ada/engine", "", "set provider to github"},
		"no owner":                 {"https://codeberg.org/engine", "", "has no OWNER/NAME"},
		"no such key":              {"https://codeberg.org/ada/engine", "other", `no key "other"`},
	} {
		t.Run(name, func(t *testing.T) {
			var r v1alpha1.Repository
			r.Spec.URL, r.Spec.Credentials = test.url, &v1alpha1.SecretKey{Name: "forge", Key: test.key}
			_, err := (&Forges{}).New(&r, map[string][]byte{"token": []byte("t0ken")})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want one that says %q", err, test.want)
			}
		})
	}
}
