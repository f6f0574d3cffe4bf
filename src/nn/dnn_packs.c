#include "nn/dnn_packs.h"

#include "nn/dnn_prim.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct dnn_packs {
    pthread_mutex_t lock; /* of the list and the counts */
    struct dnn_pack *first;
};

struct dnn_pack {
    struct dnn_packs *packs; /* NULL: not shared */
    const void *weight, *scale;
    dnnl_memory_t memory; /* of `data`; it keeps the description */
    void *data;
    int users;
    pthread_mutex_t packing;
    atomic_uint_fast64_t version; /* of the weights that it holds; 0: none */
    struct dnn_pack *next;
};

struct dnn_packs *dnn_packs_new(void)
{
    struct dnn_packs *packs = calloc(1, sizeof *packs);
    if (packs)
        pthread_mutex_init(&packs->lock, NULL);
    return packs;
}

void dnn_packs_free(struct dnn_packs *packs)
{
    if (packs)
        pthread_mutex_destroy(&packs->lock);
    free(packs);
}

static void destroy(struct dnn_pack *p)
{
    if (p->memory)
        dnnl_memory_destroy(p->memory);
    pthread_mutex_destroy(&p->packing);
    free(p->data);
    free(p);
}

static int create(const struct dnn_sharing *sharing, dnn_desc desc, struct dnn_pack **out, struct err *e)
{
    size_t bytes = dnn_padded_size(desc);
    struct dnn_pack *p = calloc(1, sizeof *p);
    if (!p)
        return err_memory(e, "packed weights");
    *p = (struct dnn_pack){.packs = sharing->packs, .weight = sharing->weight, .scale = sharing->scale, .users = 1};
    pthread_mutex_init(&p->packing, NULL);
    p->data = aligned_alloc(64, bytes);
    int code = p->data ? dnn_memory_new(desc, p->data, &p->memory, e) : err_memory(e, "packed weights");
    if (code < 0) {
        destroy(p);
        return code;
    }
    memset(p->data, 0, bytes);
    *out = p;
    return 0;
}

static struct dnn_pack *find(const struct dnn_sharing *sharing, dnn_desc desc)
{
    struct dnn_pack *p = sharing->packs->first;
    while (p && !(p->weight == sharing->weight && p->scale == sharing->scale &&
                  dnnl_memory_desc_equal(dnn_desc_of_memory(p->memory), desc)))
        p = p->next;
    return p;
}

static int take_shared(const struct dnn_sharing *sharing, dnn_desc desc, struct dnn_pack **out, struct err *e)
{
    struct dnn_packs *packs = sharing->packs;
    if ((*out = find(sharing, desc))) {
        (*out)->users++;
        return 0;
    }
    TRY(create(sharing, desc, out, e));
    (*out)->next = packs->first;
    packs->first = *out;
    return 0;
}

int dnn_pack_take(const struct dnn_sharing *sharing, dnn_desc desc, struct dnn_pack **out, struct err *e)
{
    if (!sharing->packs)
        return create(sharing, desc, out, e);
    pthread_mutex_lock(&sharing->packs->lock);
    int code = take_shared(sharing, desc, out, e);
    pthread_mutex_unlock(&sharing->packs->lock);
    return code;
}

/* Whether that was the last user: then it is in the list no more. */
static bool leave(struct dnn_pack *p)
{
    if (--p->users)
        return false;
    struct dnn_pack **at = &p->packs->first;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    return true;
}

void dnn_pack_release(struct dnn_pack *p)
{
    if (!p)
        return;
    struct dnn_packs *packs = p->packs;
    if (packs)
        pthread_mutex_lock(&packs->lock);
    bool last = !packs || leave(p);
    if (packs)
        pthread_mutex_unlock(&packs->lock);
    if (last)
        destroy(p);
}

void *dnn_pack_data(const struct dnn_pack *p)
{
    return p->data;
}

bool dnn_pack_holds(const struct dnn_pack *p, const struct dnn_sharing *sharing)
{
    return p->packs && atomic_load(&p->version) == *sharing->version;
}

bool dnn_pack_begin(struct dnn_pack *p, const struct dnn_sharing *sharing)
{
    pthread_mutex_lock(&p->packing);
    if (!dnn_pack_holds(p, sharing))
        return true;
    pthread_mutex_unlock(&p->packing);
    return false;
}

void dnn_pack_end(struct dnn_pack *p, const struct dnn_sharing *sharing, bool done)
{
    if (p->packs)
        atomic_store(&p->version, done ? *sharing->version : 0);
    pthread_mutex_unlock(&p->packing);
}
