// Package logs streams the logs of a TaskRun or PipelineRun out of its Pods.
//
// It reads a run the way a person would: the steps of a task in order, tasks by their start, tasks that run side by
// side interleaved line by line. Every line comes exactly once, also when a stream drops and is resumed: the API can
// resume only at a whole second, so each stream keeps the time stamps of its last two seconds and skips as many
// repeated lines (see cursor).
package logs
