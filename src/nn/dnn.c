#include "nn/dnn.h"

#include "nn/ops/elements.h"
#include "nn/parallel.h"

#include <dnnl.h>
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ARGS = 6, BLOCKING_FLOPS_PER_BYTE = 100, PARTS = 64 };

/* What the weight gradients of all parts may take together: beyond that a layer is computed in one. */
enum { PARTS_BYTES = 128 << 20 };

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static bool native_bf16;

static void start_engine(void)
{
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success)
        dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
    native_bf16 = dnn_isa_has_bf16((unsigned)dnnl_get_effective_cpu_isa());
}

/* oneDNN's engine is made at first use and lives as long as the process. */
static bool ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_engine);
    return stream != NULL;
}

/* Instruction sets are sets of bits: avx2_vnni is a larger number than avx512_core_bf16 and has no bf16. */
bool dnn_isa_has_bf16(unsigned isa)
{
    return (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

bool dnn_has_bf16(void)
{
    return ready() && native_bf16;
}

/* ---- one primitive with its arguments bound ---- */

struct prim {
    dnnl_primitive_t run;
    dnnl_exec_arg_t args[ARGS];
    int n,
        owned; /* the first so many memories are its own, bound at every call; the others belong to a struct packed */
    size_t scratch; /* bytes of scratch that a run wants */
};

/* A memory in a packed format; data: its own buffer, or NULL where it lies in scratch. */
struct packed {
    dnnl_memory_t memory;
    dnnl_memory_desc_t desc;
    void *data;
};

/* What a convolution does: forward, or one of its two adjoints. */
enum { FORWARD, DATA, WEIGHTS, WAYS };

static const struct way_kind {
    const char *what;
    int src, dst, weight; /* the arguments' names in oneDNN */
    dnnl_query_t src_md, dst_md, weight_md;
} kinds[WAYS] = {
    {"a convolution", DNNL_ARG_SRC, DNNL_ARG_DST, DNNL_ARG_WEIGHTS, dnnl_query_src_md, dnnl_query_dst_md,
     dnnl_query_weights_md},
    {"a convolution's adjoint", DNNL_ARG_DIFF_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, dnnl_query_diff_src_md,
     dnnl_query_diff_dst_md, dnnl_query_weights_md},
    {"a convolution's weight gradient", DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS, dnnl_query_src_md,
     dnnl_query_diff_dst_md, dnnl_query_diff_weights_md},
};

/* One of the three, ready to run; run.run NULL: not asked for. */
struct way {
    struct prim run;
    struct packed weight;             /* the weights, or their gradient, as the primitive wants them */
    struct prim reorder;              /* between that and the caller's: before it runs, or behind */
    struct prim block_src, block_dst; /* into the blocked layout, where that pays; copies at the front of scratch */
    size_t grad_bytes;                /* of a weight gradient, behind those; 0: the weights have their own buffer */
};

struct dnn_conv {
    struct dnn_conv_spec spec;
    dnnl_memory_desc_t src, dst, weight, bias;
    struct way ways[WAYS];
    struct dnn_conv *part[PARTS]; /* backward-weights by parts of the batch, one a thread; parts 0: in one */
    int parts;
    dnnl_memory_t canonical; /* the caller's weights or their gradient */
    size_t bytes;
};

static int failed(struct err *e, const char *what, dnnl_status_t status)
{
    return err_set(e, status == dnnl_out_of_memory ? ERR_MEMORY : ERR_FAIL, "oneDNN could not make %s (status %d)",
                   what, (int)status);
}

static bool run(const struct prim *p, int threads)
{
    int before = omp_get_max_threads();
    if (threads < before)
        omp_set_num_threads(threads);
    bool done = dnnl_primitive_execute(p->run, stream, p->n, p->args) == dnnl_success;
    if (threads < before)
        omp_set_num_threads(before);
    return done;
}

static void bind(const struct prim *p, int slot, const void *data)
{
    dnnl_memory_set_data_handle(p->args[slot].memory, (void *)(uintptr_t)data);
}

static int new_memory(const dnnl_memory_desc_t *desc, void *data, dnnl_memory_t *out, struct err *e)
{
    dnnl_status_t status = dnnl_memory_create(out, desc, engine, data);
    return status == dnnl_success ? 0 : failed(e, "a memory object", status);
}

/* Adds an argument to be bound at every call; returns its slot. */
static int add_argument(struct prim *p, int id, const dnnl_memory_desc_t *desc, struct err *e)
{
    p->args[p->n].arg = id;
    TRY(new_memory(desc, DNNL_MEMORY_NONE, &p->args[p->n].memory, e));
    p->owned++;
    return p->n++;
}

static void add_bound(struct prim *p, int id, dnnl_memory_t memory)
{
    p->args[p->n++] = (dnnl_exec_arg_t){.arg = id, .memory = memory};
}

/* To whole cache lines. */
static size_t padded_size(const dnnl_memory_desc_t *desc)
{
    return (dnnl_memory_desc_get_size(desc) + 63) & ~(size_t)63;
}

/* `own`: with a buffer; else it is bound at every call. */
static int new_packed(const dnnl_memory_desc_t *desc, bool own, struct packed *out, size_t *bytes, struct err *e)
{
    size_t size = padded_size(desc);
    out->desc = *desc;
    out->data = own ? aligned_alloc(64, size) : DNNL_MEMORY_NONE;
    if (!out->data && own)
        return err_memory(e, "packed weights");
    if (own) {
        memset(out->data, 0, size);
        *bytes += size;
    }
    return new_memory(desc, out->data, &out->memory, e);
}

static void free_packed(struct packed *p)
{
    if (p->memory)
        dnnl_memory_destroy(p->memory);
    free(p->data);
}

static void free_prim(struct prim *p)
{
    for (int i = 0; i < p->owned; i++)
        dnnl_memory_destroy(p->args[i].memory);
    if (p->run)
        dnnl_primitive_destroy(p->run);
}

/* ---- descriptors ---- */

static dnnl_data_type_t data_type(enum dtype t)
{
    return t == F32 ? dnnl_f32 : dnnl_bf16;
}

/* oneDNN names dimensions N,C,[D],H,W whatever the order in memory. */
static void data_dims(const struct shape *s, dnnl_dim_t *dims)
{
    dims[0] = s->d[0];
    dims[1] = shape_last(s);
    for (int i = 1; i < s->nd - 1; i++)
        dims[i + 1] = s->d[i];
}

static int describe(struct dnn_conv *c, struct err *e)
{
    const struct dnn_conv_spec *s = &c->spec;
    int nd = s->src.nd;
    dnnl_format_tag_t last = nd == 4 ? dnnl_nhwc : dnnl_ndhwc;
    dnnl_dims_t src = {0}, dst = {0}, weight = {0}, channels = {0};
    data_dims(&s->src, src);
    data_dims(&s->dst, dst);
    weight[0] = channels[0] = dst[1];
    weight[1] = src[1];
    for (int i = 2; i < nd; i++)
        weight[i] = s->kernel[i - 2];
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(&c->src, nd, src, data_type(s->src_type), last);
    if (status == dnnl_success)
        status = dnnl_memory_desc_init_by_tag(&c->dst, nd, dst, data_type(s->dst_type), last);
    if (status == dnnl_success) /* O,[kD],kH,kW,I: the same tag as data */
        status = dnnl_memory_desc_init_by_tag(&c->weight, nd, weight, dnnl_f32, last);
    if (status == dnnl_success)
        status = dnnl_memory_desc_init_by_tag(&c->bias, 1, channels, dnnl_f32, dnnl_a);
    return status == dnnl_success ? 0 : failed(e, "a convolution's description", status);
}

static dnnl_memory_desc_t any_format(const dnnl_memory_desc_t *desc, dnnl_data_type_t type)
{
    dnnl_memory_desc_t any;
    dnnl_memory_desc_init_by_tag(&any, desc->ndims, desc->dims, type, dnnl_format_tag_any);
    return any;
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
    dnnl_status_t status = dnnl_primitive_attr_create(out);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    if (status == dnnl_success && post && s->act != ACT_NONE) {
        dnnl_post_ops_t ops = NULL;
        float slope = s->act == ACT_LRELU ? s->slope : 0;
        status = dnnl_post_ops_create(&ops);
        if (status == dnnl_success)
            status = dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_relu, slope, 0);
        if (status == dnnl_success)
            status = dnnl_primitive_attr_set_post_ops(*out, ops);
        if (ops)
            dnnl_post_ops_destroy(ops);
    }
    return status == dnnl_success ? 0 : failed(e, "a convolution's attributes", status);
}

/* ---- the three directions ---- */

static const dnnl_memory_desc_t *query(dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(pd, what, 0);
}

/* Types of a direction: what plays src and dst, weights in the data's precision. */
static dnnl_data_type_t weight_type(const struct dnn_conv_spec *s)
{
    return s->src_type == BF16 || s->dst_type == BF16 ? dnnl_bf16 : dnnl_f32;
}

static int make_reorder(const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, struct prim *p, struct err *e)
{
    dnnl_primitive_desc_t pd;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, NULL);
    if (status == dnnl_success) {
        status = dnnl_primitive_create(&p->run, pd);
        dnnl_primitive_desc_destroy(pd);
    }
    return status == dnnl_success ? 0 : failed(e, "a reorder", status);
}

/* A reorder between the caller's weights and a packed form. */
static int new_reorder(struct dnn_conv *c, struct packed *packed, bool pack, struct prim *p, struct err *e)
{
    const dnnl_memory_desc_t *from = pack ? &c->weight : &packed->desc, *to = pack ? &packed->desc : &c->weight;
    TRY(make_reorder(from, to, p, e));
    if (!c->canonical)
        TRY(new_memory(&c->weight, DNNL_MEMORY_NONE, &c->canonical, e));
    add_bound(p, DNNL_ARG_FROM, pack ? c->canonical : packed->memory);
    add_bound(p, DNNL_ARG_TO, pack ? packed->memory : c->canonical);
    return 0;
}

/* Channels-last makes backward-weights up to four times slower in f32 (measured: 303 against 94 ms for the second layer
 * of the video net). The blocked layout wins once the arithmetic outweighs the two copies. */
static bool blocking_pays(const struct dnn_conv *c)
{
    double taps = 1;
    for (int i = 0; i < c->spec.src.nd - 2; i++)
        taps *= c->spec.kernel[i];
    double flops = 2.0 * (double)shape_count(&c->spec.dst) * taps * (double)shape_last(&c->spec.src);
    double bytes = (double)dnnl_memory_desc_get_size(&c->src) + (double)dnnl_memory_desc_get_size(&c->dst);
    return flops / bytes >= BLOCKING_FLOPS_PER_BYTE;
}

/* A reorder of data from channels-last into what the primitive chose; nothing where that is the same. */
static int new_blocking(const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, struct prim *p, struct err *e)
{
    if (dnnl_memory_desc_equal(from, to))
        return 0;
    TRY(make_reorder(from, to, p, e));
    p->scratch = padded_size(to);
    TRY(add_argument(p, DNNL_ARG_FROM, from, e));
    return add_argument(p, DNNL_ARG_TO, to, e);
}

/* oneDNN's own ways of backward-weights for 1x1 kernels with a stride (jit_1x1, jit_bf16_1x1) gather channels-last
 * pixels of few channels beyond the end of their workspace: a crash or wrong gradients, by the processor and by what
 * lies behind it (oneDNN issue 6035, open). */
static bool overruns(const struct dnn_conv_spec *s, int way, const char *implementation)
{
    enum { BLOCK = 16 }; /* channels that it gathers at once: 8 or 16 */
    bool strided = false;
    for (int i = 0; i < s->src.nd - 2; i++)
        strided |= s->stride[i] > 1;
    return way == WEIGHTS && strided && shape_last(&s->src) < BLOCK && strstr(implementation, "1x1");
}

/* Its bf16 gradient of 3-D weights adds to what was in memory before where no window of frames is free of padding. */
static bool starts_undefined(const struct dnn_conv_spec *s, int way, const char *implementation)
{
    if (way != WEIGHTS || s->src.nd != 5 || strncmp(implementation, "jit_bf16", 8))
        return false;
    for (int64_t i = 0; i < s->dst.d[1]; i++) {
        int64_t first = i * s->stride[0] - s->pad[0];
        if (first >= 0 && first + s->kernel[0] <= s->src.d[1])
            return false;
    }
    return true;
}

/* The first of oneDNN's implementations, fastest first, that computes what is asked. */
static dnnl_status_t first_sound(const struct dnn_conv_spec *s, int way, const dnnl_convolution_desc_t *desc,
                                 dnnl_primitive_attr_t attr, dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_iterator_t all;
    dnnl_status_t status = dnnl_primitive_desc_iterator_create(&all, desc, attr, engine, hint);
    if (status != dnnl_success)
        return status;
    *out = NULL;
    while (status == dnnl_success) {
        const char *name = "";
        dnnl_primitive_desc_t pd = dnnl_primitive_desc_iterator_fetch(all);
        status = pd ? dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) : dnnl_out_of_memory;
        if (status == dnnl_success && !overruns(s, way, name) && !starts_undefined(s, way, name)) {
            *out = pd;
            break;
        }
        dnnl_primitive_desc_destroy(pd);
        if (status == dnnl_success)
            status = dnnl_primitive_desc_iterator_next(all);
    }
    dnnl_primitive_desc_iterator_destroy(all);
    return status;
}

/* What oneDNN chooses for one way, to be destroyed by the caller. `hint`: the forward way's, which the adjoints want.
 */
static int choose(const struct dnn_conv *c, int way, bool bias, dnnl_primitive_attr_t attr, dnnl_primitive_desc_t hint,
                  dnnl_primitive_desc_t *out, struct err *e)
{
    dnnl_dims_t stride = {0}, left = {0}, right = {0};
    const dnnl_alg_kind_t direct = dnnl_convolution_direct;
    paddings(&c->spec, stride, left, right);
    bool blocks = way == WEIGHTS && blocking_pays(c);
    dnnl_memory_desc_t any = any_format(&c->weight, way == WEIGHTS ? dnnl_f32 : weight_type(&c->spec));
    dnnl_memory_desc_t src = blocks ? any_format(&c->src, data_type(c->spec.src_type)) : c->src;
    dnnl_memory_desc_t dst = blocks ? any_format(&c->dst, data_type(c->spec.dst_type)) : c->dst;
    dnnl_convolution_desc_t desc;
    dnnl_status_t status;
    if (way == FORWARD)
        status = dnnl_convolution_forward_desc_init(&desc, dnnl_forward_training, direct, &src, &any,
                                                    bias ? &c->bias : NULL, &dst, stride, left, right);
    else if (way == DATA)
        status = dnnl_convolution_backward_data_desc_init(&desc, direct, &src, &any, &dst, stride, left, right);
    else
        status =
            dnnl_convolution_backward_weights_desc_init(&desc, direct, &src, &any, NULL, &dst, stride, left, right);
    if (status == dnnl_success)
        status = first_sound(&c->spec, way, &desc, attr, hint, out);
    return status == dnnl_success ? 0 : failed(e, kinds[way].what, status);
}

/* The arguments of every way in this order; only forward has a bias. */
enum { SRC, DST, SCRATCH, BIAS };

static int fill_way(struct dnn_conv *c, int way, dnnl_primitive_desc_t pd, struct err *e)
{
    const struct way_kind *k = &kinds[way];
    struct way *w = &c->ways[way];
    struct prim *p = &w->run;
    const dnnl_memory_desc_t *src = query(pd, k->src_md), *dst = query(pd, k->dst_md);
    const dnnl_memory_desc_t *scratch = query(pd, dnnl_query_scratchpad_md);
    TRY(new_packed(query(pd, k->weight_md), way != WEIGHTS, &w->weight, &c->bytes, e));
    w->grad_bytes = way == WEIGHTS ? padded_size(&w->weight.desc) : 0;
    TRY(new_blocking(&c->src, src, &w->block_src, e));
    TRY(new_blocking(&c->dst, dst, &w->block_dst, e));
    TRY(add_argument(p, k->src, src, e));
    TRY(add_argument(p, k->dst, dst, e));
    TRY(add_argument(p, DNNL_ARG_SCRATCHPAD, scratch, e));
    if (way == FORWARD)
        TRY(add_argument(p, DNNL_ARG_BIAS, &c->bias, e));
    add_bound(p, k->weight, w->weight.memory);
    p->scratch = dnnl_memory_desc_get_size(scratch) + w->block_src.scratch + w->block_dst.scratch + w->grad_bytes;
    dnnl_status_t status = dnnl_primitive_create(&p->run, pd);
    if (status != dnnl_success)
        return failed(e, k->what, status);
    return new_reorder(c, &w->weight, way != WEIGHTS, &w->reorder, e);
}

static int build_way(struct dnn_conv *c, int way, dnnl_primitive_attr_t attr, dnnl_primitive_desc_t hint, struct err *e)
{
    dnnl_primitive_desc_t pd;
    TRY(choose(c, way, c->spec.bias, attr, hint, &pd, e));
    int code = fill_way(c, way, pd, e);
    dnnl_primitive_desc_destroy(pd);
    return code;
}

/* oneDNN's threads meet at a spinning barrier inside backward-weights: where another process has one of the cores, the
 * others burn time slices waiting. So each thread takes a part of the batch, alone, and the gradients are added up. It
 * is the faster way on a quiet machine too (MNIST's layers: 270 to 380 GFLOP/s). */
static bool parts_fit(const struct dnn_conv *c)
{
    const struct dnn_conv_spec *s = &c->spec;
    return s->threads > 1 && s->threads <= PARTS && s->src.d[0] % s->threads == 0 &&
           padded_size(&c->weight) * (size_t)s->threads <= PARTS_BYTES;
}

static int build_parts(struct dnn_conv *c, struct err *e)
{
    struct dnn_conv_spec s = c->spec;
    s.src.d[0] /= s.threads;
    s.dst.d[0] /= s.threads;
    s.directions = DNN_BACKWARD_WEIGHTS;
    s.threads = 1;
    for (; c->parts < c->spec.threads; c->parts++)
        TRY(dnn_conv_new(&s, &c->part[c->parts], e));
    return 0;
}

static int build_ways(struct dnn_conv *c, dnnl_primitive_attr_t attr, dnnl_primitive_attr_t plain,
                      dnnl_primitive_desc_t *hint, struct err *e)
{
    unsigned asked = c->spec.directions;
    if (asked & DNN_FORWARD)
        TRY(build_way(c, FORWARD, attr, NULL, e));
    if (asked & ~(unsigned)DNN_FORWARD)
        TRY(choose(c, FORWARD, false, plain, NULL, hint, e));
    if (asked & DNN_BACKWARD_DATA)
        TRY(build_way(c, DATA, plain, *hint, e));
    if (asked & DNN_BACKWARD_WEIGHTS)
        return parts_fit(c) ? build_parts(c, e) : build_way(c, WEIGHTS, plain, *hint, e);
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
        code = build_ways(c, attr, plain, &hint, e);
    if (hint)
        dnnl_primitive_desc_destroy(hint);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    if (plain)
        dnnl_primitive_attr_destroy(plain);
    return code;
}

/* Where an allocation of its own fails, oneDNN throws, or follows a null pointer, and the process ends. So there must
 * be room for what making a convolution takes, and to spare. */
static int check_room(struct err *e)
{
    enum { ROOM = 32 << 20 };
    void *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return err_memory(e, "a convolution");
    munmap(room, ROOM);
    return 0;
}

int dnn_conv_new(const struct dnn_conv_spec *spec, struct dnn_conv **out, struct err *e)
{
    TRY(check_room(e));
    if (!ready())
        return err_set(e, ERR_FAIL, "oneDNN could not start on this processor");
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
    for (int i = 0; i < WAYS; i++) {
        struct way *w = &c->ways[i];
        free_prim(&w->run);
        free_prim(&w->reorder);
        free_prim(&w->block_src);
        free_prim(&w->block_dst);
        free_packed(&w->weight);
    }
    if (c->canonical)
        dnnl_memory_destroy(c->canonical);
    free(c);
}

/* Of one part: its gradient, except the first's, which is the result, and what it computes in. */
static size_t part_bytes(const struct dnn_conv *c)
{
    return padded_size(&c->weight) + ((dnn_conv_scratch(c->part[0]) + 63) & ~(size_t)63);
}

size_t dnn_conv_scratch(const struct dnn_conv *c)
{
    size_t bytes = c->parts ? (size_t)c->parts * part_bytes(c) : 0;
    for (int i = 0; i < WAYS; i++)
        bytes = c->ways[i].run.scratch > bytes ? c->ways[i].run.scratch : bytes;
    return bytes;
}

size_t dnn_conv_bytes(const struct dnn_conv *c)
{
    return c->bytes;
}

bool dnn_conv_pack(struct dnn_conv *c, const float *weight)
{
    bool done = true;
    dnnl_memory_set_data_handle(c->canonical, (void *)(uintptr_t)weight);
    for (int i = 0; i < WEIGHTS; i++)
        if (c->ways[i].run.run)
            done &= run(&c->ways[i].reorder, c->spec.threads);
    return done;
}

/* The data itself, or its blocked copy at *room, which moves on; NULL where no copy could be made. */
static const void *blocked(const struct prim *p, int threads, const void *data, unsigned char **room)
{
    if (!p->run)
        return data;
    void *copy = *room;
    bind(p, 0, data);
    bind(p, 1, copy);
    *room += p->scratch;
    return run(p, threads) ? copy : NULL;
}

/* Runs one way. `bias`: of forward; `weight`: where a weight gradient goes. */
static bool run_way(struct dnn_conv *c, int way, const void *src, const void *dst, const float *bias, float *weight,
                    void *scratch)
{
    struct way *w = &c->ways[way];
    unsigned char *room = scratch;
    src = blocked(&w->block_src, c->spec.threads, src, &room);
    dst = blocked(&w->block_dst, c->spec.threads, dst, &room);
    if (!src || !dst)
        return false;
    bind(&w->run, SRC, src);
    bind(&w->run, DST, dst);
    bind(&w->run, SCRATCH, room + w->grad_bytes);
    if (way == FORWARD)
        bind(&w->run, BIAS, bias);
    if (way != WEIGHTS)
        return run(&w->run, c->spec.threads);
    dnnl_memory_set_data_handle(w->weight.memory, room);
    dnnl_memory_set_data_handle(c->canonical, weight);
    return run(&w->run, c->spec.threads) && run(&w->reorder, c->spec.threads);
}

bool dnn_conv_forward(struct dnn_conv *c, const void *src, const float *bias, void *dst, void *scratch)
{
    return run_way(c, FORWARD, src, dst, bias, NULL, scratch);
}

bool dnn_conv_backward_data(struct dnn_conv *c, const void *dst, void *src, void *scratch)
{
    return run_way(c, DATA, src, dst, NULL, NULL, scratch);
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
    size_t src = dnnl_memory_desc_get_size(&p->src), dst = dnnl_memory_desc_get_size(&p->dst);
    unsigned char *scratch = j->scratch + (size_t)part * part_bytes(j->c) + padded_size(&j->c->weight);
    if (begin < end)
        j->done[part] = run_way(p, WEIGHTS, j->src + (size_t)part * src, j->dst + (size_t)part * dst, NULL,
                                part_weight(j, part), scratch);
}

bool dnn_conv_backward_weights(struct dnn_conv *c, const void *src, const void *dst, float *weight, void *scratch)
{
    struct parts_job j = {.c = c, .src = src, .dst = dst, .weight = weight, .scratch = scratch};
    if (!c->parts)
        return run_way(c, WEIGHTS, src, dst, NULL, weight, scratch);
    parallel_chunks(c->parts, (size_t)c->parts, c->parts, compute_part, &j);
    bool done = j.done[0];
    for (int part = 1; part < c->parts; part++) {
        elements_add(c->parts, F32, weight, part_weight(&j, part),
                     dnnl_memory_desc_get_size(&c->weight) / sizeof(float));
        done = done && j.done[part];
    }
    return done;
}

/* ---- products ---- */

struct dnn_product {
    struct prim run;
    int threads;
};

static dnnl_status_t describe_matrix(dnnl_memory_desc_t *desc, int64_t rows, int64_t columns, bool transposed,
                                     dnnl_data_type_t type)
{
    dnnl_dims_t dims = {rows, columns};
    return dnnl_memory_desc_init_by_tag(desc, 2, dims, type, transposed ? dnnl_ba : dnnl_ab);
}

static dnnl_status_t choose_product(const struct dnn_product_spec *s, dnnl_primitive_attr_t attr,
                                    dnnl_primitive_desc_t *out)
{
    dnnl_memory_desc_t a, b, c;
    dnnl_matmul_desc_t desc;
    dnnl_status_t status = describe_matrix(&a, s->m, s->k, s->transpose_a, dnnl_bf16);
    if (status == dnnl_success)
        status = describe_matrix(&b, s->k, s->n, s->transpose_b, dnnl_bf16);
    if (status == dnnl_success)
        status = describe_matrix(&c, s->m, s->n, false, data_type(s->type));
    if (status == dnnl_success)
        status = dnnl_matmul_desc_init(&desc, &a, &b, NULL, &c);
    return status == dnnl_success ? dnnl_primitive_desc_create(out, &desc, attr, engine, NULL) : status;
}

enum { PRODUCT_A, PRODUCT_B, PRODUCT_C, PRODUCT_SCRATCH };

static int fill_product(struct dnn_product *p, dnnl_primitive_desc_t pd, struct err *e)
{
    const dnnl_memory_desc_t *scratch = query(pd, dnnl_query_scratchpad_md);
    TRY(add_argument(&p->run, DNNL_ARG_SRC, query(pd, dnnl_query_src_md), e));
    TRY(add_argument(&p->run, DNNL_ARG_WEIGHTS, query(pd, dnnl_query_weights_md), e));
    TRY(add_argument(&p->run, DNNL_ARG_DST, query(pd, dnnl_query_dst_md), e));
    TRY(add_argument(&p->run, DNNL_ARG_SCRATCHPAD, scratch, e));
    p->run.scratch = dnnl_memory_desc_get_size(scratch);
    dnnl_status_t status = dnnl_primitive_create(&p->run.run, pd);
    return status == dnnl_success ? 0 : failed(e, "a product", status);
}

static int build_product(struct dnn_product *p, const struct dnn_product_spec *spec, struct err *e)
{
    static const struct dnn_conv_spec plain; /* without an activation */
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd;
    TRY(attributes(&plain, false, &attr, e));
    dnnl_status_t status = choose_product(spec, attr, &pd);
    int code = status == dnnl_success ? fill_product(p, pd, e) : failed(e, "a product", status);
    if (status == dnnl_success)
        dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
    return code;
}

int dnn_product_new(const struct dnn_product_spec *spec, struct dnn_product **out, struct err *e)
{
    TRY(check_room(e));
    if (!ready())
        return err_set(e, ERR_FAIL, "oneDNN could not start on this processor");
    struct dnn_product *p = calloc(1, sizeof *p);
    if (!p)
        return err_memory(e, "a product");
    p->threads = spec->threads;
    int before = omp_get_max_threads();
    omp_set_num_threads(spec->threads);
    int code = build_product(p, spec, e);
    omp_set_num_threads(before);
    if (code < 0) {
        dnn_product_free(p);
        return code;
    }
    *out = p;
    return 0;
}

void dnn_product_free(struct dnn_product *p)
{
    if (p)
        free_prim(&p->run);
    free(p);
}

size_t dnn_product_scratch(const struct dnn_product *p)
{
    return p ? p->run.scratch : 0;
}

bool dnn_product_run(struct dnn_product *p, const void *a, const void *b, void *c, void *scratch)
{
    bind(&p->run, PRODUCT_A, a);
    bind(&p->run, PRODUCT_B, b);
    bind(&p->run, PRODUCT_C, c);
    bind(&p->run, PRODUCT_SCRATCH, scratch);
    return run(&p->run, p->threads);
}

bool dnn_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
              int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    return dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) ==
           dnnl_success;
}
