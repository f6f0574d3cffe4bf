/* Whether others compute on our cores, seen by how long our threads have work and no core. Idle threads spin before
 * they sleep, because they wake too slowly for small nets; beside others it pays to sleep at once: a thread that has
 * spun its time slice away is not there when its work comes. */
#ifndef NN_CROWD_H
#define NN_CROWD_H

#include <stdbool.h>

/* A look lasts for some time of computing, and is taken from time to time. */
struct crowd {
    bool open;                /* it is being looked at */
    double computed;          /* seconds of that */
    int found;                /* looks one after the other that have found others */
    double hold, quiet_until; /* for how long the next finding holds; no look before then */
    bool quiet;               /* the last look found nobody */
    bool brief;               /* computations are cut into pieces too small to wake a thread for */
};

/* A computation begins at `now`: whether a look begins with it, and so the count of what threads wait. */
bool crowd_opens(struct crowd *c, double now);
/* For how long threads had better sleep at once where others are seen to run as a look begins, until more is known; 0:
 * it is not worth looking. A look beside others costs very slow steps where threads spin, and little where they sleep.
 */
double crowd_suspicion(const struct crowd *c);
/* A computation of so many seconds has ended: whether the look ends with it. */
bool crowd_closes(struct crowd *c, double seconds);
/* After that, all threads together having waited so many seconds: for how long threads are to sleep at once; 0: not at
 * all. What is found again and again holds for longer and longer: a look costs some slow steps. */
double crowd_judge(struct crowd *c, double now, double waited);
/* A computation of so many seconds had so many pieces that threads shared. */
void crowd_note(struct crowd *c, double seconds, int shared);
/* Whether a thread had better compute its shared pieces alone: others are there, and so threads sleep, and the pieces
 * are over before one is awake. */
bool crowd_keeps_alone(const struct crowd *c, double now);

#endif
