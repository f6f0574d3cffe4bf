// engram.h is C++ as well: its functions are found under their C names, its initialisers leave nothing out.
#include <engram.h>

#include <cstring>

template <typename T> static bool sized(const T &made)
{
    return made.size == sizeof(T);
}

static bool all_sized()
{
    const engram_hooks hooks = ENGRAM_HOOKS_INIT;
    const engram_picture picture = ENGRAM_PICTURE_INIT;
    const engram_result result = ENGRAM_RESULT_INIT;
    const engram_sample sample = ENGRAM_SAMPLE_INIT;
    const engram_data_source data_source = ENGRAM_DATA_SOURCE_INIT;
    const engram_train_job train_job = ENGRAM_TRAIN_JOB_INIT;
    const engram_train_summary train_summary = ENGRAM_TRAIN_SUMMARY_INIT;
    const engram_metric metric = ENGRAM_METRIC_INIT;
    const engram_roc_point roc_point = ENGRAM_ROC_POINT_INIT;
    const engram_scored scored = ENGRAM_SCORED_INIT;
    const engram_model_kind model_kind = ENGRAM_MODEL_KIND_INIT;
    const engram_option option = ENGRAM_OPTION_INIT;
    const engram_preset preset = ENGRAM_PRESET_INIT;
    const engram_source source = ENGRAM_SOURCE_INIT;
    const engram_fact fact = ENGRAM_FACT_INIT;
    const engram_epoch epoch = ENGRAM_EPOCH_INIT;
    const engram_format format = ENGRAM_FORMAT_INIT;
    const engram_bench_job bench_job = ENGRAM_BENCH_JOB_INIT;
    const engram_bench_summary bench_summary = ENGRAM_BENCH_SUMMARY_INIT;
    const engram_machine machine = ENGRAM_MACHINE_INIT;
    return sized(hooks) && sized(picture) && sized(result) && sized(sample) && sized(data_source) &&
           sized(train_job) && sized(train_summary) && sized(metric) && sized(roc_point) && sized(scored) &&
           sized(model_kind) && sized(option) && sized(preset) && sized(source) && sized(fact) && sized(epoch) &&
           sized(format) && sized(bench_job) && sized(bench_summary) && sized(machine);
}

int main()
{
    engram_error error = engram_error();
    engram_model *model = nullptr;
    int code = engram_model_load("there/is/no/such/model", &model, &error);
    bool refused = code == ENGRAM_IO && !model && std::strstr(error.message, "there/is/no/such/model");
    return refused && all_sized() ? 0 : 1;
}
