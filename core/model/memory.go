package model

// StateBytes is what NewState takes for a batch, in bytes, its largest buffers.
func (m *Model) StateBytes(sizes []int) int64 {
	c := m.Config
	rows, largest := int64(0), int64(0)
	for _, n := range sizes {
		rows += int64(n)
		largest = max(largest, int64(n))
	}
	values := rows * int64(c.K+3*c.Hidden+6+c.Features)
	values += m.k.StateValues(sizes) + largest*int64(c.K)
	return 4*values + nextTimes*int64(m.k.ModulationSize(m.finalAdaLN))
}

// StateBytes is that of f.
func (f encoder) StateBytes(sizes []int) int64 {
	c := f.m.Config
	rows := int64(0)
	for _, n := range sizes {
		rows += int64(n)
	}
	values := rows*int64(3+c.NoiseDims+c.Hidden+c.EncHidden) +
		int64(len(sizes))*int64(c.EncHidden+c.DecHidden+9)
	return 4 * (values + f.m.enc.StateValues(sizes))
}
