package view
type Edit struct{}
func (e *Edit) deleted(it *item) {}
