"""Times scoring of a net of ONNX in ONNX Runtime or OpenVINO, prints a line of JSON.

    onnx_steps.py onnxruntime|openvino FILE f32|bf16 SECONDS SETTING

SETTING is words with a + between: threads1, threads2, ...; quiet (ONNX Runtime's threads sleep while they wait).
"""
import argparse
import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
import timing


def threads_of(setting):
    return int(setting.split("+")[0].removeprefix("threads"))


def onnxruntime_step(runtime, args, setting):
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads_of(setting), 1
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0" if "quiet" in setting else "1")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    session = runtime.InferenceSession(args.file, options, providers=["CPUExecutionProvider"])
    x = random_input(session.get_inputs()[0].shape)
    return lambda: session.run(None, {"x": x})


def openvino_step(runtime, args, setting):
    core = runtime.Core()
    properties = {"INFERENCE_PRECISION_HINT": args.precision, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
                  "INFERENCE_NUM_THREADS": threads_of(setting), "CPU_DENORMALS_OPTIMIZATION": True}
    request = core.compile_model(args.file, "CPU", properties).create_infer_request()
    request.set_input_tensor(runtime.Tensor(random_input(request.get_input_tensor().shape)))
    return request.infer


def random_input(shape):
    return numpy.random.default_rng(0).uniform(-1, 1, tuple(shape)).astype(numpy.float32)


STEPS = {"onnxruntime": onnxruntime_step, "openvino": openvino_step}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runtime", choices=STEPS)
    parser.add_argument("file")
    parser.add_argument("precision", choices=("f32", "bf16"))
    parser.add_argument("seconds", type=float)
    parser.add_argument("setting")
    args = parser.parse_args()
    runtime = __import__(args.runtime)
    imported = timing.memory("VmRSS")
    step = STEPS[args.runtime](runtime, args, args.setting)
    timing.report(*timing.time_steps(step, args.seconds), imported)


if __name__ == "__main__":
    main()
