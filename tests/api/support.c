#include "support.h"

engram_model *model;

static const char *const settings[] = {"widths=4,8", "items=10", "epochs=2", "batch=8", "calibration=0.25"};

engram_train_job small_job(const char *output)
{
    return (engram_train_job){.size = sizeof(engram_train_job),
                              .model = "memae",
                              .settings = settings,
                              .nsettings = 5,
                              .data = DATA,
                              .output = output};
}

int model_begin(void **state)
{
    engram_error error = {0};
    const engram_train_job job = small_job("model.safetensors");
    if (folder_begin(state))
        return -1;
    if (engram_train(&job, NULL, NULL, &error) || engram_model_load("model.safetensors", &model, &error)) {
        print_error("%s\n", error.message);
        return -1;
    }
    return 0;
}

int model_end(void **state)
{
    engram_model_free(model);
    return folder_end(state);
}

void fill(uint8_t *pixels, size_t n, int kind)
{
    for (size_t i = 0; i < n; i++)
        pixels[i] = (uint8_t)((i * 37 + (size_t)kind * 11) % 251);
}

engram_picture grey(const uint8_t *pixels, int width, int height)
{
    return (engram_picture){.size = sizeof(engram_picture), .width = width, .height = height, .plane = {pixels}};
}

engram_scorer *scorer_with(const char *a, const char *b, const char *c, const char *d)
{
    const char *const list[] = {a, b, c, d};
    engram_scorer *scorer = NULL;
    engram_error error;
    size_t n = 0;
    while (n < 4 && list[n])
        n++;
    if (engram_scorer_new(model, list, n, &scorer, &error))
        fail_msg("%s", error.message);
    return scorer;
}
