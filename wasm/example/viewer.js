import "symdiff-mol/viewer";
