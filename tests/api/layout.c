/* The binary interface: sizes and offsets of every public struct, as 64-bit programs that were built with this header
 * have them. A line may be added and a size may grow where a struct grows at its end; a line that changes breaks those
 * programs. Nothing runs here: a wrong line does not compile. */
#include <engram.h>

#if UINTPTR_MAX == UINT64_MAX

#define SIZE(type, bytes)       _Static_assert(sizeof(type) == (bytes), #type " has another size")
#define AT(type, member, bytes) _Static_assert(offsetof(type, member) == (bytes), #type "." #member " has moved")

SIZE(engram_error, 1028);
AT(engram_error, code, 0);
AT(engram_error, message, 4);

SIZE(engram_progress, 112);
AT(engram_progress, size, 0);
AT(engram_progress, what, 8);
AT(engram_progress, done, 16);
AT(engram_progress, total, 24);
AT(engram_progress, seconds, 32);
AT(engram_progress, seconds_left, 40);
AT(engram_progress, epoch, 48);
AT(engram_progress, epochs, 56);
AT(engram_progress, names, 64);
AT(engram_progress, values, 72);
AT(engram_progress, nvalues, 80);
AT(engram_progress, epoch_done, 88);
AT(engram_progress, kept, 92);
AT(engram_progress, saved, 96);
AT(engram_progress, validation_loss, 104);

SIZE(engram_hooks, 40);
AT(engram_hooks, size, 0);
AT(engram_hooks, user, 8);
AT(engram_hooks, log, 16);
AT(engram_hooks, progress, 24);
AT(engram_hooks, stop, 32);

SIZE(engram_picture, 88);
AT(engram_picture, size, 0);
AT(engram_picture, format, 8);
AT(engram_picture, width, 12);
AT(engram_picture, height, 16);
AT(engram_picture, plane, 24);
AT(engram_picture, stride, 56);

SIZE(engram_part, 24);
AT(engram_part, name, 0);
AT(engram_part, value, 8);
AT(engram_part, weight, 16);

SIZE(engram_result, 224);
AT(engram_result, size, 0);
AT(engram_result, score, 8);
AT(engram_result, p_value, 16);
AT(engram_result, anomalous, 24);
AT(engram_result, nparts, 28);
AT(engram_result, parts, 32);

SIZE(engram_region, 56);
AT(engram_region, size, 0);
AT(engram_region, frame, 8);
AT(engram_region, x, 12);
AT(engram_region, y, 16);
AT(engram_region, width, 20);
AT(engram_region, height, 24);
AT(engram_region, area, 32);
AT(engram_region, peak, 40);
AT(engram_region, peak_x, 48);
AT(engram_region, peak_y, 52);

SIZE(engram_row, 88);
AT(engram_row, size, 0);
AT(engram_row, name, 8);
AT(engram_row, path, 16);
AT(engram_row, index, 24);
AT(engram_row, kind, 32);
AT(engram_row, truth, 40);
AT(engram_row, error, 48);
AT(engram_row, result, 56);
AT(engram_row, time, 64);
AT(engram_row, picture, 72);
AT(engram_row, id, 80);

SIZE(engram_column, 56);
AT(engram_column, size, 0);
AT(engram_column, name, 8);
AT(engram_column, role, 16);
AT(engram_column, place, 24);
AT(engram_column, ncategories, 32);
AT(engram_column, low, 40);
AT(engram_column, high, 48);

SIZE(engram_reason, 200);
AT(engram_reason, size, 0);
AT(engram_reason, column, 8);
AT(engram_reason, share, 16);
AT(engram_reason, value, 24);
AT(engram_reason, normal, 88);

SIZE(engram_sample, 48);
AT(engram_sample, size, 0);
AT(engram_sample, name, 8);
AT(engram_sample, path, 16);
AT(engram_sample, kind, 24);
AT(engram_sample, index, 32);
AT(engram_sample, truth, 40);
AT(engram_sample, part, 44);

SIZE(engram_data_source, 48);
AT(engram_data_source, size, 0);
AT(engram_data_source, name, 8);
AT(engram_data_source, count, 16);
AT(engram_data_source, user, 24);
AT(engram_data_source, describe, 32);
AT(engram_data_source, read, 40);

SIZE(engram_train_job, 80);
AT(engram_train_job, size, 0);
AT(engram_train_job, model, 8);
AT(engram_train_job, preset, 16);
AT(engram_train_job, settings, 24);
AT(engram_train_job, nsettings, 32);
AT(engram_train_job, data, 40);
AT(engram_train_job, output, 48);
AT(engram_train_job, date, 56);
AT(engram_train_job, force, 64);
AT(engram_train_job, resume, 68);
AT(engram_train_job, source, 72);

SIZE(engram_train_summary, 80);
AT(engram_train_summary, size, 0);
AT(engram_train_summary, epochs, 8);
AT(engram_train_summary, kept_epoch, 16);
AT(engram_train_summary, stopped_early, 24);
AT(engram_train_summary, validation_loss, 32);
AT(engram_train_summary, seconds, 40);
AT(engram_train_summary, bytes, 48);
AT(engram_train_summary, trained, 56);
AT(engram_train_summary, validated, 64);
AT(engram_train_summary, calibrated, 72);

SIZE(engram_add_job, 48);
AT(engram_add_job, size, 0);
AT(engram_add_job, model, 8);
AT(engram_add_job, data, 16);
AT(engram_add_job, output, 24);
AT(engram_add_job, force, 32);
AT(engram_add_job, threads, 36);
AT(engram_add_job, source, 40);

SIZE(engram_add_summary, 40);
AT(engram_add_summary, size, 0);
AT(engram_add_summary, added, 8);
AT(engram_add_summary, calibrated, 16);
AT(engram_add_summary, trained, 24);
AT(engram_add_summary, seconds, 32);

SIZE(engram_metric, 40);
AT(engram_metric, size, 0);
AT(engram_metric, name, 8);
AT(engram_metric, kind, 16);
AT(engram_metric, value, 24);
AT(engram_metric, help, 32);

SIZE(engram_roc_point, 32);
AT(engram_roc_point, size, 0);
AT(engram_roc_point, false_alarm_rate, 8);
AT(engram_roc_point, detection_rate, 16);
AT(engram_roc_point, threshold, 24);

SIZE(engram_scored, 64);
AT(engram_scored, size, 0);
AT(engram_scored, name, 8);
AT(engram_scored, path, 16);
AT(engram_scored, kind, 24);
AT(engram_scored, index, 32);
AT(engram_scored, truth, 40);
AT(engram_scored, score, 48);
AT(engram_scored, p_value, 56);

SIZE(engram_model_kind, 40);
AT(engram_model_kind, size, 0);
AT(engram_model_kind, name, 8);
AT(engram_model_kind, title, 16);
AT(engram_model_kind, paper, 24);
AT(engram_model_kind, idea, 32);

SIZE(engram_option, 64);
AT(engram_option, size, 0);
AT(engram_option, name, 8);
AT(engram_option, type, 16);
AT(engram_option, value, 24);
AT(engram_option, choices, 32);
AT(engram_option, min, 40);
AT(engram_option, max, 48);
AT(engram_option, help, 56);

SIZE(engram_preset, 40);
AT(engram_preset, size, 0);
AT(engram_preset, name, 8);
AT(engram_preset, help, 16);
AT(engram_preset, model, 24);
AT(engram_preset, train, 32);

SIZE(engram_source, 24);
AT(engram_source, size, 0);
AT(engram_source, name, 8);
AT(engram_source, help, 16);

SIZE(engram_fact, 80);
AT(engram_fact, size, 0);
AT(engram_fact, section, 8);
AT(engram_fact, name, 16);
AT(engram_fact, type, 24);
AT(engram_fact, text, 32);
AT(engram_fact, unit, 40);
AT(engram_fact, integer, 48);
AT(engram_fact, number, 56);
AT(engram_fact, list, 64);
AT(engram_fact, nlist, 72);

SIZE(engram_epoch, 56);
AT(engram_epoch, size, 0);
AT(engram_epoch, epoch, 8);
AT(engram_epoch, kept, 16);
AT(engram_epoch, names, 24);
AT(engram_epoch, values, 32);
AT(engram_epoch, nvalues, 40);
AT(engram_epoch, validation_loss, 48);

SIZE(engram_format, 56);
AT(engram_format, size, 0);
AT(engram_format, frames, 8);
AT(engram_format, height, 16);
AT(engram_format, width, 24);
AT(engram_format, channels, 32);
AT(engram_format, tile_height, 40);
AT(engram_format, tile_width, 48);

SIZE(engram_bench_job, 56);
AT(engram_bench_job, size, 0);
AT(engram_bench_job, model, 8);
AT(engram_bench_job, preset, 16);
AT(engram_bench_job, settings, 24);
AT(engram_bench_job, nsettings, 32);
AT(engram_bench_job, training, 40);
AT(engram_bench_job, repeat, 44);
AT(engram_bench_job, columns, 48);

SIZE(engram_bench_summary, 56);
AT(engram_bench_summary, size, 0);
AT(engram_bench_summary, milliseconds, 8);
AT(engram_bench_summary, batch, 16);
AT(engram_bench_summary, threads, 20);
AT(engram_bench_summary, precision, 24);
AT(engram_bench_summary, flops, 32);
AT(engram_bench_summary, bytes, 40);
AT(engram_bench_summary, parameters, 48);

SIZE(engram_bench_node, 64);
AT(engram_bench_node, size, 0);
AT(engram_bench_node, name, 8);
AT(engram_bench_node, op, 16);
AT(engram_bench_node, forward_milliseconds, 24);
AT(engram_bench_node, backward_milliseconds, 32);
AT(engram_bench_node, forward_flops, 40);
AT(engram_bench_node, backward_flops, 48);
AT(engram_bench_node, bytes, 56);

SIZE(engram_machine, 40);
AT(engram_machine, size, 0);
AT(engram_machine, fma_gflops, 8);
AT(engram_machine, convolution_gflops, 16);
AT(engram_machine, convolution_bf16_gflops, 24);
AT(engram_machine, copy_gbytes, 32);

#endif
