package env

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"time"
)

// Request is one request that the API server answered, from its audit log.
type Request struct {
	Verb, User, UserAgent, Resource, Namespace, Name string
	Code                                             int
	At                                               time.Time
}

type auditEvent struct {
	Stage     string
	Verb      string
	UserAgent string
	User      struct{ Username string }
	ObjectRef struct{ Resource, Subresource, Namespace, Name string }

	ResponseStatus           struct{ Code int }
	RequestReceivedTimestamp time.Time
}

// Requests returns what the service accounts of Slipway asked of the API server
// about the test's namespace, in order. The test is skipped where the cluster
// does not show its audit log. Watches are left out: they are opened once for
// all runs.
func (e *Env) Requests() []Request {
	e.Helper()
	if e.AuditLog == "" {
		e.Skip("SLIPWAY_AUDIT_LOG is not set: this cluster does not show its audit log")
	}
	f, err := os.Open(e.AuditLog)
	if err != nil {
		e.Fatal(err)
	}
	defer f.Close()
	var found []Request
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var ev auditEvent
		// The last line may still be being written.
		if json.Unmarshal(lines.Bytes(), &ev) != nil || ev.Stage != "ResponseComplete" {
			continue
		}
		if ev.ObjectRef.Namespace != e.Namespace || ev.Verb == "watch" ||
			!strings.HasPrefix(ev.User.Username, "system:serviceaccount:"+SystemNamespace+":") {
			continue
		}
		resource := ev.ObjectRef.Resource
		if ev.ObjectRef.Subresource != "" {
			resource += "/" + ev.ObjectRef.Subresource
		}
		found = append(found, Request{Verb: ev.Verb, User: ev.User.Username, UserAgent: ev.UserAgent, Resource: resource,
			Namespace: ev.ObjectRef.Namespace, Name: ev.ObjectRef.Name, Code: ev.ResponseStatus.Code, At: ev.RequestReceivedTimestamp})
	}
	if err := lines.Err(); err != nil {
		e.Fatal(err)
	}
	return found
}
