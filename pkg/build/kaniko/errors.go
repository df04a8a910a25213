package kaniko

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/osscontainertools/kaniko/pkg/config"

	"github.com/slipway-dev/slipway/pkg/build"
)

// explainer says in the user's terms what the engine's errors mean.
type explainer struct {
	file    *dockerfile
	context string
	// current is the instruction being executed when the error came.
	current func() instruction
}

// build explains an error of the build itself.
func (x explainer) build(err error) error {
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return x.exited(exit, err)
	case errors.Is(err, syscall.ENOSPC):
		return &build.Error{Code: build.ExitInternal, Cause: err,
			Message: "no space left for the build; raise the step's ephemeral-storage limit or free the node's disk"}
	case isRegistryError(err):
		return x.base(err)
	}
	if m := missingSource.FindStringSubmatch(err.Error()); m != nil {
		return x.missing(m[1]+m[2], err)
	}
	if in := x.current(); in.line > 0 {
		return &build.Error{Code: build.ExitInstruction, Cause: err,
			Message: fmt.Sprintf("%s: %s: %s", x.file.at(in.line), short(in.text), root(err))}
	}
	return fmt.Errorf("%s: %w", x.file.at(0), err)
}

// exited explains a RUN whose command ended with another status than 0.
func (x explainer) exited(exit *exec.ExitError, err error) error {
	in := x.current()
	how := fmt.Sprintf("exited with code %d", exit.ExitCode())
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		how = fmt.Sprintf("was ended by signal %d (%s)", status.Signal(), status.Signal())
		if status.Signal() == syscall.SIGKILL {
			how += "; the step may have run out of memory: see its limit"
		}
	}
	return &build.Error{Code: build.ExitInstruction, Cause: err,
		Message: fmt.Sprintf("%s: %s %s", x.file.at(in.line), short(in.text), how)}
}

// missingSource is how Kaniko and the kernel say that a file of COPY or ADD is not there.
var missingSource = regexp.MustCompile(`lstat (\S+): no such file or directory|failed to get fileinfo for (\S+): `)

// missing explains a COPY or ADD of a file that is not there.
func (x explainer) missing(p string, err error) error {
	file, ofStage := strings.CutPrefix(p, config.KanikoInterStageDepsDir)
	from := "the context " + x.context + " (is it in .dockerignore?)"
	if ofStage {
		number, rest, _ := strings.Cut(file, "/")
		index, _ := strconv.Atoi(number)
		file, from = rest, fmt.Sprintf("stage %q", x.file.label(index))
	}
	file = strings.TrimPrefix(strings.TrimPrefix(file, x.context), "/")
	line, text := x.file.copies(file)
	return &build.Error{Code: build.ExitInstruction, Cause: err,
		Message: fmt.Sprintf("%s: %s: no file %q in %s", x.file.at(line), short(text), file, from)}
}

// base explains a registry's answer to the pull of a base image, naming the FROM or COPY --from that wants it.
func (x explainer) base(err error) error {
	image := pulled(err)
	explained := x.registry("pull", image, err)
	for _, s := range x.file.stages {
		if image != "" && sameImage(s.base, image) {
			var e *build.Error
			if errors.As(explained, &e) {
				e.Message = fmt.Sprintf("%s: FROM %s: %s", x.file.at(s.line), s.from, e.Message)
				return e
			}
		}
	}
	return explained
}

// registry explains why a push to, or a pull of, the reference did not work.
func (x explainer) registry(verb, reference string, err error) error {
	host, repository := split(reference)
	var refused *transport.Error
	if errors.As(err, &refused) {
		return &build.Error{Code: build.ExitRefused, Cause: err,
			Message: refusal(verb, host, repository, refused)}
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return &build.Error{Code: build.ExitRefused, Cause: err, Message: fmt.Sprintf(
			"registry %s shows a certificate that is not trusted: %s", host, root(untrusted))}
	}
	if strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return &build.Error{Code: build.ExitUsage, Cause: err, Message: fmt.Sprintf(
			"registry %s speaks plain HTTP; allow it with --insecure-registry %s", host, host)}
	}
	if isNetworkError(err) {
		return &build.Error{Code: build.ExitUnreachable, Cause: err, Message: fmt.Sprintf(
			"registry %s did not answer the %s of %s: %s", host, verb, repository, root(err))}
	}
	return fmt.Errorf("%s of %s: %w", verb, reference, err)
}

// refusal words a registry's answer and the way out.
func refusal(verb, host, repository string, e *transport.Error) string {
	said := fmt.Sprintf("%d %s", e.StatusCode, http.StatusText(e.StatusCode))
	if len(e.Errors) > 0 && e.Errors[0].Message != "" {
		said += " (" + e.Errors[0].Message + ")"
	}
	message := fmt.Sprintf("registry %s refused the %s of %s: %s", host, verb, repository, said)
	switch e.StatusCode {
	case http.StatusUnauthorized:
		return message + "; add credentials to the service account of this run or bind the workspace dockerconfig"
	case http.StatusForbidden:
		return message + "; the credentials in use do not allow it"
	case http.StatusNotFound:
		if verb == "pull" {
			return fmt.Sprintf("registry %s has no image %s", host, repository)
		}
	case http.StatusTooManyRequests:
		return message + "; wait, or add credentials with a higher limit"
	}
	return message
}

func isRegistryError(err error) bool {
	var refused *transport.Error
	return errors.As(err, &refused) || isNetworkError(err)
}

// isNetworkError leaves out net.Error, which every errno of a file operation is, too.
func isNetworkError(err error) bool {
	var operation *net.OpError
	var urlErr *url.Error
	return errors.As(err, &urlErr) || errors.As(err, &operation)
}

// manifestPath is the URL a manifest is read from; the first group is the repository, the second the tag or digest.
var manifestPath = regexp.MustCompile(`^/v2/(.+)/(?:manifests|blobs)/([^/]+)$`)

// pulled is the reference of the image whose pull failed, as the URL of the failed request tells it, or nothing.
func pulled(err error) string {
	var target *url.URL
	var refused *transport.Error
	var urlErr *url.Error
	switch {
	case errors.As(err, &refused) && refused.Request != nil:
		target = refused.Request.URL
	case errors.As(err, &urlErr):
		target, _ = url.Parse(urlErr.URL)
	}
	if target == nil {
		return ""
	}
	m := manifestPath.FindStringSubmatch(target.Path)
	if m == nil {
		return target.Host + "/"
	}
	separator := ":"
	if strings.HasPrefix(m[2], "sha256:") {
		separator = "@"
	}
	return target.Host + "/" + m[1] + separator + m[2]
}

// sameImage says whether the FROM's words mean the reference; where only the host is known, whether they are on that host.
func sameImage(from, reference string) bool {
	a, err := name.ParseReference(from, name.WeakValidation)
	if err != nil {
		return false
	}
	if host, ok := strings.CutSuffix(reference, "/"); ok {
		return a.Context().RegistryStr() == host
	}
	b, err := name.ParseReference(reference, name.WeakValidation)
	return err == nil && a.Name() == b.Name()
}

// split parts a reference into the registry's host and the rest.
func split(reference string) (host, repository string) {
	ref, err := name.ParseReference(reference, name.WeakValidation)
	if err != nil {
		return strings.TrimSuffix(reference, "/"), "an image"
	}
	return ref.Context().RegistryStr(), strings.TrimPrefix(ref.Name(), ref.Context().RegistryStr()+"/")
}

// root is the text of the innermost error.
func root(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// short is an instruction's first line, cut to a length that leaves room for the error.
func short(text string) string {
	line, _, more := strings.Cut(text, "\n")
	line = strings.Join(strings.Fields(strings.TrimRight(line, ` \`)), " ")
	if r := []rune(line); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	if more {
		return line + " …"
	}
	return line
}
