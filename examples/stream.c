/* Scores a video frame by frame as a decoder of your own delivers it: stream MODEL.safetensors WIDTH HEIGHT < FRAMES,
 * where FRAMES are RGB without gaps, such as of  ffmpeg -i in.mp4 -f rawvideo -pix_fmt rgb24 -  writes. The model may
 * be one of pictures or of clips: every frame has a line either way. */
#include <engram.h>
#include <stdio.h>
#include <stdlib.h>

static int on_row(void *user, const engram_row *row)
{
    long *flagged = user;
    if (row->error)
        return fprintf(stderr, "stream: %s\n", row->error), 0;
    *flagged += row->result->anomalous;
    printf("frame %lld at %.2f s: score %.6g, p-value %.4g: %s\n", (long long)row->index, row->time, row->result->score,
           row->result->p_value, row->result->anomalous ? "anomalous" : "normal");
    return 0;
}

/* Frames wait for at most engram_stream_latency others before they have their row; the end brings the last ones. */
static int play(engram_stream *stream, engram_picture *picture, uint8_t *pixels, engram_error *error)
{
    const size_t bytes = 3 * (size_t)picture->width * (size_t)picture->height;
    for (long n = 0; fread(pixels, 1, bytes, stdin) == bytes; n++)
        if (engram_stream_push(stream, picture, (double)n / 25, error))
            return 1;
    return engram_stream_end(stream, error);
}

int main(int argc, char **argv)
{
    engram_model *model = NULL;
    engram_scorer *scorer = NULL;
    engram_stream *stream = NULL;
    engram_picture picture = ENGRAM_PICTURE_INIT;
    engram_error error = {0};
    long flagged = 0;
    if (argc != 4 || (picture.width = atoi(argv[2])) < 1 || (picture.height = atoi(argv[3])) < 1) {
        fprintf(stderr, "usage: stream MODEL.safetensors WIDTH HEIGHT < FRAMES\n");
        return 2;
    }
    uint8_t *pixels = malloc(3 * (size_t)picture.width * (size_t)picture.height);
    picture.format = ENGRAM_RGB;
    picture.plane[0] = pixels;
    int failed =
        !pixels || engram_model_load(argv[1], &model, &error) || engram_scorer_new(model, NULL, 0, &scorer, &error) ||
        engram_stream_new(scorer, NULL, on_row, &flagged, &stream, &error) || play(stream, &picture, pixels, &error);
    if (failed)
        fprintf(stderr, "stream: %s\n", pixels ? error.message : "out of memory");
    else
        printf("%ld anomalous; a frame waits for at most %lld others\n", flagged,
               (long long)engram_stream_latency(stream));
    engram_stream_free(stream);
    engram_scorer_free(scorer);
    engram_model_free(model);
    free(pixels);
    return failed;
}
