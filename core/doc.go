// Package core is the inference of SymDiff in pure Go: it reads weights, samples
// molecules and judges them, natively and as WebAssembly, with the same bits
// everywhere. It has no code itself. Its folders, in the order of their imports:
//
//	f32, rng, o3           kernels in float32, random streams, orthogonal matrices
//	schedule               the noise schedule of a diffusion
//	molecule               atoms in space: files, bonds, stability, validity
//	safetensors            the file format of weights
//	symmetrise             makes any denoiser equivariant by a random orthogonal matrix
//	encoding               what the rows of a network mean
//	dit, model             the transformer, and SymDiff's network around it
//	egnn, geoldm           other networks, for comparison: EDM's and GeoLDM's
//	checkpoint             opens the weights of any of them
//	sampler, likelihood    the reverse process, and the bound on the likelihood
//	weights                the shipped models
//	symdiff                opens a model and generates: start there
//
// Core imports nothing of the other folders, no cgo, no syscall/js, no fmt and no
// encoding/json, which would double the size of the WebAssembly.
package core
