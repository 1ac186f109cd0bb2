// Package patches tests what gotchfit patches in gotch, and nothing else.
//
// Each test passes on the patched copy (GOWORK=build/go.work) and fails on the upstream one
// (GOWORK=build/upstream/go.work), where TestUpstreamFails of
// github.com/symdiff-go/symdiff/trainer/gotchfit runs it. They need the tag torch.
package patches
