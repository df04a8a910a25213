package scrape

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Request is what requests to the API server have in common that are counted as one.
type Request struct {
	// Client is the last part of the user's name, such as that of a service account.
	Client, UserAgent string
	Verb, Resource    string
	// Namespace is empty where the request is about all of them.
	Namespace string
	// Code is the status of the answer.
	Code int
}

type event struct {
	Stage, Verb, UserAgent string
	User                   struct{ Username string }
	ObjectRef              struct{ Namespace, Resource, Subresource string }

	ResponseStatus           struct{ Code int }
	RequestReceivedTimestamp time.Time
}

// Requests counts those since start in the API server's audit log, and in what was
// rotated out of it since; none where there is no log.
func Requests(auditLog string, start time.Time) (map[Request]int, error) {
	out := map[Request]int{}
	if auditLog == "" {
		return out, nil
	}
	files, err := filepath.Glob(strings.TrimSuffix(auditLog, ".log") + "-*.log")
	if err != nil {
		return nil, err
	}
	for _, file := range append(files, auditLog) {
		if err := count(file, start, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func count(file string, start time.Time, into map[Request]int) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || info.ModTime().Before(start) {
		return err
	}
	lines := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // what follows the last line is still being written
		}
		if err != nil {
			return err
		}
		var e event
		if json.Unmarshal(line, &e) != nil || e.Stage != "ResponseComplete" || e.RequestReceivedTimestamp.Before(start) {
			continue
		}
		resource := e.ObjectRef.Resource
		if e.ObjectRef.Subresource != "" {
			resource += "/" + e.ObjectRef.Subresource
		}
		into[Request{Client: e.User.Username[strings.LastIndex(e.User.Username, ":")+1:], UserAgent: e.UserAgent, Verb: e.Verb,
			Resource: resource, Namespace: e.ObjectRef.Namespace, Code: e.ResponseStatus.Code}]++
	}
}
