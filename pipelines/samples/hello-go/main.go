// Command hello greets over HTTP.
package main

import (
	"cmp"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	server := &http.Server{
		Addr:              ":" + cmp.Or(os.Getenv("PORT"), "8080"),
		Handler:           newHandler(version),
		ReadHeaderTimeout: 5 * time.Second,
	}
	log.Printf("hello %s listens on %s", version, server.Addr)
	log.Fatal(server.ListenAndServe())
}
