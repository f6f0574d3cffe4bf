/* Scores pictures on several threads that share one model: score_threads MODEL.safetensors THREADS PICTURE... */
#include <engram.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS_MAX = 64 };

struct job {
    const engram_model *model;
    char **pictures;
    int n;
    atomic_int next; /* picture that nobody has taken yet */
    engram_result *results;
    engram_error *errors; /* code 0: there is a result */
};

/* A scorer is one thread's: each has its own, and computes on its own thread alone. */
static void *work(void *user)
{
    static const char *const settings[] = {"threads=1"};
    struct job *job = user;
    engram_scorer *scorer = NULL;
    engram_error error = {0};
    int failed = engram_scorer_new(job->model, settings, 1, &scorer, &error);
    for (int i; (i = atomic_fetch_add(&job->next, 1)) < job->n;)
        if (failed)
            job->errors[i] = error;
        else
            engram_score_file(scorer, job->pictures[i], &job->results[i], &job->errors[i]);
    engram_scorer_free(scorer);
    return NULL;
}

static int print(const struct job *job)
{
    int failed = 0;
    for (int i = 0; i < job->n; i++) {
        const engram_result *r = &job->results[i];
        failed |= job->errors[i].code != 0;
        if (job->errors[i].code)
            fprintf(stderr, "score_threads: %s\n", job->errors[i].message);
        else
            printf("%s: score %.9g, p-value %.9g: %s\n", job->pictures[i], r->score, r->p_value,
                   r->anomalous ? "anomalous" : "normal");
    }
    return failed;
}

static int score(struct job *job, int threads)
{
    pthread_t others[THREADS_MAX];
    int started = 0;
    job->results = calloc((size_t)job->n, sizeof *job->results);
    job->errors = calloc((size_t)job->n, sizeof *job->errors);
    if (!job->results || !job->errors)
        return 1;
    for (int i = 0; i < job->n; i++)
        job->results[i].size = sizeof *job->results;
    while (started < threads - 1 && !pthread_create(&others[started], NULL, work, job))
        started++;
    work(job); /* this thread is one of them */
    while (started > 0)
        pthread_join(others[--started], NULL);
    return print(job);
}

int main(int argc, char **argv)
{
    engram_model *model = NULL;
    engram_error error;
    int threads = argc > 3 ? atoi(argv[2]) : 0;
    if (threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: score_threads MODEL.safetensors THREADS PICTURE... (1 to %d threads)\n", THREADS_MAX);
        return 2;
    }
    if (engram_model_load(argv[1], &model, &error)) {
        fprintf(stderr, "score_threads: %s\n", error.message);
        return 1;
    }
    struct job job = {.model = model, .pictures = argv + 3, .n = argc - 3};
    int failed = score(&job, threads);
    free(job.results);
    free(job.errors);
    engram_model_free(model);
    return failed;
}
