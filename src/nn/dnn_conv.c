#include "nn/dnn_packs.h"
#include "nn/dnn_prim.h"
#include "nn/layout.h"
#include "nn/ops/elements.h"
#include "nn/parallel.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKING_FLOPS_PER_BYTE = 100, BLOCKING_BF16_BYTES = 32 << 20, PARTS = 64 };

/* What the weight gradients of all parts may take together: beyond that a layer is computed in one. */
enum { PARTS_BYTES = 128 << 20 };

/* A memory in a packed format; copy: where it is kept, or NULL where it lies in scratch. */
struct packed {
    dnnl_memory_t memory;
    struct dnn_pack *copy;
};

static const struct kind {
    const char *what;
    int src, dst, weight; /* the arguments' names in oneDNN */
    dnnl_query_t src_md, dst_md, weight_md;
} kinds[DNN_DIRECTIONS] = {
    {"a convolution", DNNL_ARG_SRC, DNNL_ARG_DST, DNNL_ARG_WEIGHTS, dnnl_query_src_md, dnnl_query_dst_md,
     dnnl_query_weights_md},
    {"a convolution's adjoint", DNNL_ARG_DIFF_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, dnnl_query_diff_src_md,
     dnnl_query_diff_dst_md, dnnl_query_weights_md},
    {"a convolution's weight gradient", DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS, dnnl_query_src_md,
     dnnl_query_diff_dst_md, dnnl_query_diff_weights_md},
};

/* One of the three, ready to run; run.run NULL: not asked for. */
struct ready {
    struct dnn_prim run;
    struct packed weight;                 /* the weights, or their gradient, as the primitive wants them */
    struct dnn_prim reorder;              /* between that and the caller's: before it runs, or behind */
    struct dnn_prim block_src, block_dst; /* into the blocked layout, where that pays; copies at the front of scratch */
    size_t grad_bytes;                    /* of a weight gradient, behind those; 0: the weights have their own buffer */
};

struct dnn_conv {
    struct dnn_conv_spec spec;
    dnn_desc src, dst, weight, bias; /* as the caller has them */
    struct ready ready[DNN_DIRECTIONS];
    struct dnn_conv *part[PARTS]; /* backward-weights by parts of the batch, one a thread; parts 0: in one */
    int parts;
    dnnl_memory_t canonical; /* the caller's weights or their gradient */
    size_t bytes;
};

/* `kept`: with a buffer, perhaps a shared one; else it is bound at every call. */
static int new_packed(struct dnn_conv *c, dnn_desc desc, bool kept, struct packed *out, struct err *e)
{
    if (!kept)
        return dnn_memory_new(desc, DNNL_MEMORY_NONE, &out->memory, e);
    TRY(dnn_pack_take(&c->spec.sharing, desc, &out->copy, e));
    c->bytes += dnn_padded_size(desc);
    return dnn_memory_new(desc, dnn_pack_data(out->copy), &out->memory, e);
}

static void free_packed(struct packed *p)
{
    if (p->memory)
        dnnl_memory_destroy(p->memory);
    dnn_pack_release(p->copy);
}

/* ---- descriptions ---- */

static dnnl_format_tag_t channels_last(const struct dnn_conv_spec *s)
{
    return s->src.nd == 4 ? dnnl_nhwc : dnnl_ndhwc;
}

/* oneDNN names dimensions N,C,[D],H,W whatever the order in memory. */
static dnnl_status_t describe_data(const struct shape *s, enum dtype type, dnnl_format_tag_t format, dnn_desc *out)
{
    dnnl_dims_t dims = {s->d[0], shape_last(s)};
    for (int i = 1; i < s->nd - 1; i++)
        dims[i + 1] = s->d[i];
    return dnn_desc_new(s->nd, dims, dnn_data_type(type), format, out);
}

static dnnl_status_t describe_weight(const struct dnn_conv_spec *s, enum dtype type, dnnl_format_tag_t format,
                                     dnn_desc *out)
{
    dnnl_dims_t dims = {shape_last(&s->dst), shape_last(&s->src)};
    for (int i = 2; i < s->src.nd; i++)
        dims[i] = s->kernel[i - 2];
    return dnn_desc_new(s->src.nd, dims, dnn_data_type(type), format, out);
}

static int describe(struct dnn_conv *c, struct err *e)
{
    const struct dnn_conv_spec *s = &c->spec;
    const dnnl_dim_t channels[] = {shape_last(&s->dst)};
    dnnl_status_t status = describe_data(&s->src, s->src_type, channels_last(s), &c->src);
    if (status == dnnl_success)
        status = describe_data(&s->dst, s->dst_type, channels_last(s), &c->dst);
    if (status == dnnl_success) /* O,[kD],kH,kW,I: the same tag as data */
        status = describe_weight(s, F32, channels_last(s), &c->weight);
    if (status == dnnl_success)
        status = dnn_desc_new(1, channels, dnnl_f32, dnnl_a, &c->bias);
    return status == dnnl_success ? 0 : dnn_failed(e, "a convolution's description", status);
}

/* Padding at the far end is whatever makes dst come out right. */
static void paddings(const struct dnn_conv_spec *s, dnnl_dim_t *stride, dnnl_dim_t *left, dnnl_dim_t *right)
{
    for (int i = 0; i < s->src.nd - 2; i++) {
        stride[i] = s->stride[i];
        left[i] = s->pad[i];
        right[i] = (s->dst.d[i + 1] - 1) * s->stride[i] + s->kernel[i] - s->src.d[i + 1] - s->pad[i];
    }
}

static int attributes(const struct dnn_conv_spec *s, bool post, dnnl_primitive_attr_t *out, struct err *e)
{
    dnnl_status_t status = dnn_attributes_new(out);
    if (status == dnnl_success && post && s->act != ACT_NONE) {
        dnnl_post_ops_t ops = NULL;
        float slope = s->act == ACT_LRELU ? s->slope : 0;
        status = dnnl_post_ops_create(&ops);
        if (status == dnnl_success)
            status = dnn_append_relu(ops, slope);
        if (status == dnnl_success)
            status = dnnl_primitive_attr_set_post_ops(*out, ops);
        if (ops)
            dnnl_post_ops_destroy(ops);
    }
    return status == dnnl_success ? 0 : dnn_failed(e, "a convolution's attributes", status);
}

/* ---- the three directions ---- */

/* Weights in the data's precision, their gradient in F32. */
static enum dtype weight_type(const struct dnn_conv_spec *s, enum dnn_direction d)
{
    return d != DNN_BACKWARD_WEIGHTS && (s->src_type == BF16 || s->dst_type == BF16) ? BF16 : F32;
}

/* A reorder between the caller's weights and a packed form. */
static int new_reorder(struct dnn_conv *c, struct packed *packed, bool pack, struct dnn_prim *p, struct err *e)
{
    dnn_desc desc = dnn_desc_of_memory(packed->memory);
    TRY(pack ? dnn_prim_reorder(p, c->weight, desc, e) : dnn_prim_reorder(p, desc, c->weight, e));
    if (!c->canonical)
        TRY(dnn_memory_new(c->weight, DNNL_MEMORY_NONE, &c->canonical, e));
    dnn_prim_add_bound(p, DNNL_ARG_FROM, pack ? c->canonical : packed->memory);
    dnn_prim_add_bound(p, DNNL_ARG_TO, pack ? packed->memory : c->canonical);
    return 0;
}

/* Channels-last makes backward-weights up to four times slower in f32 (measured: 303 against 94 ms for the second layer
 * of the video net). The blocked layout wins once the arithmetic outweighs the two copies. In bf16 oneDNN interleaves
 * its operands itself, and channels-last costs nothing but where they come from memory (85 against 77 ms for that
 * layer; cifar10's are 6 % faster without copies on two threads). With AVX2 at most, the f32 bound does as well. Where
 * there is AMX, oneDNN likes channels-last best, and no copy is made. */
static bool blocking_pays(const struct dnn_conv *c)
{
    double taps = 1;
    for (int i = 0; i < c->spec.src.nd - 2; i++)
        taps *= c->spec.kernel[i];
    double flops = 2.0 * (double)shape_count(&c->spec.dst) * taps * (double)shape_last(&c->spec.src);
    double bytes = (double)dnnl_memory_desc_get_size(c->src) + (double)dnnl_memory_desc_get_size(c->dst);
    return flops / bytes >= BLOCKING_FLOPS_PER_BYTE && (c->spec.src_type == F32 || bytes >= BLOCKING_BF16_BYTES);
}

/* A reorder of data from channels-last into what the primitive chose; nothing where that is the same. */
static int new_blocking(dnn_desc from, dnn_desc to, struct dnn_prim *p, struct err *e)
{
    if (dnnl_memory_desc_equal(from, to))
        return 0;
    TRY(dnn_prim_reorder(p, from, to, e));
    p->scratch = dnn_padded_size(to);
    TRY(dnn_prim_add(p, DNNL_ARG_FROM, from, e));
    return dnn_prim_add(p, DNNL_ARG_TO, to, e);
}

/* Its src and dst are the caller's or, where blocking pays, whatever oneDNN likes best; so are the weights always. */
static dnnl_status_t ask(const struct dnn_conv *c, struct dnn_conv_question *q, dnnl_primitive_desc_t *out)
{
    const struct dnn_conv_spec *s = &c->spec;
    dnn_desc weight = NULL, src = NULL, dst = NULL;
    dnnl_status_t status = describe_weight(s, weight_type(s, q->direction), dnnl_format_tag_any, &weight);
    bool blocks = q->direction == DNN_BACKWARD_WEIGHTS && blocking_pays(c);
    if (status == dnnl_success && blocks)
        status = describe_data(&s->src, s->src_type, dnnl_format_tag_any, &src);
    if (status == dnnl_success && blocks)
        status = describe_data(&s->dst, s->dst_type, dnnl_format_tag_any, &dst);
    q->weight = weight;
    q->src = blocks ? src : c->src;
    q->dst = blocks ? dst : c->dst;
    if (status == dnnl_success)
        status = dnn_choose_conv(q, out);
    dnn_desc_free(weight);
    dnn_desc_free(src);
    dnn_desc_free(dst);
    return status;
}

/* What oneDNN chooses for one direction, to be destroyed by the caller. `hint`: the forward direction's, which the
 * adjoints want. */
static int choose(const struct dnn_conv *c, enum dnn_direction d, bool bias, dnnl_primitive_attr_t attr,
                  dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out, struct err *e)
{
    struct dnn_conv_question q = {
        .direction = d, .spec = &c->spec, .bias = bias ? c->bias : NULL, .attr = attr, .hint = hint};
    paddings(&c->spec, q.stride, q.left, q.right);
    dnnl_status_t status = ask(c, &q, out);
    return status == dnnl_success ? 0 : dnn_failed(e, kinds[d].what, status);
}

/* The arguments of every direction in this order; only forward has a bias. */
enum { SRC, DST, SCRATCH, BIAS };

static int fill_direction(struct dnn_conv *c, enum dnn_direction d, dnnl_primitive_desc_t pd, struct err *e)
{
    const struct kind *k = &kinds[d];
    struct ready *r = &c->ready[d];
    struct dnn_prim *p = &r->run;
    dnn_desc src = dnn_desc_of(pd, k->src_md), dst = dnn_desc_of(pd, k->dst_md);
    dnn_desc scratch = dnn_desc_of(pd, dnnl_query_scratchpad_md);
    TRY(new_packed(c, dnn_desc_of(pd, k->weight_md), d != DNN_BACKWARD_WEIGHTS, &r->weight, e));
    r->grad_bytes = d == DNN_BACKWARD_WEIGHTS ? dnn_padded_size(dnn_desc_of(pd, k->weight_md)) : 0;
    TRY(new_blocking(c->src, src, &r->block_src, e));
    TRY(new_blocking(c->dst, dst, &r->block_dst, e));
    TRY(dnn_prim_add(p, k->src, src, e));
    TRY(dnn_prim_add(p, k->dst, dst, e));
    TRY(dnn_prim_add(p, DNNL_ARG_SCRATCHPAD, scratch, e));
    if (d == DNN_FORWARD)
        TRY(dnn_prim_add(p, DNNL_ARG_BIAS, c->bias, e));
    dnn_prim_add_bound(p, k->weight, r->weight.memory);
    p->scratch = dnnl_memory_desc_get_size(scratch) + r->block_src.scratch + r->block_dst.scratch + r->grad_bytes;
    dnnl_status_t status = dnnl_primitive_create(&p->run, pd);
    if (status != dnnl_success)
        return dnn_failed(e, k->what, status);
    return new_reorder(c, &r->weight, d != DNN_BACKWARD_WEIGHTS, &r->reorder, e);
}

static int build_direction(struct dnn_conv *c, enum dnn_direction d, dnnl_primitive_attr_t attr,
                           dnnl_primitive_desc_t hint, struct err *e)
{
    dnnl_primitive_desc_t pd;
    TRY(choose(c, d, c->spec.bias, attr, hint, &pd, e));
    int code = fill_direction(c, d, pd, e);
    dnnl_primitive_desc_destroy(pd);
    return code;
}

/* oneDNN's threads meet at a spinning barrier inside backward-weights: where another process has one of the cores, the
 * others burn time slices waiting. So each thread takes a part of the batch, alone, and the gradients are added up. It
 * is the faster way on a quiet machine too (MNIST's layers: 270 to 380 GFLOP/s). */
static bool parts_fit(const struct dnn_conv *c)
{
    const struct dnn_conv_spec *s = &c->spec;
    int64_t samples = s->src.d[0], idle = (s->threads - samples % s->threads) % s->threads;
    return s->threads > 1 && s->threads <= PARTS && 4 * idle <= samples &&
           dnn_padded_size(c->weight) * (size_t)s->threads <= PARTS_BYTES;
}

/* The first sample of a part; the first parts have one more where the batch cannot be shared out evenly. */
static int64_t part_first(const struct dnn_conv *c, int part)
{
    int64_t samples = c->spec.src.d[0], threads = c->spec.threads, more = samples % threads;
    return samples / threads * part + (part < more ? part : more);
}

static int build_parts(struct dnn_conv *c, struct err *e)
{
    struct dnn_conv_spec s = c->spec;
    s.directions = 1u << DNN_BACKWARD_WEIGHTS;
    s.threads = 1;
    for (; c->parts < c->spec.threads; c->parts++) {
        s.src.d[0] = s.dst.d[0] = part_first(c, c->parts + 1) - part_first(c, c->parts);
        TRY(dnn_conv_new(&s, &c->part[c->parts], e));
    }
    return 0;
}

static int build_directions(struct dnn_conv *c, dnnl_primitive_attr_t attr, dnnl_primitive_attr_t plain,
                            dnnl_primitive_desc_t *hint, struct err *e)
{
    unsigned asked = c->spec.directions;
    if (asked & 1u << DNN_FORWARD)
        TRY(build_direction(c, DNN_FORWARD, attr, NULL, e));
    if (asked & ~(1u << DNN_FORWARD))
        TRY(choose(c, DNN_FORWARD, false, plain, NULL, hint, e));
    if (asked & 1u << DNN_BACKWARD_DATA)
        TRY(build_direction(c, DNN_BACKWARD_DATA, plain, *hint, e));
    if (asked & 1u << DNN_BACKWARD_WEIGHTS)
        return parts_fit(c) ? build_parts(c, e) : build_direction(c, DNN_BACKWARD_WEIGHTS, plain, *hint, e);
    return 0;
}

static int build(struct dnn_conv *c, struct err *e)
{
    dnnl_primitive_attr_t attr = NULL, plain = NULL;
    dnnl_primitive_desc_t hint = NULL;
    int code = describe(c, e);
    if (code == 0)
        code = attributes(&c->spec, true, &attr, e);
    if (code == 0)
        code = attributes(&c->spec, false, &plain, e);
    if (code == 0)
        code = build_directions(c, attr, plain, &hint, e);
    if (hint)
        dnnl_primitive_desc_destroy(hint);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    if (plain)
        dnnl_primitive_attr_destroy(plain);
    return code;
}

int dnn_conv_new(const struct dnn_conv_spec *spec, struct dnn_conv **out, struct err *e)
{
    TRY(dnn_start("a convolution", e));
    struct dnn_conv *c = calloc(1, sizeof *c);
    if (!c)
        return err_memory(e, "a convolution");
    c->spec = *spec;
    int before = omp_get_max_threads();
    omp_set_num_threads(spec->threads);
    int code = build(c, e);
    omp_set_num_threads(before);
    if (code < 0) {
        dnn_conv_free(c);
        return code;
    }
    *out = c;
    return 0;
}

void dnn_conv_free(struct dnn_conv *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->parts; i++)
        dnn_conv_free(c->part[i]);
    for (int i = 0; i < DNN_DIRECTIONS; i++) {
        struct ready *r = &c->ready[i];
        dnn_prim_free(&r->run);
        dnn_prim_free(&r->reorder);
        dnn_prim_free(&r->block_src);
        dnn_prim_free(&r->block_dst);
        free_packed(&r->weight);
    }
    if (c->canonical)
        dnnl_memory_destroy(c->canonical);
    dnn_desc_free(c->src);
    dnn_desc_free(c->dst);
    dnn_desc_free(c->weight);
    dnn_desc_free(c->bias);
    free(c);
}

/* Of one part: its gradient, except the first's, which is the result, and what it computes in. */
static size_t part_bytes(const struct dnn_conv *c)
{
    return dnn_padded_size(c->weight) + layout_padded(dnn_conv_scratch(c->part[0]));
}

size_t dnn_conv_scratch(const struct dnn_conv *c)
{
    size_t bytes = c->parts ? (size_t)c->parts * part_bytes(c) : 0;
    for (int i = 0; i < DNN_DIRECTIONS; i++)
        bytes = c->ready[i].run.scratch > bytes ? c->ready[i].run.scratch : bytes;
    return bytes;
}

size_t dnn_conv_bytes(const struct dnn_conv *c)
{
    return c->bytes;
}

bool dnn_conv_is_packed(const struct dnn_conv *c)
{
    bool all = true;
    for (int i = 0; i < DNN_BACKWARD_WEIGHTS; i++)
        if (c->ready[i].run.run)
            all &= dnn_pack_holds(c->ready[i].weight.copy, &c->spec.sharing);
    return all;
}

static bool pack_direction(const struct dnn_conv *c, const struct ready *r)
{
    if (!dnn_pack_begin(r->weight.copy, &c->spec.sharing))
        return true;
    bool done = dnn_prim_run(&r->reorder, c->spec.threads);
    dnn_pack_end(r->weight.copy, &c->spec.sharing, done);
    return done;
}

bool dnn_conv_pack(struct dnn_conv *c, const float *weight)
{
    bool done = true;
    dnnl_memory_set_data_handle(c->canonical, (void *)(uintptr_t)weight);
    for (int i = 0; i < DNN_BACKWARD_WEIGHTS; i++)
        if (c->ready[i].run.run)
            done &= pack_direction(c, &c->ready[i]);
    return done;
}

/* The data itself, or its blocked copy at *room, which moves on; NULL where no copy could be made. */
static const void *blocked(const struct dnn_prim *p, int threads, const void *data, unsigned char **room)
{
    if (!p->run)
        return data;
    void *copy = *room;
    dnn_prim_bind(p, 0, data);
    dnn_prim_bind(p, 1, copy);
    *room += p->scratch;
    return dnn_prim_run(p, threads) ? copy : NULL;
}

/* Runs one direction. `bias`: of forward; `weight`: where a weight gradient goes. */
static bool run_direction(struct dnn_conv *c, enum dnn_direction d, const void *src, const void *dst, const float *bias,
                          float *weight, void *scratch)
{
    struct ready *r = &c->ready[d];
    unsigned char *room = scratch;
    src = blocked(&r->block_src, c->spec.threads, src, &room);
    dst = blocked(&r->block_dst, c->spec.threads, dst, &room);
    if (!src || !dst)
        return false;
    dnn_prim_bind(&r->run, SRC, src);
    dnn_prim_bind(&r->run, DST, dst);
    dnn_prim_bind(&r->run, SCRATCH, room + r->grad_bytes);
    if (d == DNN_FORWARD)
        dnn_prim_bind(&r->run, BIAS, bias);
    if (d != DNN_BACKWARD_WEIGHTS)
        return dnn_prim_run(&r->run, c->spec.threads);
    dnnl_memory_set_data_handle(r->weight.memory, room);
    dnnl_memory_set_data_handle(c->canonical, weight);
    return dnn_prim_run(&r->run, c->spec.threads) && dnn_prim_run(&r->reorder, c->spec.threads);
}

bool dnn_conv_forward(struct dnn_conv *c, const void *src, const float *bias, void *dst, void *scratch)
{
    return run_direction(c, DNN_FORWARD, src, dst, bias, NULL, scratch);
}

bool dnn_conv_backward_data(struct dnn_conv *c, const void *dst, void *src, void *scratch)
{
    return run_direction(c, DNN_BACKWARD_DATA, src, dst, NULL, NULL, scratch);
}

struct parts_job {
    struct dnn_conv *c;
    const unsigned char *src, *dst;
    float *weight;
    unsigned char *scratch;
    bool done[PARTS];
};

static float *part_weight(const struct parts_job *j, int part)
{
    return part ? (float *)(j->scratch + (size_t)part * part_bytes(j->c)) : j->weight;
}

static void compute_part(void *context, int part, size_t begin, size_t end)
{
    struct parts_job *j = context;
    struct dnn_conv *p = j->c->part[part];
    size_t samples = (size_t)j->c->spec.src.d[0], first = (size_t)part_first(j->c, part);
    size_t src = dnnl_memory_desc_get_size(j->c->src) / samples, dst = dnnl_memory_desc_get_size(j->c->dst) / samples;
    unsigned char *scratch = j->scratch + (size_t)part * part_bytes(j->c) + dnn_padded_size(j->c->weight);
    if (begin < end)
        j->done[part] = run_direction(p, DNN_BACKWARD_WEIGHTS, j->src + first * src, j->dst + first * dst, NULL,
                                      part_weight(j, part), scratch);
}

bool dnn_conv_backward_weights(struct dnn_conv *c, const void *src, const void *dst, float *weight, void *scratch)
{
    struct parts_job j = {.c = c, .src = src, .dst = dst, .weight = weight, .scratch = scratch};
    if (!c->parts)
        return run_direction(c, DNN_BACKWARD_WEIGHTS, src, dst, NULL, weight, scratch);
    parallel_chunks(c->parts, (size_t)c->parts, c->parts, compute_part, &j);
    bool done = j.done[0];
    for (int part = 1; part < c->parts; part++) {
        elements_add(c->parts, F32, weight, part_weight(&j, part),
                     dnnl_memory_desc_get_size(c->weight) / sizeof(float));
        done = done && j.done[part];
    }
    return done;
}
