/* The pause instruction, of which spinning threads make one between two looks: it takes 40 to 140 cycles, by the
 * processor. */
#ifndef BASE_PAUSE_H
#define BASE_PAUSE_H

/* How many of them take so many seconds here, measured in some 100 microseconds; at least 1. */
int pause_count(double seconds);

#endif
