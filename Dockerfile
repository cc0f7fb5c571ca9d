# CPU:   docker build --tag xtreme-noise .
# CUDA:  docker build --build-arg TORCH=cu130 --tag xtreme-noise:cuda .    (TORCH: a torch backend that uv knows)
# Study: docker run --rm --volume "$PWD:/study" --user "$(id -u)" xtreme-noise +experiment=quickstart
#        (CUDA: also --gpus all). Results are in multirun_outputs/ of the mounted folder.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm

ARG TORCH=cpu
COPY constraints.txt /source/
# torch first, in a layer of its own: its build decides about CUDA.
RUN pip install --no-cache-dir --constraint /source/constraints.txt uv \
    && uv pip install --system --no-cache --torch-backend "${TORCH}" --constraint /source/constraints.txt torch

COPY pyproject.toml README.md LICENSE /source/
COPY xtreme_noise /source/xtreme_noise
COPY conf /source/conf
RUN pip install --no-cache-dir --constraint /source/constraints.txt /source && rm -r /source

# Any user may run it: caches are in the study's folder unless the command says otherwise.
RUN useradd --create-home --uid 1000 study && install -d -o study /study
USER study
WORKDIR /study
ENV HF_HOME=/study/.cache/huggingface MPLCONFIGDIR=/tmp/matplotlib
VOLUME /study
ENTRYPOINT ["xtreme-noise"]
CMD ["--help"]
