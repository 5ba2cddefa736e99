#!/bin/bash
# PostgreSQL's image runs this once, when it has made the database: the role of the replicas, which owns nothing.
set -euo pipefail
psql --quiet --set=ON_ERROR_STOP=1 --set=password="$(cat /run/secrets/serve-password)" \
  --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
create role keyhold login password :'password';
SQL
