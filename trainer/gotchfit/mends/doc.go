// Package mends tests what gotchfit mends in gotch, and nothing else.
//
// Its tests pass on the mended copy (GOWORK=build/go.work) and fail on the stock one
// (GOWORK=build/stock/go.work), each of them: github.com/symdiff-go/symdiff/trainer/gotchfit's
// TestStockFails runs them there. They need the tag torch.
package mends
