// Package admission is what the API server asks before it stores an object of
// tekton.dev, and when it reads or writes one in another version than it stores.
//
// Everything is decided from the request alone: no look-ups, so that an answer
// takes milliseconds and is the same on every replica.
package admission

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// The paths that requests come to.
const (
	ReviewPath  = "/admit"
	ConvertPath = "/convert"
)

const (
	// maxBody is more than an object of the largest size that the API server takes
	// (3 MiB) needs twice, as it is and as it was.
	maxBody = 8 << 20
	// maxRequests are answered at once; others wait. Whoever reaches the port can
	// ask, so that what all of them cost together must have a limit.
	maxRequests = 8
	// patience with who is slow to ask or to take the answer.
	patience = 10 * time.Second
)

// Server answers the API server over TLS. It works on every replica.
type Server struct {
	// Address is what it listens on, such as :9443.
	Address string
	// Certificate returns the one to show now.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Reviewer    Reviewer
	Converter   Converter
	Log         *slog.Logger
}

// NeedLeaderElection says that it does not wait to be the leader.
func (s *Server) NeedLeaderElection() bool { return false }

// Start serves until ctx ends, and then answers what was asked.
func (s *Server) Start(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Address)
	if err != nil {
		return fmt.Errorf("admission: %w", err)
	}
	server := &http.Server{
		Handler: s.Handler(), ReadTimeout: patience, WriteTimeout: 2 * patience, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 1 << 16,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		stopped <- server.Shutdown(last)
	}()
	secure := tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.Certificate, NextProtos: []string{"http/1.1"}})
	if err := server.Serve(secure); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admission: %w", err)
	}
	return <-stopped
}

// Handler answers both paths.
func (s *Server) Handler() http.Handler {
	room := make(chan struct{}, maxRequests)
	mux := http.NewServeMux()
	handle := func(path string, answer func([]byte) (any, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			select {
			case room <- struct{}{}:
				defer func() { <-room }()
			case <-r.Context().Done():
				return
			}
			s.answer(w, r, answer)
		})
	}
	handle(ReviewPath, s.review)
	handle(ConvertPath, s.convert)
	return mux
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, answer func([]byte) (any, error)) {
	defer func() {
		if bug := recover(); bug != nil {
			s.Log.Error("bug in admission: the request stays unanswered", "path", r.URL.Path, "panic", bug, "stack", string(debug.Stack()))
			http.Error(w, fmt.Sprintf("slipway has a bug: %v", bug), http.StatusInternalServerError)
		}
	}()
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	out, err := answer(data)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(out); err != nil {
		s.Log.Debug("an answer was not taken", "path", r.URL.Path, "error", err)
	}
}

func (s *Server) review(data []byte) (any, error) {
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(data, &review); err != nil {
		return nil, fmt.Errorf("not an AdmissionReview: %w", err)
	}
	if review.Request == nil {
		return nil, errors.New("the AdmissionReview has no request")
	}
	return &admissionv1.AdmissionReview{TypeMeta: review.TypeMeta, Response: s.Reviewer.Review(review.Request)}, nil
}

func (s *Server) convert(data []byte) (any, error) {
	var review apiextensions.ConversionReview
	if err := json.Unmarshal(data, &review); err != nil {
		return nil, fmt.Errorf("not a ConversionReview: %w", err)
	}
	if review.Request == nil {
		return nil, errors.New("the ConversionReview has no request")
	}
	return &apiextensions.ConversionReview{TypeMeta: review.TypeMeta, Response: s.Converter.Convert(review.Request)}, nil
}
