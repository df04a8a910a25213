package v1

// SetDefaults fills in what follows from the rest of the object. It does not set
// what an installation decides, such as timeouts and service accounts, so that an
// object says only what its author meant.
func (t *Task) SetDefaults() { t.Spec.SetDefaults() }

// SetDefaults gives parameters and results their types.
func (s *TaskSpec) SetDefaults() {
	for i := range s.Params {
		s.Params[i].SetDefaults()
	}
	for i := range s.Results {
		s.Results[i].SetDefaults()
	}
	for i := range s.Steps {
		for j := range s.Steps[i].Results {
			s.Steps[i].Results[j].SetDefaults()
		}
	}
}

// SetDefaults gives a reference by name the kind Task.
func (r *TaskRef) SetDefaults() {
	if r != nil && r.Kind == "" && r.Resolver == "" && r.APIVersion == "" {
		r.Kind = NamespacedTaskKind
	}
}

// SetDefaults fills in what follows from the rest of the object.
func (tr *TaskRun) SetDefaults() {
	tr.Spec.TaskRef.SetDefaults()
	if tr.Spec.TaskSpec != nil {
		tr.Spec.TaskSpec.SetDefaults()
	}
}

// SetDefaults fills in what follows from the rest of the object.
func (p *Pipeline) SetDefaults() { p.Spec.SetDefaults() }

// SetDefaults gives parameters their types, and the tasks their defaults.
func (s *PipelineSpec) SetDefaults() {
	for i := range s.Params {
		s.Params[i].SetDefaults()
	}
	for _, tasks := range [][]PipelineTask{s.Tasks, s.Finally} {
		for i := range tasks {
			t := &tasks[i]
			t.TaskRef.SetDefaults()
			if t.TaskSpec != nil {
				t.TaskSpec.TaskSpec.SetDefaults()
			}
			if t.PipelineSpec != nil {
				t.PipelineSpec.SetDefaults()
			}
		}
	}
}

// SetDefaults fills in what follows from the rest of the object.
func (pr *PipelineRun) SetDefaults() {
	if pr.Spec.PipelineSpec != nil {
		pr.Spec.PipelineSpec.SetDefaults()
	}
}
