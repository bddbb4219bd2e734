# One small image for everything: serve, migrate, sandbox, token, audit, …
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Without .git in the image's context there is no version to stamp.
RUN CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags='-s -w' -o /out/fairqueue ./cmd/fairqueue && mkdir /out/data

# Nothing but the binary, which carries pages, schema and time zones, and the
# certificates with which it knows Paystack and the mail server.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/fairqueue /fairqueue
COPY --from=build --chown=65532:65532 /out/data /data
COPY LICENSE /LICENSE
ENV FAIRQUEUE_DATA_DIR=/data
USER 65532:65532
EXPOSE 8080
# The server finishes what it is doing before it ends.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 CMD ["/fairqueue", "health"]
ENTRYPOINT ["/fairqueue"]
CMD ["serve"]
