package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-dev/slipway/pkg/kube/settings"
)

func serve(t *testing.T, s *Server) string {
	t.Helper()
	s.Log = slog.New(slog.DiscardHandler)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return server.URL
}

func post(t *testing.T, url string, body any) (int, []byte) {
	t.Helper()
	data, ok := body.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	out, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, out
}

func TestServerAnswers(t *testing.T) {
	url := serve(t, &Server{Reviewer: reviewer(nil), Converter: func(o map[string]any, _ string) (map[string]any, error) { return o, nil }})
	review := admissionv1.AdmissionReview{Request: request(admissionv1.Create, object(t, "tekton.dev/v1 Task", "metadata: {name: t}\nspec: {steps: []}"), nil)}
	review.APIVersion, review.Kind = "admission.k8s.io/v1", "AdmissionReview"
	code, out := post(t, url+ReviewPath, review)
	var reviewed admissionv1.AdmissionReview
	if err := json.Unmarshal(out, &reviewed); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s: %v", code, out, err)
	}
	if reviewed.Kind != review.Kind || reviewed.APIVersion != review.APIVersion || reviewed.Response.UID != "u" || reviewed.Response.Allowed ||
		reviewed.Response.Result.Message != "spec.steps: a Task needs at least one step" {
		t.Errorf("got %s", out)
	}
	code, out = post(t, url+ConvertPath, apiextensions.ConversionReview{Request: &apiextensions.ConversionRequest{
		UID: "c", DesiredAPIVersion: "tekton.dev/v1", Objects: []runtime.RawExtension{{Raw: object(t, "tekton.dev/v1beta1 Task", "metadata: {name: t}")}}}})
	var converted apiextensions.ConversionReview
	if err := json.Unmarshal(out, &converted); err != nil || code != http.StatusOK || len(converted.Response.ConvertedObjects) != 1 {
		t.Fatalf("%d %s: %v", code, out, err)
	}
}

// Anybody who reaches the port may send anything, and gets an answer.
func TestServerHoldsOut(t *testing.T) {
	url := serve(t, &Server{Reviewer: Reviewer{Settings: func() *settings.Settings { panic("a bug") }}})
	task := admissionv1.AdmissionReview{Request: request(admissionv1.Create, object(t, "tekton.dev/v1 Task", "metadata: {name: t}\nspec: {steps: []}"), nil)}
	for name, tc := range map[string]struct {
		path string
		body any
		code int
		want string
	}{
		"no JSON":       {ReviewPath, []byte("{"), http.StatusBadRequest, "not an AdmissionReview"},
		"no request":    {ReviewPath, []byte("{}"), http.StatusBadRequest, "has no request"},
		"no conversion": {ConvertPath, []byte("null"), http.StatusBadRequest, "has no request"},
		"too much":      {ReviewPath, bytes.Repeat([]byte(" "), maxBody+1), http.StatusRequestEntityTooLarge, "too large"},
		"a bug":         {ReviewPath, task, http.StatusInternalServerError, "slipway has a bug: a bug"},
		"nowhere":       {"/", []byte("{}"), http.StatusNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if code, out := post(t, url+tc.path, tc.body); code != tc.code || !strings.Contains(string(out), tc.want) {
				t.Errorf("got %d %s, want %d %s", code, out, tc.code, tc.want)
			}
		})
	}
}

// It ends when it is told to.
func TestServerStops(t *testing.T) {
	s := &Server{Address: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
	if s.NeedLeaderElection() {
		t.Error("a replica that is not the leader must serve too")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Start(ctx); err != nil {
		t.Error(err)
	}
}

func BenchmarkReview(b *testing.B) {
	raw := object(b, "tekton.dev/v1 PipelineRun", "metadata: {name: r}\nspec: {pipelineSpec: {tasks: [{name: a, taskSpec: {steps: [{image: x, script: echo}]}}, {name: b, runAfter: [a], taskSpec: {steps: [{image: x, script: echo}]}}]}}")
	r := reviewer(nil)
	for b.Loop() {
		if got := r.Review(request(admissionv1.Create, raw, nil)); !got.Allowed {
			b.Fatal(got.Result.Message)
		}
	}
}
