#!/usr/bin/env bash
# Makes what compose.yaml needs: passwords, a root key, and a certificate for trying it out. It never writes over a file,
# so it may be run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
docker=${DOCKER:-docker}
image=keyhold:${IMAGE_VERSION:-0.1.0}
umask 0027
mkdir -p secrets

make_file() {
  [ -e "secrets/$1" ] || printf '%s' "$2" >"secrets/$1"
}

# Hexadecimal digits mean themselves in a URL. A password of your own must be percent-encoded in the two URLs.
make_file owner-password "$(openssl rand -hex 32)"
make_file serve-password "$(openssl rand -hex 32)"
make_file owner-database-url "postgres://keyhold_owner:$(cat secrets/owner-password)@postgres:5432/keyhold"
make_file database-url "postgres://keyhold:$(cat secrets/serve-password)@postgres:5432/keyhold"

if [ ! -e secrets/root-key ]; then
  "$docker" run --rm --network none --read-only --tmpfs /tmp --user "$(id -u):$(id -g)" \
    --env KEYHOLD_ROOT_KEY_FILE=/secrets/root-key --volume "$PWD/secrets:/secrets" "$image" root-key create
  chmod 0640 secrets/root-key
fi

if [ ! -e secrets/tls.crt ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj '/CN=localhost' \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout secrets/tls.key -out secrets/tls.crt 2>/dev/null
  chmod 0640 secrets/tls.key
  echo 'secrets/tls.crt is signed by itself and good for trying it out: put your own in its place.' >&2
fi

# In rootless Docker and Podman the group of whoever runs them is the group 0 of the containers: set SECRETS_GID=0.
[ -e .env ] || echo "SECRETS_GID=${SECRETS_GID:-$(id -g)}" >.env
