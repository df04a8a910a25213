package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// site serves paths, and remembers the last login it was shown.
func site(t *testing.T, paths map[string]string) (base string, login *string) {
	t.Helper()
	login = new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		*login = user + ":" + password
		text, ok := paths[r.URL.Path]
		switch {
		case r.URL.Path == "/trouble":
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case !ok:
			http.NotFound(w, r)
		default:
			_, _ = fmt.Fprint(w, text)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, login
}

func TestHTTP(t *testing.T) {
	sum := sha256.Sum256([]byte("task"))
	digest := "sha256:" + hex.EncodeToString(sum[:])
	base, login := site(t, map[string]string{"/t.yaml": "task", "/large": strings.Repeat("x", MaxSize+1)})
	for name, tc := range map[string]struct {
		params      Params
		login, want string
		passes      bool
	}{
		"plain":        {params: Params{"url": base + "/t.yaml"}, login: ":"},
		"password":     {params: Params{"url": base + "/t.yaml", "http-username": "u", "http-password-secret": "login"}, login: "u:pass"},
		"named key":    {params: Params{"url": base + "/t.yaml", "http-username": "u", "http-password-secret": "login", "http-password-secret-key": "token"}, login: "u:s3cret"},
		"digest":       {params: Params{"url": base + "/t.yaml", "digest": digest}, login: ":"},
		"other digest": {params: Params{"url": base + "/t.yaml", "digest": "sha256:" + strings.Repeat("0", 64)}, want: base + "/t.yaml: has the digest " + digest},
		"short digest": {params: Params{"url": base + "/t.yaml", "digest": "sha256:00"}, want: "is not 64 hexadecimal digits"},
		"bad digest":   {params: Params{"url": base + "/t.yaml", "digest": "sha265:00"}, want: `did you mean "sha256"?`},
		"user alone":   {params: Params{"url": base + "/t.yaml", "http-username": "u"}, want: "needs http-password-secret"},
		"secret alone": {params: Params{"url": base + "/t.yaml", "http-password-secret": "u"}, want: "needs http-username"},
		"no url":       {params: Params{"ulr": base}, want: `param url is missing; "ulr" is given, is it a slip?`},
		"file":         {params: Params{"url": "file:///etc/passwd"}, want: "is no URL of http or https"},
		"not there":    {params: Params{"url": base + "/none"}, want: base + "/none: the server answers 404 Not Found"},
		"too large":    {params: Params{"url": base + "/large"}, want: "is larger than 1 MiB"},
		"in trouble":   {params: Params{"url": base + "/trouble"}, want: "503", passes: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := HTTP{World: world{}, Client: http.DefaultClient}.Fetch(t.Context(), Query{Namespace: "ns", Params: tc.params})
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) || MayPass(err) != tc.passes {
					t.Errorf("error %v (may pass: %v)\nwant %s", err, MayPass(err), tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Content) != "task" || "sha256:"+got.Source.Digest["sha256"] != digest || got.Source.URI != base+"/t.yaml" || *login != tc.login {
				t.Errorf("%s %+v, login %q", got.Content, got.Source, *login)
			}
		})
	}
}

// The time that the settings give is kept to.
func TestFetchTimeout(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(server.Close)
	w := world{"http-resolver-config": {"fetch-timeout": "10ms"}}
	if _, err := (HTTP{World: w, Client: http.DefaultClient}).Fetch(t.Context(), Query{Params: Params{"url": server.URL}}); err == nil {
		t.Error("a server that hangs was waited for")
	}
	w = world{"http-resolver-config": {"fetch-timeout": "soon"}}
	if _, err := (HTTP{World: w, Client: http.DefaultClient}).Fetch(t.Context(), Query{Params: Params{"url": server.URL}}); err == nil || !strings.Contains(err.Error(), "fetch-timeout") {
		t.Errorf("error %v", err)
	}
}

func TestHub(t *testing.T) {
	const artifact, tekton = "/api/v1/packages/tekton-task/tekton-catalog-tasks/build", "/v1/resource/Tekton/task/build"
	base, _ := site(t, map[string]string{
		artifact:             `{"available_versions":[{"version":"0.7.0"},{"version":"0.10.0"},{"version":"0.9.0"},{"version":"1.0.0","prerelease":true}]}`,
		artifact + "/0.7.0":  `{"data":{"manifestRaw":"seven"}}`,
		artifact + "/0.9.0":  `{"data":{"manifestRaw":"nine"}}`,
		artifact + "/0.10.0": `{"data":{"manifestRaw":"ten"}}`,
		artifact + "/3.0.0":  `<html>`,
		artifact + "/4.0.0":  `{}`,
		tekton:               `{"data":{"versions":[{"version":"0.7"},{"version":"0.8"}]}}`,
		tekton + "/0.7/yaml": `{"data":{"yaml":"old seven"}}`,
		tekton + "/0.8/yaml": `{"data":{"yaml":"old eight"}}`,
		"/api/v1/packages/tekton-pipeline/mine/ci/1.0.0": `{"data":{"manifestRaw":"pipeline"}}`,
	})
	away, _ := site(t, nil)
	settings := func(text string) world {
		return world{"hubresolver-config": {"artifact-hub-urls": text, "tekton-hub-urls": "- " + base}}
	}
	here := settings("- " + away + "\n- " + base + "/")
	for name, tc := range map[string]struct {
		world       world
		params      Params
		found, want string
	}{
		"full version":           {here, Params{"name": "build", "version": "0.7.0"}, "seven", ""},
		"two numbers":            {here, Params{"name": "build", "version": "0.7"}, "seven", ""},
		"newest that fits":       {here, Params{"name": "build", "version": ">= 0.7, < 0.10"}, "nine", ""},
		"ten is more than nine":  {here, Params{"name": "build", "version": ">= 0.7"}, "ten", ""},
		"own url":                {world{}, Params{"name": "build", "version": "0.7", "url": base}, "seven", ""},
		"other hub":              {here, Params{"type": "tekton", "name": "build", "version": "0.7.0"}, "old seven", ""},
		"constraint, other hub":  {here, Params{"type": "tekton", "name": "build", "version": "> 0.1"}, "old eight", ""},
		"catalog":                {here, Params{"kind": "pipeline", "catalog": "mine", "name": "ci", "version": "1.0.0"}, "pipeline", ""},
		"none fits":              {settings("- " + base), Params{"name": "build", "version": "> 2"}, "", "no version is > 2; there are 0.7.0, 0.10.0, 0.9.0"},
		"not there":              {settings("- " + base), Params{"name": "build", "version": "2"}, "", base + artifact + "/2: the server answers 404"},
		"no answer of a hub":     {settings("- " + base), Params{"name": "build", "version": "3.0.0"}, "", "the answer is not that of a hub"},
		"empty answer":           {settings("- " + base), Params{"name": "build", "version": "4.0.0"}, "", "holds no manifest"},
		"no version":             {here, Params{"name": "build"}, "", "param version is missing"},
		"bad version":            {here, Params{"name": "build", "version": "newest"}, "", "neither a version nor a constraint"},
		"bad type":               {here, Params{"name": "build", "version": "1", "type": "artefact"}, "", `did you mean "artifact"?`},
		"bad kind":               {here, Params{"name": "build", "version": "1", "kind": "taks"}, "", `did you mean "task"?`},
		"no public hub of these": {world{}, Params{"name": "build", "version": "1", "type": "tekton"}, "", "tekton-hub-urls"},
		"bad setting":            {settings("{"), Params{"name": "build", "version": "1"}, "", "setting artifact-hub-urls"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.params["kind"] == "" {
				tc.params["kind"] = "task"
			}
			got, err := Hub{World: tc.world, Client: http.DefaultClient}.Fetch(t.Context(), Query{Params: tc.params})
			switch {
			case tc.want != "":
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("error %v\nwant %s", err, tc.want)
				}
			case err != nil:
				t.Error(err)
			case string(got.Content) != tc.found || !strings.HasPrefix(got.Source.URI, base) || got.Source.Digest["sha256"] == "":
				t.Errorf("%s %+v", got.Content, got.Source)
			}
		})
	}
}
