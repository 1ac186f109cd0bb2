// Package pytorch reads and writes the checkpoints of PyTorch, and knows the names under which
// SymDiff, DiT and EDM were published.
//
// A checkpoint is a pickle, that is a program for a small stack machine that may call anything. The
// reader here builds numbers, text, lists, tuples, dictionaries and tensors, and nothing else: a
// class or function that it does not know is an error, or, where the caller asks for it, a value
// that holds the name. Nothing is ever executed.
//
// Formats: the zip of PyTorch 1.6 and newer, the one before it (a row of pickles, then the
// storages), and a plain pickle, such as args.pickle. Sources: Python's pickletools.py;
// torch/serialization.py and torch/_utils.py of PyTorch 1.13.
package pytorch
