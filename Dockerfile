# docker build -t gatehouse .
# docker run -p 80:80 -p 443:443 -p 2222:2222 --read-only --cap-drop ALL --security-opt no-new-privileges \
#   -v ./gatehouse.yaml:/etc/gatehouse/gatehouse.yaml:ro -v ./manifests:/etc/gatehouse/manifests:ro \
#   -v gatehouse-state:/var/lib/gatehouse gatehouse
# The image holds the program, its libraries and CA certificates: no shell, no package manager.
FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
      ca-certificates cmake g++ ninja-build libboost1.81-dev libboost-json1.81-dev libcli11-dev libnghttp2-dev \
      libpsl-dev libre2-dev libspdlog-dev libssl-dev libyaml-cpp-dev prometheus-cpp-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cmake --preset release -DGATEHOUSE_TESTS=OFF && cmake --build --preset release --target gatehouse \
    && strip --strip-debug build/release/gatehouse \
    && deploy/docker/runtime_tree build/release/gatehouse /runtime \
    && cp deploy/gatehouse.yaml /runtime/etc/gatehouse/

FROM scratch
COPY --from=build /runtime/ /
USER 65532:65532
VOLUME /var/lib/gatehouse
# Of the configuration inside; the Helm chart listens on 8000, 8443 and 2222, and puts its own in /etc/gatehouse.
EXPOSE 80 443 2222
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/usr/bin/gatehouse", "healthcheck"]
ENTRYPOINT ["/usr/bin/gatehouse"]
CMD ["run"]
