"""export_onnx.py CASE FILE: the net that scores, batch norm folded, for the runtimes of ONNX."""
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
import nets

case, path = sys.argv[1:]
torch.manual_seed(0)
net = nets.fold(nets.MODELS[case]().eval())
torch.onnx.export(net, (torch.rand(nets.SHAPES[case]),), path, dynamo=False, input_names=["x"], output_names=["score"])
