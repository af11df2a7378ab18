// Package torture drives a whole server at random, for as long as one likes, and holds every byte that comes out of it against what must.
//
// TestBodies sends bodies through every kind of proxied location, between peers that burst, pause and end in odd places and clients that
// read slowly. TestMarks lets clients and peers that misbehave loose on one pool of kept connections, and sees that nobody is told
// what is another's. TestCaches asks for things that change through every kind of cache, while files are removed and entries purged.
// TestGroups asks within sessions of groups whose peers fall ill and whose names change. WEIR_TORTURE says for how long each runs (20s, 1h),
// WEIR_TORTURE_SEED repeats one run's choices.
package torture
