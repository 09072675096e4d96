# The programs in a container (docs/docker.md).
#   CPU:   docker build -t i2i .
#   CUDA:  docker build -t i2i:cuda --build-arg TORCH_INDEX= .
FROM python:3.12-slim

# Where torch comes from. Empty: from PyPI, which has the CUDA build that requirements.lock pins.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_USE_PEP517=1
WORKDIR /app
COPY requirements.lock ./

# Tools for development are left out. Every file is compared with its hash, except those of TORCH_INDEX.
RUN tools='debugpy|ipykernel|ipython|ipython-pygments-lexers|jedi|matplotlib-inline|mypy|nbclient|playwright|pytest|pytest-xdist|ruff|stack-data' \
    && torch='cuda-[a-z]*|nvidia-[a-z0-9-]*|torch|torchvision|triton' \
    && left_out="$tools${TORCH_INDEX:+|$torch}" \
    && awk '/^[a-z]/ { wanted = /^setuptools==/ } wanted' requirements.lock > setuptools.lock \
    && awk "/^[a-z]/ { wanted = !/^($left_out)==/ } wanted" requirements.lock > image.lock \
    && python -m pip install --require-hashes -r setuptools.lock \
    && python -m pip install --require-hashes --no-deps --no-build-isolation -r image.lock \
    && if [ -n "$TORCH_INDEX" ]; then \
        python -m pip install --index-url "$TORCH_INDEX" \
            $(grep -oE '^(torch|torchvision)==[0-9.]+' requirements.lock); \
    fi \
    && python -m pip check

COPY . ./
RUN python -m pip install --no-deps --no-build-isolation -e . && python -m compileall -q .

# Data, runs and results belong to /work, downloads and compiled kernels to /cache: both are volumes.
RUN useradd --create-home --uid 1000 i2i && install -d -m 1777 /work /cache
ENV HOME=/cache USER=i2i XDG_CACHE_HOME=/cache TORCH_HOME=/cache/torch MPLCONFIGDIR=/cache/matplotlib \
    TORCHINDUCTOR_CACHE_DIR=/cache/inductor TRITON_CACHE_DIR=/cache/triton
VOLUME ["/work", "/cache"]
WORKDIR /work
USER i2i
EXPOSE 8100
CMD ["i2i-train", "--help"]
