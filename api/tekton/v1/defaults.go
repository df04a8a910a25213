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
		r := &s.Results[i]
		r.Type = resultType(r.Type, r.Properties)
	}
	for i := range s.Steps {
		for j := range s.Steps[i].Results {
			r := &s.Steps[i].Results[j]
			r.Type = resultType(r.Type, r.Properties)
		}
	}
}

// SetDefaults gives the parameter the type that its properties or its default have.
func (p *ParamSpec) SetDefaults() {
	if p.Type == "" {
		switch {
		case p.Properties != nil:
			p.Type = ParamTypeObject
		case p.Default != nil && p.Default.Type != "":
			p.Type = p.Default.Type
		default:
			p.Type = ParamTypeString
		}
	}
	stringProperties(p.Properties)
}

func resultType(t ResultsType, properties map[string]PropertySpec) ResultsType {
	stringProperties(properties)
	switch {
	case t != "":
		return t
	case properties != nil:
		return ResultsTypeObject
	}
	return ResultsTypeString
}

func stringProperties(properties map[string]PropertySpec) {
	for k, p := range properties {
		if p.Type == "" {
			properties[k] = PropertySpec{Type: ParamTypeString}
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
