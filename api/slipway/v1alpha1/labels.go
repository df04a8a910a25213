package v1alpha1

// Labels of a PipelineRun that an event started. Values that a label cannot hold are
// cut and cleaned; the annotations have them whole.
const (
	// LabelRepository is the name of the Repository.
	LabelRepository = GroupName + "/repository"
	// LabelPipeline is the name that the repository's YAML gives the pipeline.
	LabelPipeline = GroupName + "/pipeline"
	// LabelEventType is the type of the event.
	LabelEventType = GroupName + "/event-type"
	// LabelCommit is the commit that the run is of.
	LabelCommit = GroupName + "/commit"
	// LabelPullRequest is the number of the pull request; runs of none lack it.
	LabelPullRequest = GroupName + "/pull-request"
)

// Annotations of a PipelineRun that an event started.
const (
	// AnnotationPipeline is the name that the repository's YAML gives the pipeline.
	AnnotationPipeline = GroupName + "/pipeline"
	// AnnotationRef is the full name of the branch or tag; of a pull request the branch
	// it asks to be merged into.
	AnnotationRef = GroupName + "/ref"
	// AnnotationSender is the name at the forge of who caused the event.
	AnnotationSender = GroupName + "/sender"
	// AnnotationEvent is the name of the RepositoryEvent.
	AnnotationEvent = GroupName + "/event"
	// AnnotationCacheScope is the scope of the caches that a run of a pull request writes
	// to, beside those of the repository, which it reads too; runs of none lack it.
	AnnotationCacheScope = GroupName + "/cache-scope"
	// AnnotationSchedule is the name of the schedule whose time started the run.
	AnnotationSchedule = GroupName + "/schedule"
	// AnnotationReceived is when the event was received, by which runs are in order.
	AnnotationReceived = GroupName + "/received"
	// AnnotationQueued is "true" on runs that wait until others of their repository end.
	AnnotationQueued = GroupName + "/queued"
	// AnnotationCancelInProgress is "true" on runs that end when what they are of is gone.
	AnnotationCancelInProgress = GroupName + "/cancel-in-progress"
	// AnnotationReported is what the forge was last told of the run.
	AnnotationReported = GroupName + "/reported"
)

// Annotations of a PipelineRun, or of its Pipeline, by which users bound what runs at
// once. They are of no effect on the runs that a pipeline makes of other pipelines.
const (
	// AnnotationConcurrencyLimit is how many runs of the group may run at once.
	AnnotationConcurrencyLimit = GroupName + "/concurrency-limit"
	// AnnotationConcurrencyKey names the group within the namespace; $(params.NAME) and
	// $(context.pipelineRun.NAME) are put in. Default: the name of the Pipeline.
	AnnotationConcurrencyKey = GroupName + "/concurrency-key"
	// AnnotationConcurrencyPolicy says what becomes of a run that finds no room: Queue, it
	// waits, by default; Replace, older runs are cancelled; Forbid, it fails.
	AnnotationConcurrencyPolicy = GroupName + "/concurrency-policy"
	// AnnotationPriority is a whole number, 0 by default; of those that wait the run with
	// the highest starts first, and of equals the oldest.
	AnnotationPriority = GroupName + "/priority"
)
