/* Scores one picture: score_one MODEL.safetensors PICTURE */
#include <engram.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    engram_model *model = NULL;
    engram_scorer *scorer = NULL;
    engram_result result = ENGRAM_RESULT_INIT;
    engram_error error;
    if (argc != 3) {
        fprintf(stderr, "usage: score_one MODEL.safetensors PICTURE\n");
        return 2;
    }
    int failed = engram_model_load(argv[1], &model, &error) || engram_scorer_new(model, NULL, 0, &scorer, &error) ||
                 engram_score_file(scorer, argv[2], &result, &error);
    if (failed)
        fprintf(stderr, "score_one: %s\n", error.message);
    else
        printf("score %.9g, p-value %.9g: %s\n", result.score, result.p_value,
               result.anomalous ? "anomalous" : "normal");
    engram_scorer_free(scorer);
    engram_model_free(model);
    return failed ? 1 : 0;
}
