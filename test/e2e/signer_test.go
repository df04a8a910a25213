//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/provenance"
	"github.com/slipway-dev/slipway/pkg/sign"
	"github.com/slipway-dev/slipway/test/env"
)

const keySecret = "signing-secrets"

// cosign is the tool itself, as an outside judge.
var cosign = sync.OnceValues(func() (string, error) {
	if path, err := exec.LookPath("cosign"); err == nil {
		return path, nil
	}
	build := exec.Command("go", "run", "./hack/cluster", "tool", "cosign")
	build.Dir = "../.."
	out, err := build.Output()
	return strings.TrimSpace(string(out)), err
})

// judge runs cosign and returns what it prints, and an error with what it complains of.
func judge(e *env.Env, dir string, args ...string) (string, error) {
	e.Helper()
	path, err := cosign()
	if err != nil {
		e.Fatalf("cosign: %v", err)
	}
	cmd := exec.CommandContext(e.Context(), path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "COSIGN_PASSWORD=secret")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cosign %s: %w: %s", args[0], err, stderr.String())
	}
	return string(out), nil
}

// slipway builds our own command line, and returns what runs it as users do: it gives all that was printed, and the exit
// code.
func slipway(e *env.Env) func(args ...string) (string, int) {
	e.Helper()
	path := filepath.Join(e.TempDir(), "slipway")
	if out, err := exec.CommandContext(e.Context(), "go", "build", "-o", path, "../../cmd/slipway").CombinedOutput(); err != nil {
		e.Fatalf("building the command line: %v\n%s", err, out)
	}
	return func(args ...string) (string, int) {
		e.Helper()
		cmd := exec.CommandContext(e.Context(), path, args...)
		out, err := cmd.CombinedOutput()
		if failed := new(exec.ExitError); err != nil && !errors.As(err, &failed) {
			e.Fatalf("slipway: %v", err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
}

// publicKey writes the public half of the installed key to a file.
func publicKey(e *env.Env) string {
	e.Helper()
	secret, err := e.Kube.CoreV1().Secrets(env.SystemNamespace).Get(e.Context(), keySecret, metav1.GetOptions{})
	if err != nil {
		e.Fatal(err)
	}
	path := filepath.Join(e.TempDir(), "cosign.pub")
	if err := os.WriteFile(path, secret.Data[sign.SecretPublic], 0o600); err != nil {
		e.Fatal(err)
	}
	return path
}

// image pushes an image that nobody has seen before, and returns REPOSITORY@DIGEST.
func image(e *env.Env, tag string) string {
	e.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		e.Fatal(err)
	}
	ref, err := name.ParseReference(e.Registry + "/" + e.Namespace + "/" + tag)
	if err != nil {
		e.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		e.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		e.Fatal(err)
	}
	return ref.Context().Digest(digest.String()).String()
}

// beside is where cosign keeps what stands beside an image.
func beside(e *env.Env, image, suffix string) name.Reference {
	e.Helper()
	repository, digest, _ := strings.Cut(image, "@")
	ref, err := name.ParseReference(repository + ":" + strings.Replace(digest, ":", "-", 1) + "." + suffix)
	if err != nil {
		e.Fatal(err)
	}
	return ref
}

func layersBeside(e *env.Env, image, suffix string) ([]ggcr.Descriptor, error) {
	img, err := remote.Image(beside(e, image, suffix))
	if err != nil {
		return nil, err
	}
	m, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	return m.Layers, nil
}

// build runs a TaskRun that says it made the image.
func build(e *env.Env, image string) *v1.TaskRun {
	e.Helper()
	repository, digest, _ := strings.Cut(image, "@")
	return env.CreateYAML[v1.TaskRun](e, fmt.Sprintf(`
metadata: {generateName: sign-}
spec:
  params:
  - {name: url, value: %q}
  - {name: digest, value: %q}
  taskSpec:
    params: [{name: url}, {name: digest}]
    results: [{name: IMAGE_URL}, {name: IMAGE_DIGEST}]
    steps:
    - name: build
      image: busybox
      script: |
        echo "$(params.url)" > "$(results.IMAGE_URL.path)"
        echo "$(params.digest)" > "$(results.IMAGE_DIGEST.path)"
`, repository, digest))
}

func signed(e *env.Env, run *v1.TaskRun) *v1.TaskRun {
	e.Helper()
	done := e.TaskRunWhen(run.Name, 3*time.Minute, "to be signed", func(tr *v1.TaskRun) bool {
		return tr.Annotations[provenance.AnnotationSigned] != ""
	})
	if mark := done.Annotations[provenance.AnnotationSigned]; mark != provenance.SignedTrue {
		e.Fatalf("signed is %q: %s", mark, done.Annotations[provenance.AnnotationSigningMessage])
	}
	return done
}

func TestSignedRunConvincesCosign(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	img := image(e, "app:v1")
	run := signed(e, build(e, img))
	if len(run.Finalizers) > 0 {
		t.Errorf("finalizers %v hold the run back from deletion", run.Finalizers)
	}
	key := publicKey(e)
	if _, err := judge(e, t.TempDir(), "verify", "--key", key, "--insecure-ignore-tlog=true", img); err != nil {
		t.Error(err)
	}
	out, err := judge(e, t.TempDir(), "verify-attestation", "--type", "slsaprovenance1", "--key", key, "--insecure-ignore-tlog=true", img)
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct{ Payload string }
	if err := json.Unmarshal([]byte(out), &envelope); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	text, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	var st provenance.Statement
	if err := json.Unmarshal(text, &st); err != nil {
		t.Fatal(err)
	}
	if st.InvocationID() != string(run.UID) || st.Predicate.RunDetails.Metadata.FinishedOn == nil ||
		!bytes.Contains(text, []byte(`"step/build"`)) || !bytes.Contains(text, []byte(`"runSpec"`)) {
		t.Errorf("the provenance is not that of the run: %s", text)
	}
}

func TestUntrustedImagesAreRefused(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	img := image(e, "app:v1")
	signed(e, build(e, img))
	key, run := publicKey(e), slipway(e)
	if out, code := run("verify", img, "--key", key); code != 0 || !strings.Contains(out, img) {
		t.Errorf("slipway verify exits with %d for a signed image: %s", code, out)
	}
	foreign := t.TempDir()
	if _, err := judge(e, foreign, "generate-key-pair"); err != nil {
		t.Fatal(err)
	}
	tampered := image(e, "app:v1")
	for _, suffix := range []string{"sig", "att"} {
		kept, err := remote.Image(beside(e, img, suffix))
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(beside(e, tampered, suffix), kept); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct{ image, key, want string }{
		"unsigned":  {image(e, "unsigned:v1"), key, "no signature stands beside this digest"},
		"wrong key": {img, filepath.Join(foreign, "cosign.pub"), "another key made it"},
		"tampered":  {tampered, key, "changed after it was signed"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := judge(e, t.TempDir(), "verify", "--key", tc.key, "--insecure-ignore-tlog=true", tc.image); err == nil {
				t.Error("cosign accepts the signature")
			}
			if _, err := judge(e, t.TempDir(), "verify-attestation", "--type", "slsaprovenance1", "--key", tc.key, "--insecure-ignore-tlog=true", tc.image); err == nil {
				t.Error("cosign accepts the provenance")
			}
			out, code := run("verify", tc.image, "--key", tc.key)
			if code != 1 || !strings.Contains(out, tc.want) {
				t.Errorf("slipway verify exits with %d and says %q, want 1 and %q", code, out, tc.want)
			}
		})
	}
}

func TestBuildPodsCannotReadTheKey(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	for _, verb := range []string{"get", "list", "watch", "patch"} {
		review, err := e.Kube.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{
				User: "system:serviceaccount:" + e.Namespace + ":default",
				ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: env.SystemNamespace, Verb: verb,
					Resource: "secrets", Name: keySecret},
			},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if review.Status.Allowed {
			t.Errorf("a build may %s the signing key: %s", verb, review.Status.Reason)
		}
	}
}

// Not parallel as long as something is killed: the other tests must not lose their
// signer meanwhile.
func TestKilledSignerSignsOnce(t *testing.T) {
	e := env.New(t)
	images := []string{image(e, "ended:v1"), image(e, "half:v1")}
	runs := []*v1.TaskRun{build(e, images[0])}
	e.TaskRunDone(runs[0].Name, 2*time.Minute)
	e.KillNow("signer")
	runs = append(runs, build(e, images[1]))
	env.Catch(e, 2*time.Minute, "a signature", func() (bool, string) {
		_, err := layersBeside(e, images[1], "sig")
		return err == nil, fmt.Sprint(err)
	})
	e.KillNow("signer")
	t.Parallel()
	for i, moment := range []string{"when the run has ended", "when the signature is there"} {
		signed(e, runs[i])
		for _, suffix := range []string{"sig", "att"} {
			if layers, err := layersBeside(e, images[i], suffix); err != nil || len(layers) != 1 {
				t.Errorf("killed %s: %s holds %d, %v; want 1", moment, suffix, len(layers), err)
			}
		}
	}
}
