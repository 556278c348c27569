# The image runs as nobody in particular on a read-only root:
#   docker run --read-only --tmpfs /tmp -v state:/var/lib/switchman -p 127.0.0.1:8080:8080 switchman
# Programs that your plans call (ssh, curl, …) are yours to add on top of it.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=0.1.0
RUN CGO_ENABLED=1 go build -trimpath -buildvcs=false -tags timetzdata -ldflags "-s -w -X main.release=${VERSION}" -o bin/switchman ./cmd/switchman
RUN python3 -m pip --version || { apt-get update && apt-get install -y --no-install-recommends python3-pip; }
RUN SWITCHMAN=bin/switchman .ci/model
RUN mkdir -p state

FROM debian:bookworm-slim
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/bin/switchman /usr/local/bin/
COPY --from=build /root/.cache/switchman/model /usr/share/switchman/model
COPY --from=build --chown=65532:65532 --chmod=0700 /src/state /var/lib/switchman
USER 65532:65532
ENV SWITCHMAN_STATE_DIR=/var/lib/switchman SWITCHMAN_MODEL_DIR=/usr/share/switchman/model SWITCHMAN_ADDR=:8080 SWITCHMAN_LOG_FORMAT=json
VOLUME /var/lib/switchman
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["/usr/local/bin/switchman", "doctor", "--health"]
ENTRYPOINT ["/usr/local/bin/switchman"]
CMD ["serve"]
