#include "nn/crowd.h"

/* In seconds. Threads of ours that are alone on their cores wait for some hundredths of the time; two beside one other
 * process that computes, for half of it. */
static const double LOOK = 0.03, REST = 0.2, CROWDED_SHARE = 0.1, HOLD_LEAST = 0.25, HOLD_MOST = 4;

bool crowd_opens(struct crowd *c, double now)
{
    if (c->open || now < c->quiet_until)
        return false;
    c->open = true;
    c->computed = 0;
    return true;
}

bool crowd_closes(struct crowd *c, double seconds)
{
    c->computed += seconds;
    if (!c->open || c->computed < LOOK)
        return false;
    c->open = false;
    return true;
}

/* A look takes longer than LOOK where a step does. */
static double least_hold(const struct crowd *c)
{
    enum { LOOKS = 16 };
    return LOOKS * c->computed > HOLD_LEAST ? LOOKS * c->computed : HOLD_LEAST;
}

double crowd_judge(struct crowd *c, double now, double waited)
{
    if (waited < CROWDED_SHARE * c->computed) {
        c->hold = 0;
        c->quiet_until = now + REST;
        return 0;
    }
    double hold = c->hold > least_hold(c) ? c->hold : least_hold(c);
    c->hold = 2 * hold < HOLD_MOST ? 2 * hold : HOLD_MOST;
    c->quiet_until = now + hold;
    return hold;
}
