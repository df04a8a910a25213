package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

const (
	// tailLines and tailBytes bound what is shown of the log of a step that failed.
	tailLines, tailBytes = 20, 8 << 10
	// maxTasks bounds the table.
	maxTasks = 100
	// maxTails is of how many failed tasks the log is shown.
	maxTails = 3
)

// describe is a line, and a page in Markdown, on how the run stands.
func (r *Reconciler) describe(ctx context.Context, run *v1.PipelineRun) (line, page string, err error) {
	if !run.IsDone() {
		if run.IsPending() {
			return "waits for other runs of the repository to end", "", nil
		}
		return "runs as " + run.Name, "", nil
	}
	tasks, err := r.tasks(ctx, run)
	if err != nil {
		return "", "", err
	}
	c := run.Status.GetCondition(v1.ConditionSucceeded)
	line = outcome(run, c, tasks)
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** %s · commit %s\n\n", run.Annotations[v1alpha1.AnnotationPipeline], plain(line), run.Labels[v1alpha1.LabelCommit])
	table(&b, tasks)
	if !c.IsTrue() && !slices.ContainsFunc(tasks, failed) {
		fmt.Fprintf(&b, "%s\n\n", plain(c.Message))
	}
	shown := 0
	for i := range tasks {
		if failed(tasks[i]) && shown < maxTails {
			shown++
			r.tail(ctx, &b, tasks[i])
		}
	}
	fmt.Fprintf(&b, "`slipway -n %s logs %s` shows all", run.Namespace, run.Name)
	if url := r.urlOf(run); url != "" {
		fmt.Fprintf(&b, ", and so does [this page](%s)", url)
	}
	b.WriteString(".\n")
	return line, b.String(), nil
}

// task is a child of the run; run is nil for one that is no TaskRun.
type task struct {
	name string
	run  *v1.TaskRun
}

func failed(t task) bool {
	return t.run != nil && t.run.IsDone() && !t.run.IsSuccessful()
}

// tasks are in the order in which they were started.
func (r *Reconciler) tasks(ctx context.Context, run *v1.PipelineRun) ([]task, error) {
	var list v1.TaskRunList
	if err := r.Client.List(ctx, &list, client.InNamespace(run.Namespace), client.MatchingLabels{v1.LabelPipelineRun: run.Name}); err != nil {
		return nil, err
	}
	byName := map[string]*v1.TaskRun{}
	for i := range list.Items {
		byName[list.Items[i].Name] = &list.Items[i]
	}
	var tasks []task
	for _, child := range run.Status.ChildReferences {
		tasks = append(tasks, task{name: child.PipelineTaskName, run: byName[child.Name]})
	}
	slices.SortStableFunc(tasks, func(a, b task) int { return cmp.Compare(start(a), start(b)) })
	return tasks, nil
}

func start(t task) int64 {
	if t.run == nil || t.run.Status.StartTime == nil {
		return 0
	}
	return t.run.Status.StartTime.UnixNano()
}

func outcome(run *v1.PipelineRun, c *v1.Condition, tasks []task) string {
	after := "after " + took(run.Status.StartTime, run.Status.CompletionTime)
	switch stateOf(run) {
	case forge.StateSuccess:
		return "succeeded " + after
	case forge.StateCancelled:
		return "cancelled " + after
	}
	for _, t := range tasks {
		if failed(t) && t.run.Status.GetCondition(v1.ConditionSucceeded).Reason != v1.TaskRunReasonCancelled.String() {
			return fmt.Sprintf("failed %s: %s: %s", after, t.name, message(t.run))
		}
	}
	if run.Status.StartTime == nil || c.Reason != v1.PipelineRunReasonFailed.String() {
		return fmt.Sprintf("%s: %s", c.Reason, oneLine(c.Message))
	}
	return "failed " + after
}

// message is what a run says of its end, without the hint for who is at a terminal.
func message(run *v1.TaskRun) string {
	text, _, _ := strings.Cut(run.Status.GetCondition(v1.ConditionSucceeded).Message, "; see: ")
	return oneLine(text)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// table lists the tasks with their times.
func table(b *strings.Builder, tasks []task) {
	if len(tasks) == 0 {
		return
	}
	b.WriteString("| task | outcome | time |\n|---|---|---|\n")
	for i, t := range tasks {
		if i == maxTasks {
			fmt.Fprintf(b, "| … | %d more | |\n", len(tasks)-maxTasks)
			break
		}
		reason, time := "", ""
		if t.run != nil {
			time = took(t.run.Status.StartTime, t.run.Status.CompletionTime)
			if c := t.run.Status.GetCondition(v1.ConditionSucceeded); c != nil {
				reason = c.Reason
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", plain(t.name), plain(reason), time)
	}
	b.WriteString("\n")
}

// tail shows the end of the log of the step that failed. A Pod that is gone has none,
// which is no reason not to tell the rest.
func (r *Reconciler) tail(ctx context.Context, b *strings.Builder, t task) {
	fmt.Fprintf(b, "**%s**: %s\n\n", plain(t.name), plain(message(t.run)))
	for _, step := range t.run.Status.Steps {
		if step.Terminated == nil || step.Terminated.ExitCode == 0 || step.TerminationReason == v1.TerminationReasonSkipped ||
			step.TerminationReason == v1.TerminationReasonContinued {
			continue
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: t.run.Namespace, Name: t.run.Status.PodName}}
		text, err := r.Log(ctx, pod, step.Container, tailLines)
		if text = strings.TrimRight(text, "\n"); err != nil || text == "" {
			return
		}
		if len(text) > tailBytes {
			text = "…" + strings.ToValidUTF8(text[len(text)-tailBytes:], "")
		}
		fence := fenceFor(text)
		fmt.Fprintf(b, "%s\n%s\n%s\n\n", fence, text, fence)
		return
	}
}

// fenceFor is a fence that no line of the text ends.
func fenceFor(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}

// plain is text that Markdown makes nothing else of: names and messages may hold what
// somebody wrote in a pull request.
func plain(s string) string {
	return strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "&lt;", ">", "&gt;", "|", "\\|",
		"@", "&#64;", "#", "\\#", "!", "\\!").Replace(oneLine(s))
}

func took(start, end *metav1.Time) string {
	if start == nil || end == nil {
		return "0s"
	}
	return end.Sub(start.Time).Round(time.Second).String()
}
