package logs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/gentype"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

const ns = "ci"

// fakeAPI is an API server of one namespace: objects to get, list and watch, and container logs as a kubelet serves them.
type fakeAPI struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	version int
	objects map[string]map[string]metav1.Object // by resource and name
	events  []event
	news    chan struct{} // closed and replaced at each event
	logs    map[string]*fakeLog
}

type event struct {
	resource, kind string
	object         metav1.Object
}

// fakeLog is a container's log file. Every request for it meets the next of breaks, if there is one left.
type fakeLog struct {
	chunks   []chunk
	ended    bool
	breaks   []breakage
	requests int
	status   int // an HTTP status to answer instead, once
}

// chunk is one entry of the file. A long line has several: all but the last are partial.
type chunk struct {
	at      time.Time
	text    string
	partial bool
}

// breakage ends a response after so many bytes: cleanly, as a kubelet that goes away makes the API server do, or by
// cutting the connection.
type breakage struct {
	after int
	clean bool
}

func newFakeAPI(t *testing.T) *fakeAPI {
	f := &fakeAPI{t: t, objects: map[string]map[string]metav1.Object{}, news: make(chan struct{}), logs: map[string]*fakeLog{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	t.Cleanup(f.CloseClientConnections) // before Close, which waits for streams
	return f
}

func (f *fakeAPI) source() Source {
	f.t.Helper()
	config := &rest.Config{Host: f.URL, QPS: -1}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		f.t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	if err := v1.AddToScheme(scheme); err != nil {
		f.t.Fatal(err)
	}
	gv := v1.SchemeGroupVersion
	config.GroupVersion, config.APIPath = &gv, "/apis"
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		f.t.Fatal(err)
	}
	params := runtime.NewParameterCodec(scheme)
	return Source{
		Pods: core.CoreV1().Pods(ns),
		TaskRuns: gentype.NewClientWithList("taskruns", client, params, ns,
			func() *v1.TaskRun { return &v1.TaskRun{} }, func() *v1.TaskRunList { return &v1.TaskRunList{} }),
		PipelineRuns: gentype.NewClientWithList("pipelineruns", client, params, ns,
			func() *v1.PipelineRun { return &v1.PipelineRun{} }, func() *v1.PipelineRunList { return &v1.PipelineRunList{} }),
	}
}

func resourceOf(o metav1.Object) string {
	switch o := o.(type) {
	case *corev1.Pod:
		o.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
		return "pods"
	case *v1.TaskRun:
		o.TypeMeta = metav1.TypeMeta{APIVersion: "tekton.dev/v1", Kind: "TaskRun"}
		return "taskruns"
	default:
		o.(*v1.PipelineRun).TypeMeta = metav1.TypeMeta{APIVersion: "tekton.dev/v1", Kind: "PipelineRun"}
		return "pipelineruns"
	}
}

// put stores a copy of the object and tells the watchers.
func (f *fakeAPI) put(o metav1.Object) {
	f.change(o, func(resource string, o metav1.Object) string {
		kind := "MODIFIED"
		if f.objects[resource][o.GetName()] == nil {
			kind = "ADDED"
		}
		f.objects[resource][o.GetName()] = o
		return kind
	})
}

func (f *fakeAPI) remove(o metav1.Object) {
	f.change(o, func(resource string, o metav1.Object) string {
		delete(f.objects[resource], o.GetName())
		return "DELETED"
	})
}

func (f *fakeAPI) change(o metav1.Object, apply func(resource string, o metav1.Object) string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	resource := resourceOf(o)
	o = o.(runtime.Object).DeepCopyObject().(metav1.Object)
	f.version++
	o.SetResourceVersion(fmt.Sprint(f.version))
	o.SetNamespace(ns)
	if f.objects[resource] == nil {
		f.objects[resource] = map[string]metav1.Object{}
	}
	f.events = append(f.events, event{resource, apply(resource, o), o})
	f.tell()
}

func (f *fakeAPI) tell() {
	close(f.news)
	f.news = make(chan struct{})
}

// log changes a container's log; streams that follow it see the change.
func (f *fakeAPI) log(pod, container string, change func(*fakeLog)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := pod + "/" + container
	if f.logs[key] == nil {
		f.logs[key] = &fakeLog{}
	}
	change(f.logs[key])
	f.tell()
}

// ServeHTTP implements http.Handler.
func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, path, _ := strings.Cut(r.URL.Path, "/namespaces/"+ns+"/")
	part := strings.Split(path, "/")
	switch {
	case len(part) == 3 && part[2] == "log":
		f.serveLog(w, r, part[1])
	case len(part) == 2:
		f.serveGet(w, part[0], part[1])
	case r.URL.Query().Get("sendInitialEvents") == "true":
		f.refuse(w, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid) // clients then list
	case r.URL.Query().Get("watch") != "":
		f.serveWatch(w, r, part[0])
	default:
		f.serveList(w, r, part[0])
	}
}

func (f *fakeAPI) refuse(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Code: int32(code), Reason: reason, Message: string(reason),
	})
}

func (f *fakeAPI) serveGet(w http.ResponseWriter, resource, name string) {
	f.mu.Lock()
	o := f.objects[resource][name]
	f.mu.Unlock()
	if o == nil {
		f.refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(o)
}

func selected(r *http.Request, o metav1.Object) bool {
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	field := r.URL.Query().Get("fieldSelector")
	return err == nil && selector.Matches(labels.Set(o.GetLabels())) && (field == "" || field == "metadata.name="+o.GetName())
}

func (f *fakeAPI) serveList(w http.ResponseWriter, r *http.Request, resource string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := map[string]any{"metadata": metav1.ListMeta{ResourceVersion: fmt.Sprint(f.version)}}
	list["apiVersion"], list["kind"] = "tekton.dev/v1", map[string]string{"taskruns": "TaskRunList", "pipelineruns": "PipelineRunList"}[resource]
	if resource == "pods" {
		list["apiVersion"], list["kind"] = "v1", "PodList"
	}
	items := []metav1.Object{}
	for _, o := range f.objects[resource] {
		if selected(r, o) {
			items = append(items, o)
		}
	}
	list["items"] = items
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list)
}

func (f *fakeAPI) serveWatch(w http.ResponseWriter, r *http.Request, resource string) {
	w.Header().Set("Content-Type", "application/json")
	w.(http.Flusher).Flush()
	var from int
	_, _ = fmt.Sscan(r.URL.Query().Get("resourceVersion"), &from)
	for next := from; ; {
		f.mu.Lock()
		events, news := f.events[min(next, len(f.events)):], f.news
		next = len(f.events)
		f.mu.Unlock()
		for _, e := range events {
			if e.resource == resource && selected(r, e.object) {
				_ = json.NewEncoder(w).Encode(map[string]any{"type": e.kind, "object": e.object})
			}
		}
		w.(http.Flusher).Flush()
		select {
		case <-news:
		case <-r.Context().Done():
			return
		}
	}
}

// serveLog writes a log as a kubelet does: the filter looks at each chunk, a time stamp stands where a line begins.
func (f *fakeAPI) serveLog(w http.ResponseWriter, r *http.Request, pod string) {
	q := r.URL.Query()
	f.mu.Lock()
	log := f.logs[pod+"/"+q.Get("container")]
	if log == nil || f.objects["pods"][pod] == nil {
		f.mu.Unlock()
		f.refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
		return
	}
	log.requests++
	if code := log.status; code != 0 {
		log.status = 0
		f.mu.Unlock()
		f.refuse(w, code, metav1.StatusReasonInternalError)
		return
	}
	limit := breakage{after: -1}
	if len(log.breaks) > 0 {
		limit, log.breaks = log.breaks[0], log.breaks[1:]
	}
	f.mu.Unlock()
	since, _ := time.Parse(time.RFC3339, q.Get("sinceTime"))
	out := &limited{w: w, limit: limit}
	sent, begin := 0, true
	for {
		f.mu.Lock()
		chunks, ended, news := log.chunks[min(sent, len(log.chunks)):], log.ended, f.news
		sent = len(log.chunks)
		f.mu.Unlock()
		for _, c := range chunks {
			if c.at.Before(since) {
				continue
			}
			if begin {
				out.WriteString(c.at.Format("2006-01-02T15:04:05.000000000Z07:00") + " ")
			}
			out.WriteString(c.text)
			if begin = !c.partial; begin {
				out.WriteString("\n")
			}
			if out.full {
				return
			}
		}
		w.(http.Flusher).Flush()
		if ended || q.Get("follow") != "true" {
			return
		}
		select {
		case <-news:
		case <-r.Context().Done():
			return
		}
	}
}

// limited is a response that breaks.
type limited struct {
	w     http.ResponseWriter
	limit breakage
	n     int
	full  bool
}

func (l *limited) WriteString(s string) {
	if l.full {
		return
	}
	if l.limit.after >= 0 && l.n+len(s) > l.limit.after {
		s, l.full = s[:l.limit.after-l.n], true
	}
	n, _ := l.w.Write([]byte(s))
	l.n += n
	if l.full && !l.limit.clean {
		l.w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}
