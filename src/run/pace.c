#include "run/pace.h"

static const double EVERY = 10; /* seconds */

static void tell(const struct pace *p, const char *what, const struct pace_tally *t)
{
    const struct feed_counts c = feed_count(p->feed);
    const double seconds = feed_clock(p->feed) - t->since;
    log_line(p->log, LOG_INFO,
             "%s %.0f s: %lld frames scored, %.3g a second, %lld dropped; verdicts came %.2f s behind their frames, at "
             "most %.2f s; connected %lld time%s",
             what, seconds, (long long)t->verdicts, (double)t->verdicts / seconds, (long long)(c.dropped - t->dropped),
             t->verdicts ? t->waited / (double)t->verdicts : 0, t->longest, (long long)c.connections,
             c.connections == 1 ? "" : "s");
}

static void add(struct pace_tally *t, double waited)
{
    t->verdicts++;
    t->waited += waited;
    t->longest = waited > t->longest ? waited : t->longest;
}

void pace_verdict(struct pace *p, double time)
{
    const double now = feed_clock(p->feed);
    add(&p->all, now - time);
    add(&p->lately, now - time);
    if (now - p->lately.since < EVERY)
        return;
    tell(p, "the last", &p->lately);
    p->lately = (struct pace_tally){.dropped = feed_count(p->feed).dropped, .since = now};
}

void pace_end(struct pace *p)
{
    tell(p, "in all,", &p->all);
}
