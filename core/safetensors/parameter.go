package safetensors

// Parameter is one tensor that a network wants of a file.
type Parameter struct {
	Name  string // as in the published state_dict
	Shape []int  // weights of linear layers are (out, in), as in PyTorch
}

// Size is the number of values of the parameter.
func (p Parameter) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Parameters is a list of parameters in the order of the published state_dict.
type Parameters []Parameter

// Add appends a tensor.
func (l *Parameters) Add(name string, shape ...int) { *l = append(*l, Parameter{name, shape}) }

// Linear appends a layer: NAME.weight (out, in) and NAME.bias (out).
func (l *Parameters) Linear(name string, in, out int) {
	l.Add(name+".weight", out, in)
	l.Add(name+".bias", out)
}
