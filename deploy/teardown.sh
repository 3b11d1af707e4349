#!/usr/bin/env bash
# Removes a release of the chart and everything that it made, in eight steps. See docs/deploy.md.
#
#   deploy/teardown.sh --namespace awe --dry-run
#
# Only what carries this release's name or label is touched, and what is already gone is passed over.
set -uo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/teardown.sh --namespace NS [flags]

  --namespace NS            namespace of the release (needed)
  --release NAME            release (awe)
  --postgres-release NAME   release of the shared PostgreSQL (commons-postgresql)
  --postgres-namespace NS   its namespace (as --namespace)
  --database NAME           database (the release with - as _)
  --database-user NAME      role that owns it (<database>_user); <user>_app goes, too
  --custodian-database NAME database of the data custodian, and the role of that name (none: both are kept)
  --keycloak-release NAME   release of the shared Keycloak (commons-keycloak)
  --keycloak-namespace NS   its namespace (as --namespace)
  --keycloak-realm REALM    realm (staff)
  --delete-kc-clients       delete the clients awe-admin-portal and awe-admin-resolver in Keycloak
  --keep-kc-secrets         keep the clients' Secrets
  --keep-pvs                keep persistent volumes
  --dry-run                 print what would be done and do nothing
  --yes, -y                 do not ask
TEXT
}

die() { printf 'teardown: %s\n' "$*" >&2; exit 2; }

release=awe namespace='' database='' user='' custodian=''
pg_release=commons-postgresql pg_namespace=''
kc_release=commons-keycloak kc_namespace='' kc_realm=staff
delete_clients=no keep_secrets=no keep_pvs=no dry_run=no yes=no
clients=(awe-admin-portal awe-admin-resolver)
failed=0

while (($#)); do
  case $1 in
    --namespace | --release | --postgres-release | --postgres-namespace | --database | --database-user | \
      --custodian-database | --keycloak-release | --keycloak-namespace | --keycloak-realm)
      (($# > 1)) && [[ -n $2 && $2 != -* ]] || die "$1 needs a value"
      case $1 in
        --namespace) namespace=$2 ;;
        --release) release=$2 ;;
        --postgres-release) pg_release=$2 ;;
        --postgres-namespace) pg_namespace=$2 ;;
        --database) database=$2 ;;
        --database-user) user=$2 ;;
        --custodian-database) custodian=$2 ;;
        --keycloak-release) kc_release=$2 ;;
        --keycloak-namespace) kc_namespace=$2 ;;
        --keycloak-realm) kc_realm=$2 ;;
      esac
      shift 2
      ;;
    --delete-kc-clients) delete_clients=yes; shift ;;
    --keep-kc-secrets) keep_secrets=yes; shift ;;
    --keep-pvs) keep_pvs=yes; shift ;;
    --dry-run) dry_run=yes; shift ;;
    --yes | -y) yes=yes; shift ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; die "unknown flag $1" ;;
  esac
done

# Names of Kubernetes: whatever else they are given, they go into no selector and no path. A namespace may have 63
# characters, a release of Helm 53.
plain='^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'
[[ -n $namespace ]] || { usage >&2; die '--namespace is needed'; }
for name in "$namespace" ${pg_namespace:+"$pg_namespace"} ${kc_namespace:+"$kc_namespace"}; do
  [[ $name =~ $plain ]] && ((${#name} <= 63)) || die "$name is no name of a namespace"
done
for name in "$release" "$pg_release" "$kc_release"; do
  [[ $name =~ $plain ]] && ((${#name} <= 53)) || die "$name is no name of a release"
done
[[ $kc_realm =~ ^[A-Za-z0-9._-]+$ ]] || die "$kc_realm is no name of a realm"
pg_namespace=${pg_namespace:-$namespace}
kc_namespace=${kc_namespace:-$namespace}
database=${database:-${release//-/_}}
user=${user:-${database}_user}
for name in "$database" "$custodian"; do
  case $name in postgres | template0 | template1) die "the database $name is not ours" ;; esac
done
case $user in postgres) die "the role $user is not ours" ;; esac
label="app.kubernetes.io/instance=$release"

for program in kubectl helm jq; do
  command -v "$program" >/dev/null || die "$program is not installed"
done

# Prints a command so that it could be typed, and runs it unless this is a rehearsal.
run() {
  printf '+'; printf ' %q' "$@"; printf '\n'
  [[ $dry_run == yes ]] && return 0
  "$@" && return 0
  failed=1
  printf '  failed; going on\n' >&2
  return 1
}
# The same with text on its input.
run_with() {
  local text=$1; shift
  printf '+'; printf ' %q' "$@"; printf ' <<< ...\n'
  [[ $dry_run == yes ]] && return 0
  "$@" <<<"$text" && return 0
  failed=1
  printf '  failed; going on\n' >&2
  return 1
}
step() { printf '\n== %s\n' "$*"; }
# Deletes, and waits for what a finalizer holds for two minutes at most.
delete() { run kubectl --namespace "$namespace" delete "$@" --ignore-not-found --timeout=120s; }
as_json() { printf '%s\n' "$@" | jq -R . | jq -s 'map(select(. != ""))'; }

# Asked before anything goes. Who gets no answer must not take that for an absence, and afterwards nobody knows whose a
# volume was.
there=$(helm list --namespace "$namespace" --all --short --filter "^$release\$") || die 'helm cannot ask the cluster; nothing was done'
claimed=$(kubectl --namespace "$namespace" get pvc -l "$label" -o json) || die 'kubectl cannot ask the cluster; nothing was done'
mapfile -t claims < <(jq -r '.items[].metadata.name' <<<"$claimed")
mapfile -t held < <(jq -r '.items[].spec.volumeName // empty' <<<"$claimed")

cat <<TEXT
This removes from the namespace $namespace:
  1 the release $release
  2 its left-over Jobs and Pods
  3 the Secrets of its Keycloak clients: $([[ $keep_secrets == yes ]] && echo 'kept' || echo "${clients[*]}")
  4 other Secrets and ConfigMaps labelled $label (the master key, too: webhooks of a backup cannot be signed without it)
  5 the database $database with the roles $user and ${user}_app${custodian:+, and $custodian with the role $custodian}, in $pg_release of $pg_namespace
  6 its persistent volume claims: ${claims[*]:-none}
  7 the volumes of those claims: $([[ $keep_pvs == yes ]] && echo 'kept' || echo 'removed once released')
  8 the Keycloak clients in realm $kc_realm: $([[ $delete_clients == yes ]] && echo "${clients[*]}" || echo 'kept')
TEXT
if [[ $dry_run == no && $yes == no ]]; then
  printf 'Type the name of the release to go on: '
  read -r answer || answer=''
  [[ $answer == "$release" ]] || die 'not confirmed; nothing was done'
fi

step '1 release'
if [[ -n $there ]]; then
  run helm uninstall "$release" --namespace "$namespace" --wait || die "$release is there still; nothing else was done"
else
  echo 'already gone'
fi

step '2 jobs and pods'
delete jobs -l "$label"
delete pods -l "$label"

step '3 secrets of the Keycloak clients'
# With the label as well: another release in this namespace may have clients of the same names.
if [[ $keep_secrets == yes ]]; then
  echo 'kept'
else
  for client in "${clients[@]}"; do
    delete secrets -l "$label" --field-selector "metadata.name=$client"
  done
fi

step '4 other secrets and config maps'
kept=()
[[ $keep_secrets == yes ]] && for client in "${clients[@]}"; do kept+=("metadata.name!=$client"); done
selector=$(IFS=,; echo "${kept[*]:-}")
delete secrets -l "$label" ${selector:+--field-selector "$selector"}
delete configmaps -l "$label"

step '5 database and roles'
# The names are given to psql as variables; the server quotes them.
sql=$(cat <<'SQL'
select format('revoke connect on database %I from public', :'database') where exists (select from pg_database where datname = :'database') \gexec
select pg_terminate_backend(pid) from pg_stat_activity where datname = :'database' and pid <> pg_backend_pid();
select format('drop database if exists %I', :'database') \gexec
select format('reassign owned by %I to current_user', rolname) from pg_roles where rolname in (:'owner', :'app') \gexec
select format('drop owned by %I', rolname) from pg_roles where rolname in (:'owner', :'app') \gexec
select format('drop role if exists %I', name) from unnest(array[:'app', :'owner']) as name \gexec
SQL
)
# Some images know the superuser's password by a name of its own, beside that of a user who was asked for.
drop() {
  run_with "$sql" kubectl --namespace "$pg_namespace" exec -i "$pg_release-0" -- sh -c \
    'own=${POSTGRES_POSTGRES_PASSWORD:-$(cat "${POSTGRES_POSTGRES_PASSWORD_FILE:-/dev/null}")}
     PGPASSWORD=${own:-${POSTGRES_PASSWORD:-$(cat "${POSTGRES_PASSWORD_FILE:-/dev/null}")}}
     export PGPASSWORD
     exec psql -X -q -v ON_ERROR_STOP=1 -U postgres -d postgres -v "database=$1" -v "owner=$2" -v "app=$3" -f -' \
    sh "$@"
}
drop "$database" "$user" "${user}_app"
if [[ -n $custodian ]]; then drop "$custodian" "$custodian" "$custodian"; fi

step '6 persistent volume claims'
delete pvc -l "$label"

step '7 persistent volumes'
if [[ $keep_pvs == yes ]]; then
  echo 'kept'
elif ((${#claims[@]} == 0)); then
  echo 'none'
else
  # They are released a moment after their claims have gone.
  for ((looks = 0; looks < 30; looks++)); do
    volumes_now=$(kubectl get pv -o json) || volumes_now='{"items": []}'
    bound=$(jq --argjson held "$(as_json ${held[@]+"${held[@]}"})" \
      '[.items[] | select(.metadata.name as $v | $held | index($v)) | select(.status.phase == "Bound")] | length' <<<"$volumes_now")
    [[ $dry_run == no && $bound != 0 ]] || break
    sleep 2
  done
  mapfile -t volumes < <(jq -r --arg ns "$namespace" --argjson claims "$(as_json "${claims[@]}")" \
    '.items[] | select(.status.phase == "Released" or .status.phase == "Failed")
     | select(.spec.claimRef.namespace == $ns) | select(.spec.claimRef.name as $c | $claims | index($c)) | .metadata.name' <<<"$volumes_now")
  for volume in "${volumes[@]}"; do
    run kubectl delete pv "$volume" --ignore-not-found --timeout=120s
  done
  ((${#volumes[@]})) || echo 'none is released'
fi

step '8 Keycloak clients'
if [[ $delete_clients == yes ]]; then
  for client in "${clients[@]}"; do
    run kubectl --namespace "$kc_namespace" exec "$kc_release-0" -- sh -c \
      'kcadm=$(command -v kcadm.sh || ls /opt/keycloak/bin/kcadm.sh /opt/bitnami/keycloak/bin/kcadm.sh 2>/dev/null | head -n 1)
       file=${KC_BOOTSTRAP_ADMIN_PASSWORD_FILE:-${KEYCLOAK_ADMIN_PASSWORD_FILE:-/dev/null}}
       password=${KC_BOOTSTRAP_ADMIN_PASSWORD:-${KEYCLOAK_ADMIN_PASSWORD:-$(cat "$file")}}
       config=$(mktemp) && trap "rm -f $config" EXIT
       "$kcadm" config credentials --config "$config" --server http://127.0.0.1:8080 --realm master \
         --user "${KC_BOOTSTRAP_ADMIN_USERNAME:-${KEYCLOAK_ADMIN:-admin}}" \
         --password "$password" || exit 1
       id=$("$kcadm" get clients --config "$config" -r "$1" -q "clientId=$2" --fields id --format csv --noquotes) || exit 1
       [ -z "$id" ] || "$kcadm" delete "clients/$id" --config "$config" -r "$1"' \
      sh "$kc_realm" "$client"
  done
else
  echo 'kept (--delete-kc-clients deletes them)'
fi

if ((failed)); then
  printf '\nSomething could not be removed; it is said above. Running this again is safe.\n' >&2
  exit 1
fi
printf '\nDone.\n'
