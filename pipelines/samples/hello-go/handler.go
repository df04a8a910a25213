package main

import (
	"cmp"
	"fmt"
	"net/http"
)

// version is set by the linker: -X main.version=….
var version = "dev"

// newHandler serves a greeting on / and the health check on /healthz.
func newHandler(version string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s! This is hello %s.\n", cmp.Or(r.URL.Query().Get("name"), "world"), version)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	return mux
}
