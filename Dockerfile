# meshlint in a container: docker run --rm --network none -v "$PWD:/work:ro" meshlint
#
# What it needs is in it, already compiled: it runs without network, without root, and on a file
# system that it may not write to. kustomize and kubectl are not in it; see docs/ci.md.
FROM python:3.13-slim AS build
COPY . /source
# One environment that is copied whole; pip, which is only needed to make it, stays behind.
RUN python -m venv --without-pip /opt/meshlint \
    && python -m pip --python /opt/meshlint/bin/python install --no-cache-dir --compile \
        --constraint /source/constraints.txt /source

FROM python:3.13-slim
COPY --from=build /opt/meshlint /opt/meshlint
ENV PATH=/opt/meshlint/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["meshlint"]
CMD ["check"]
