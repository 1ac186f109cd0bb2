// Package torch is the network of github.com/symdiff-go/symdiff/core/model in libtorch, with
// gradients.
//
// It has the same parameters under the same names (model.Config.Parameters), held in one flat
// float32 buffer with a view for each (Params), so that the optimiser, the moving average and
// checkpoints are a few operations on one tensor. A batch holds molecules of one size: X is (B, N,
// 3), h is (B, N, F), and nothing is padded. The code is built with the tag torch only, in the
// workspace that github.com/symdiff-go/symdiff/trainer/gotchfit writes.
//
// libtorch's gradient mode, error slot and thread pool belong to an OS thread: call Setup first,
// and use the package from that goroutine only.
package torch
