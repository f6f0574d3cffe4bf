#include "nn/dnn_prim.h"

#include "nn/layout.h"

#include <omp.h>
#include <pthread.h>
#include <sys/mman.h>

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static bool native_bf16, native_amx;

static void start_engine(void)
{
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success)
        dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    native_bf16 = dnn_isa_has_bf16(isa);
    native_amx = (isa & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx;
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

bool dnn_has_amx(void)
{
    return ready() && native_amx;
}

dnnl_engine_t dnn_engine(void)
{
    return engine;
}

/* Where an allocation of its own fails, oneDNN throws, or follows a null pointer, and the process ends. So there must
 * be room for what making a convolution takes, and to spare. */
int dnn_start(const char *what, struct err *e)
{
    enum { ROOM = 32 << 20 };
    void *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return err_memory(e, what);
    munmap(room, ROOM);
    return ready() ? 0 : err_set(e, ERR_FAIL, "oneDNN could not start on this processor");
}

int dnn_failed(struct err *e, const char *what, dnnl_status_t status)
{
    return err_set(e, status == dnnl_out_of_memory ? ERR_MEMORY : ERR_FAIL, "oneDNN could not make %s (status %d)",
                   what, (int)status);
}

int dnn_memory_new(dnn_desc desc, void *data, dnnl_memory_t *out, struct err *e)
{
    dnnl_status_t status = dnnl_memory_create(out, desc, engine, data);
    return status == dnnl_success ? 0 : dnn_failed(e, "a memory object", status);
}

size_t dnn_padded_size(dnn_desc desc)
{
    return layout_padded(dnnl_memory_desc_get_size(desc));
}

dnnl_data_type_t dnn_data_type(enum dtype t)
{
    return t == F32 ? dnnl_f32 : dnnl_bf16;
}

dnnl_status_t dnn_attributes_new(dnnl_primitive_attr_t *out)
{
    dnnl_status_t status = dnnl_primitive_attr_create(out);
    return status == dnnl_success ? dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user) : status;
}

dnn_desc dnn_desc_of(dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(pd, what, 0);
}

dnn_desc dnn_desc_of_memory(dnnl_memory_t memory)
{
    dnn_desc desc = NULL;
    dnnl_memory_get_memory_desc(memory, &desc);
    return desc;
}

int dnn_prim_add(struct dnn_prim *p, int id, dnn_desc desc, struct err *e)
{
    p->args[p->n].arg = id;
    TRY(dnn_memory_new(desc, DNNL_MEMORY_NONE, &p->args[p->n].memory, e));
    p->owned++;
    return p->n++;
}

void dnn_prim_add_bound(struct dnn_prim *p, int id, dnnl_memory_t memory)
{
    p->args[p->n++] = (dnnl_exec_arg_t){.arg = id, .memory = memory};
}

int dnn_prim_reorder(struct dnn_prim *p, dnn_desc from, dnn_desc to, struct err *e)
{
    dnnl_primitive_desc_t pd;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, NULL);
    if (status == dnnl_success) {
        status = dnnl_primitive_create(&p->run, pd);
        dnnl_primitive_desc_destroy(pd);
    }
    return status == dnnl_success ? 0 : dnn_failed(e, "a reorder", status);
}

void dnn_prim_bind(const struct dnn_prim *p, int slot, const void *data)
{
    dnnl_memory_set_data_handle(p->args[slot].memory, (void *)(uintptr_t)data);
}

bool dnn_prim_run(const struct dnn_prim *p, int threads)
{
    int before = omp_get_max_threads();
    if (threads < before)
        omp_set_num_threads(threads);
    bool done = dnnl_primitive_execute(p->run, stream, p->n, p->args) == dnnl_success;
    if (threads < before)
        omp_set_num_threads(before);
    return done;
}

void dnn_prim_free(struct dnn_prim *p)
{
    for (int i = 0; i < p->owned; i++)
        dnnl_memory_destroy(p->args[i].memory);
    if (p->run)
        dnnl_primitive_destroy(p->run);
}
