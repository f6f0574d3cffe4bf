#include "nn/crowd.h"

/* In seconds. Threads of ours that are alone on their cores wait for some hundredths of the time; two beside one other
 * process that computes, for half of it. */
static const double LOOK = 0.03, REST = 0.2, CROWDED_SHARE = 0.1, HOLD_LEAST = 0.25, HOLD_MOST = 4, SUSPICION = 0.1,
                    OVERLAP = 0.03; /* threads still sleep when the next look begins, so that nothing is in between */

/* Seconds: a sleeping thread takes some tens of microseconds to be there, and more beside others. */
static const double BRIEF = 100e-6;

/* As many find the same before it is believed: threads that have just begun may share a core for a moment. */
enum { LOOKS = 3 };

bool crowd_opens(struct crowd *c, double now)
{
    if (c->open || now < c->quiet_until)
        return false;
    c->open = true;
    c->computed = 0;
    return true;
}

/* Where the last look was quiet, idle threads of ours spin and would be taken for others. */
double crowd_suspicion(const struct crowd *c)
{
    return c->quiet ? 0 : SUSPICION;
}

/* The first step prepares much on one thread, and so says little: the first look is longer. */
bool crowd_closes(struct crowd *c, double seconds)
{
    bool first = !c->found && c->quiet_until <= 0;
    c->computed += seconds;
    if (!c->open || c->computed < (first ? 1.5 : 1) * LOOK)
        return false;
    c->open = false;
    return true;
}

static double at_most(double a, double b)
{
    return a < b ? a : b;
}

double crowd_judge(struct crowd *c, double now, double waited)
{
    enum { TIMES = 16 }; /* a look takes longer than LOOK where a step does */
    c->quiet = waited < CROWDED_SHARE * c->computed;
    if (c->quiet) {
        c->found = 0;
        c->hold = 0;
        c->quiet_until = now + REST;
        return 0;
    }
    if (++c->found < LOOKS)
        return 0;
    double hold = c->hold > 0 ? c->hold : TIMES * c->computed;
    hold = at_most(hold > HOLD_LEAST ? hold : HOLD_LEAST, HOLD_MOST);
    c->hold = 2 * hold;
    c->quiet_until = now + hold;
    c->found = 0;
    return hold + OVERLAP;
}

void crowd_note(struct crowd *c, double seconds, int shared)
{
    c->brief = shared > 0 && seconds < BRIEF * shared;
}

bool crowd_keeps_alone(const struct crowd *c, double now)
{
    return c->brief && c->hold > 0 && now < c->quiet_until;
}
