package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHandler(t *testing.T) {
	tests := []struct {
		path, body string
		status     int
	}{
		{"/", "Hello, world! This is hello v1.\n", http.StatusOK},
		{"/?name=Ada", "Hello, Ada! This is hello v1.\n", http.StatusOK},
		{"/healthz", "ok\n", http.StatusOK},
		{"/nowhere", "404 page not found\n", http.StatusNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			w := httptest.NewRecorder()
			newHandler("v1").ServeHTTP(w, httptest.NewRequest(http.MethodGet, tt.path, nil))
			if w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, tt.status, tt.body)
			}
		})
	}
}
