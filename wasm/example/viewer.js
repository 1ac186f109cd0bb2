import "symdiff/viewer";
