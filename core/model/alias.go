package model

import (
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// Names that are in packages encoding and safetensors.
type (
	Meta        = encoding.Meta
	Quantity    = encoding.Quantity
	Moments     = encoding.Moments
	Composition = encoding.Composition
	Parameter   = safetensors.Parameter
)

const (
	TypesName = encoding.TypesName
	PartMark  = encoding.FixedMark
)

func QM9Meta() Meta                                             { return encoding.QM9() }
func NewMomentsSum(m Meta) *encoding.MomentsSum                 { return encoding.NewMomentsSum(m) }
func MarkPart(h []float32)                                      { encoding.MarkFixed(h) }
func CountName(symbol string) string                            { return encoding.CountName(symbol) }
func IsCount(name string) bool                                  { return encoding.IsCount(name) }
func ScheduleParameters(s schedule.Spec) []Parameter            { return encoding.ScheduleParameters(s) }
func ParseMeta(file string, md map[string]string) (Meta, error) { return encoding.Parse(file, md) }
