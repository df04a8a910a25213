package v1

// Labels that tie Pods and child runs to what they were made from.
const (
	LabelTask           = GroupName + "/task"
	LabelTaskRun        = GroupName + "/taskRun"
	LabelTaskRunUID     = GroupName + "/taskRunUID"
	LabelPipeline       = GroupName + "/pipeline"
	LabelPipelineRun    = GroupName + "/pipelineRun"
	LabelPipelineRunUID = GroupName + "/pipelineRunUID"
	LabelPipelineTask   = GroupName + "/pipelineTask"
	LabelCustomRun      = GroupName + "/customRun"
	// LabelMemberOf says which list of the Pipeline the task stands in:
	// MemberOfTasks or MemberOfFinally.
	LabelMemberOf = GroupName + "/memberOf"
	// LabelManagedBy is the label Kubernetes recommends for the tool that runs
	// an object; it is not the field spec.managedBy.
	LabelManagedBy = "app.kubernetes.io/managed-by"
)

// Values of LabelMemberOf.
const (
	MemberOfTasks   = "tasks"
	MemberOfFinally = "finally"
)

// Annotations with a meaning to the controllers.
const (
	// AnnotationPipelineTaskOnError carries a PipelineTask's onError to its TaskRun.
	AnnotationPipelineTaskOnError = "pipeline.tekton.dev/pipeline-task-on-error"
	// AnnotationAutoCleanupPVC, set to "true" on a PipelineRun, has the claims
	// made from its volumeClaimTemplates deleted when it ends.
	AnnotationAutoCleanupPVC = "tekton.dev/auto-cleanup-pvc"

	// AnnotationExecutionMode on a TaskRun says how its steps run; ExecutionModeHermetic
	// is without network.
	AnnotationExecutionMode = "experimental.tekton.dev/execution-mode"
	ExecutionModeHermetic   = "hermetic"
)

// ManagedBy is the value of spec.managedBy that means this controller; an empty
// field means the same. A run with any other value is left to that manager.
const ManagedBy = GroupName + "/pipeline"
