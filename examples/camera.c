/* Watches a stream until Ctrl-C: camera MODEL.safetensors [FRAMES]. The camera is drawn here, in the format that most
 * of them deliver; a program of yours takes its frames from V4L2, GStreamer or a decoder instead. */
#include <engram.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 64, HEIGHT = 48, STRIDE = 80 }; /* drivers like rows longer than pictures */

/* One frame of NV12: brightness for each pixel, then colour for each 2x2 of them. */
struct frame {
    uint8_t luma[HEIGHT * STRIDE];
    uint8_t chroma[HEIGHT / 2 * STRIDE];
};

/* A ramp that moves, and in every tenth frame a bright spot. */
static void draw(struct frame *f, long number)
{
    memset(f->chroma, 128, sizeof f->chroma); /* grey */
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            f->luma[y * STRIDE + x] = (uint8_t)(16 + (x + number) % WIDTH * 3);
    for (int y = HEIGHT / 3; number % 10 == 9 && y < HEIGHT / 2; y++)
        memset(f->luma + y * STRIDE + WIDTH / 3, 235, WIDTH / 6);
}

static engram_stop *stop;

static void on_signal(int number)
{
    (void)number;
    engram_stop_set(stop);
}

/* The map's highest value, and where it is in the frame. */
static int print_place(const engram_scorer *scorer, const engram_format *format, float *map, engram_error *error)
{
    size_t n = (size_t)(format->height * format->width), most = 0;
    int failed = engram_scorer_map(scorer, 0, map, n, error);
    for (size_t i = 1; !failed && i < n; i++)
        if (map[i] > map[most])
            most = i;
    if (!failed)
        printf(", most of it at %d,%d\n", (int)(most % (size_t)format->width * WIDTH / (size_t)format->width),
               (int)(most / (size_t)format->width * HEIGHT / (size_t)format->height));
    return failed;
}

static int watch(engram_scorer *scorer, const engram_format *format, float *map, long frames, engram_error *error)
{
    static struct frame frame;
    long flagged = 0, n = 0;
    for (; n != frames && !engram_stop_is_set(stop); n++) {
        engram_picture picture = ENGRAM_PICTURE_INIT;
        engram_result result = ENGRAM_RESULT_INIT;
        draw(&frame, n);
        picture.format = ENGRAM_NV12;
        picture.width = WIDTH;
        picture.height = HEIGHT;
        picture.plane[0] = frame.luma;
        picture.plane[1] = frame.chroma;
        picture.stride[0] = picture.stride[1] = STRIDE;
        if (engram_score_picture(scorer, &picture, &result, error))
            return 1;
        flagged += result.anomalous;
        if (!result.anomalous)
            continue;
        printf("frame %ld: score %.6g, p-value %.4g", n, result.score, result.p_value);
        if (print_place(scorer, format, map, error))
            return 1;
        fflush(stdout);
    }
    printf("%ld frames, %ld anomalous\n", n, flagged);
    return 0;
}

int main(int argc, char **argv)
{
    static const char *const settings[] = {"maps=true", "false_alarm_rate=0.1"};
    engram_model *model = NULL;
    engram_scorer *scorer = NULL;
    engram_format format = ENGRAM_FORMAT_INIT;
    engram_error error;
    float *map = NULL;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: camera MODEL.safetensors [FRAMES]\n");
        return 2;
    }
    int failed = engram_stop_new(&stop, &error) || engram_model_load(argv[1], &model, &error) ||
                 engram_scorer_new(model, settings, 2, &scorer, &error);
    if (!failed) {
        signal(SIGINT, on_signal);
        engram_model_format(model, &format);
        map = malloc((size_t)(format.height * format.width) * sizeof *map);
        failed = !map || watch(scorer, &format, map, argc > 2 ? atol(argv[2]) : -1, &error);
    }
    if (failed)
        fprintf(stderr, "camera: %s\n", map || !scorer ? error.message : "out of memory");
    free(map);
    engram_scorer_free(scorer);
    engram_model_free(model);
    signal(SIGINT, SIG_DFL);
    engram_stop_free(stop);
    return failed ? 1 : 0;
}
