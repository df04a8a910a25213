// Command cache restores folders from a registry and saves them there. It is the process inside the steps of the StepActions
// cache-restore and cache-save: see package cache.
package main

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/pkg/cache"
)

// memoryLimit is what the process keeps to whatever the caches' size, in bytes: garbage is collected before it comes there.
const memoryLimit = 400 << 20

func main() {
	debug.SetMemoryLimit(memoryLimit)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = time.Minute
	transport.MaxIdleConnsPerHost = 16
	os.Exit(cache.Main(ctx, os.Args[1:], cache.Env{Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Now: time.Now,
		Transport: transport, Root: "/"}))
}
