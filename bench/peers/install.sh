#!/bin/sh
# bench/peers/install.sh [FOLDER]: a virtual environment with the pinned peers (build/peers without FOLDER), from PyPI.
# PyTorch's wheel there brings CUDA along, unused here: about 3 GB to load, 6 GB on disk. torch.compile needs g++ and
# Python's headers (python3-dev).
set -eu
here=$(dirname "$0")
folder=${1:-$here/../../build/peers}
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --requirement "$here/requirements.txt"
echo "peers installed in $folder"
