package interceptor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/api/triggers/v1alpha1"
	"github.com/slipway-dev/slipway/api/triggers/v1beta1"
)

const (
	// remotePatience is how long a server has.
	remotePatience = 20 * time.Second
	// maxResponse is the largest answer of a server that is read.
	maxResponse = 1 << 20
)

// interceptorRequest is what a server is asked, in the words of
// https://pkg.go.dev/github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1#InterceptorRequest.
type interceptorRequest struct {
	Body              string              `json:"body,omitempty"`
	Header            map[string][]string `json:"header,omitempty"`
	Extensions        map[string]any      `json:"extensions,omitempty"`
	InterceptorParams json.RawMessage     `json:"interceptor_params,omitempty"`
	Context           struct {
		EventURL  string `json:"event_url,omitempty"`
		EventID   string `json:"event_id,omitempty"`
		TriggerID string `json:"trigger_id,omitempty"`
	} `json:"context"`
}

// interceptorResponse is what it answers.
type interceptorResponse struct {
	Extensions map[string]any `json:"extensions"`
	Continue   bool           `json:"continue"`
	Status     struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"status"`
}

// failedPrecondition is the code, of gRPC, by which an interceptor says that the request
// is none of the Trigger's.
const failedPrecondition = 9

// remote asks the server of a ClusterInterceptor.
func (w World) remote(ctx context.Context, i *v1beta1.TriggerInterceptor, r *Request) (map[string]any, error) {
	name := i.Ref.Name
	found, err := w.Interceptor(ctx, name)
	if apierrors.IsNotFound(err) {
		return nil, fail("there is no ClusterInterceptor %s", name)
	} else if err != nil {
		return nil, err
	}
	ask := interceptorRequest{Body: string(r.Body), Header: r.Header, Extensions: r.Extensions, InterceptorParams: params(i)}
	ask.Context.EventURL, ask.Context.EventID, ask.Context.TriggerID = r.URL, r.EventID, r.Trigger
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	said, err := w.post(ctx, &found.Spec.ClientConfig, body)
	if stop := (*Stop)(nil); err != nil && asStop(err, &stop) {
		return nil, fail("ClusterInterceptor %s: %s", name, stop.Message)
	} else if err != nil {
		return nil, fmt.Errorf("ClusterInterceptor %s: %w", name, err)
	}
	if !said.Continue {
		return nil, &Stop{said.Status.Code != failedPrecondition, name + ": " + said.Status.Message}
	}
	return said.Extensions, nil
}

func (w World) post(ctx context.Context, to *v1alpha1.ClientConfig, body []byte) (*interceptorResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, remotePatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Address(), bytes.NewReader(body))
	if err != nil {
		return nil, fail("spec.clientConfig: %s", err)
	}
	request.Header.Set("Content-Type", "application/json")
	transport := w.Transport
	if len(to.CaBundle) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(to.CaBundle) {
			return nil, fail("spec.clientConfig.caBundle has no certificate")
		}
		transport = w.Transport.Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
		defer transport.CloseIdleConnections()
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode >= http.StatusInternalServerError:
		return nil, fmt.Errorf("it answered %s", response.Status)
	case response.StatusCode != http.StatusOK:
		return nil, fail("it answered %s", response.Status)
	case len(answer) > maxResponse:
		return nil, fail("its answer is larger than %d MiB", maxResponse>>20)
	}
	var said interceptorResponse
	if err := json.Unmarshal(answer, &said); err != nil {
		return nil, fail("its answer is not JSON as of an interceptor: %s", err)
	}
	return &said, nil
}
