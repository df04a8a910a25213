package v1

import "github.com/slipway-dev/slipway/api/tekton/malformed"

// UnmarshalJSON reads what can be read; see package malformed.
func (t *Task) UnmarshalJSON(data []byte) (err error) {
	type plain Task
	t.Malformed, err = malformed.Read(data, (*plain)(t))
	return err
}

// Unread returns the field that could not be read, or nil.
func (t *Task) Unread() *malformed.Field { return t.Malformed }

// UnmarshalJSON reads what can be read; see package malformed.
func (tr *TaskRun) UnmarshalJSON(data []byte) (err error) {
	type plain TaskRun
	tr.Malformed, err = malformed.Read(data, (*plain)(tr))
	return err
}

// Unread returns the field that could not be read, or nil.
func (tr *TaskRun) Unread() *malformed.Field { return tr.Malformed }

// UnmarshalJSON reads what can be read; see package malformed.
func (p *Pipeline) UnmarshalJSON(data []byte) (err error) {
	type plain Pipeline
	p.Malformed, err = malformed.Read(data, (*plain)(p))
	return err
}

// Unread returns the field that could not be read, or nil.
func (p *Pipeline) Unread() *malformed.Field { return p.Malformed }

// UnmarshalJSON reads what can be read; see package malformed.
func (pr *PipelineRun) UnmarshalJSON(data []byte) (err error) {
	type plain PipelineRun
	pr.Malformed, err = malformed.Read(data, (*plain)(pr))
	return err
}

// Unread returns the field that could not be read, or nil.
func (pr *PipelineRun) Unread() *malformed.Field { return pr.Malformed }
