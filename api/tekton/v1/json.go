package v1

import "github.com/slipway-dev/slipway/api/tekton/malformed"

// UnmarshalJSON reads what can be read; see package malformed.
func (t *Task) UnmarshalJSON(data []byte) (err error) {
	type plain Task
	t.Malformed, err = malformed.Read(data, (*plain)(t))
	return err
}

// UnmarshalJSON reads what can be read; see package malformed.
func (tr *TaskRun) UnmarshalJSON(data []byte) (err error) {
	type plain TaskRun
	tr.Malformed, err = malformed.Read(data, (*plain)(tr))
	return err
}

// UnmarshalJSON reads what can be read; see package malformed.
func (p *Pipeline) UnmarshalJSON(data []byte) (err error) {
	type plain Pipeline
	p.Malformed, err = malformed.Read(data, (*plain)(p))
	return err
}

// UnmarshalJSON reads what can be read; see package malformed.
func (pr *PipelineRun) UnmarshalJSON(data []byte) (err error) {
	type plain PipelineRun
	pr.Malformed, err = malformed.Read(data, (*plain)(pr))
	return err
}
