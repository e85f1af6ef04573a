# Both services, one build: `docker build --target message-service .` or `--target realtime-ntfn`.
# Works with and without BuildKit.

# The compiler that rust-toolchain.toml names, on the Debian whose libc the runtime image has.
ARG BUILDER_IMAGE=rust:1.95.0-slim-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

# The manifests, with empty programs in place of the sources. While they stay the same, so does
# the layer below that holds the compiled dependencies.
FROM ${BUILDER_IMAGE} AS manifests
WORKDIR /src
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -path './.cargo/*' -delete \
    && for package in crates/* services/*; do \
        mkdir -p "$package/src" \
        && : > "$package/src/lib.rs" \
        && echo 'fn main() {}' > "$package/src/main.rs" || exit 1; \
    done

FROM ${BUILDER_IMAGE} AS build
WORKDIR /src
COPY --from=manifests /src .
RUN cargo build --release --locked -p message-service -p realtime-ntfn \
    && rm -rf crates services
COPY . .
# Files keep their dates when they are copied, and would pass for older than the empty programs.
RUN find crates services -name '*.rs' -exec touch {} + \
    && cargo build --release --locked -p message-service -p realtime-ntfn \
    && install -D -t /out/bin target/release/message-service target/release/realtime-ntfn \
    && install -d -o 10001 -g 10001 /out/data

# Needs nothing of its base but libc and libgcc: no shell, no package, no user by name.
FROM ${RUNTIME_IMAGE} AS runtime
LABEL org.opencontainers.image.source="https://github.com/realtalk/realtalk" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0" \
    org.opencontainers.image.version="0.1.0"
# A new volume takes the owner of the folder it is mounted on.
COPY --from=build --chown=10001:10001 /out/data /data
ENV HOST=0.0.0.0 DATA_DIR=/data
USER 10001:10001

FROM runtime AS message-service
LABEL org.opencontainers.image.title="RealTalk message service" \
    org.opencontainers.image.description="Validates, stores and forwards posts; serves the web client"
COPY --from=build /out/bin/message-service /usr/local/bin/
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["message-service", "healthcheck"]
ENTRYPOINT ["message-service"]

FROM runtime AS realtime-ntfn
LABEL org.opencontainers.image.title="RealTalk notification service" \
    org.opencontainers.image.description="Broadcasts events to the clients that are connected"
COPY --from=build /out/bin/realtime-ntfn /usr/local/bin/
EXPOSE 8081
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["realtime-ntfn", "healthcheck"]
ENTRYPOINT ["realtime-ntfn"]
