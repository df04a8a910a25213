package kaniko

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/osscontainertools/kaniko/pkg/config"

	"github.com/slipway-dev/slipway/pkg/build"
)

func explainerFor(t *testing.T, running instruction) explainer {
	t.Helper()
	file, err := parseDockerfile("/src/Dockerfile", []byte(
		"ARG BASE=r.example/base:1\nFROM $BASE AS build\nCOPY app.conf /etc/\nRUN make\nFROM r.example/other\nCOPY --from=build /out/app /app\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return explainer{file: file, context: "/src", current: func() instruction { return running }}
}

func answer(status int, path, message string) error {
	return fmt.Errorf("wrapped: %w", &transport.Error{StatusCode: status,
		Request: &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: "r.example", Path: path}},
		Errors:  []transport.Diagnostic{{Code: "X", Message: message}}})
}

func exit(t *testing.T, script string) error {
	t.Helper()
	return fmt.Errorf("waiting for process to exit: %w", exec.Command("/bin/sh", "-c", script).Run())
}

func TestExplainBuild(t *testing.T) {
	run := instruction{keyword: "run", text: "RUN make", line: 4}
	refused := &url.Error{Op: "Get", URL: "https://r.example/v2/", Err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}}
	tests := []struct {
		why     string
		err     error
		running instruction
		code    build.ExitCode
		want    string
	}{
		{"a command's own status", exit(t, "exit 3"), run, build.ExitInstruction, "Dockerfile:4: RUN make exited with code 3"},
		{"a command that was killed", exit(t, "kill -9 $$"), run, build.ExitInstruction,
			"Dockerfile:4: RUN make was ended by signal 9 (killed); the step may have run out of memory: see its limit"},
		{"a full disk", fmt.Errorf("snapshot: %w", syscall.ENOSPC), run, build.ExitInternal,
			"no space left for the build; raise the step's ephemeral-storage limit or free the node's disk"},
		{"a file that is not in the context", errors.New("copy: lstat /src/app.conf: no such file or directory"), instruction{}, build.ExitInstruction,
			`Dockerfile:3: COPY app.conf /etc/: no file "app.conf" in the context /src (is it in .dockerignore?)`},
		{"a file that is not in a stage", fmt.Errorf("lstat %s0/out/app: no such file or directory", config.KanikoInterStageDepsDir), instruction{}, build.ExitInstruction,
			`Dockerfile:6: COPY --from=build /out/app /app: no file "out/app" in stage "build"`},
		{"an image that is not there, named by an ARG", answer(404, "/v2/base/manifests/1", "unknown"), instruction{}, build.ExitRefused,
			"Dockerfile:2: FROM $BASE: registry r.example has no image base:1"},
		{"an image without the right to pull", answer(401, "/v2/other/manifests/latest", "authentication required"), instruction{}, build.ExitRefused,
			"Dockerfile:5: FROM r.example/other: registry r.example refused the pull of other:latest: 401 Unauthorized (authentication required); " +
				"add credentials to the service account of this run or bind the workspace dockerconfig"},
		{"a registry that is down", refused, instruction{}, build.ExitUnreachable,
			"Dockerfile:2: FROM $BASE: registry r.example did not answer the pull of an image: connection refused"},
		{"any other error of an instruction", errors.New("user nobody2 does not exist"), run, build.ExitInstruction,
			"Dockerfile:4: RUN make: user nobody2 does not exist"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			got := explainerFor(t, tt.running).build(tt.err)
			wantError(t, got, tt.code, tt.want)
			if !errors.Is(got, tt.err) && errors.Unwrap(got) == nil {
				t.Error("the cause is lost")
			}
		})
	}
}

func TestExplainPush(t *testing.T) {
	tests := []struct {
		why  string
		err  error
		code build.ExitCode
		want string
	}{
		{"no credentials", answer(401, "/v2/app/blobs/uploads/", "authentication required"), build.ExitRefused,
			"registry r.example refused the push of app:1: 401 Unauthorized (authentication required); " +
				"add credentials to the service account of this run or bind the workspace dockerconfig"},
		{"credentials without the right", answer(403, "/v2/app/blobs/uploads/", ""), build.ExitRefused,
			"registry r.example refused the push of app:1: 403 Forbidden; the credentials in use do not allow it"},
		{"too often", answer(429, "/v2/app/manifests/1", ""), build.ExitRefused,
			"registry r.example refused the push of app:1: 429 Too Many Requests; wait, or add credentials with a higher limit"},
		{"a repository that must exist first", answer(404, "/v2/app/blobs/uploads/", "no such project"), build.ExitRefused,
			"registry r.example refused the push of app:1: 404 Not Found (no such project)"},
		{"a certificate of nobody known", &url.Error{Op: "Get", URL: "https://r.example/v2/",
			Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}, build.ExitRefused,
			"registry r.example shows a certificate that is not trusted: x509: certificate signed by unknown authority"},
		{"plain HTTP", &url.Error{Op: "Get", URL: "https://r.example/v2/",
			Err: errors.New("http: server gave HTTP response to HTTPS client")}, build.ExitUsage,
			"registry r.example speaks plain HTTP; allow it with --insecure-registry r.example"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			wantError(t, explainerFor(t, instruction{}).registry("push", "r.example/app:1", tt.err), tt.code, tt.want)
		})
	}
}

func wantError(t *testing.T, got error, code build.ExitCode, message string) {
	t.Helper()
	var e *build.Error
	if !errors.As(got, &e) || e.Code != code || e.Message != message {
		t.Errorf("got  %v\nwant %s (exit code %d)", got, message, code)
	}
}
