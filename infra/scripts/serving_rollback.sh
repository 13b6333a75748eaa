#!/usr/bin/env bash
# Takes an endpoint back to its previous revision, and waits until that serves.
#
#   serving_rollback.sh ENDPOINT_ID [NAMESPACE]
#   serving_rollback.sh --without-api ENDPOINT_ID NAMESPACE
#
# The platform does it: the revision before takes the traffic, then the Deployment, HPA and Service of the one that failed are removed.
# Without an earlier revision the endpoint is scaled to 0 and its history is kept. NAMESPACE, when given, must be the endpoint's own
# (llm-ops-dev, llm-ops-stg, llm-ops-prod), so that nobody rolls back production by mistake.
#
# --without-api is for the day when the platform itself is away: with kubectl, it scales the endpoint's Deployments to 0 and deletes its
# HPA, Ingress, Service and Deployment. Nothing is restored; once the platform is back it makes what it still wants.
#
# LLMOPS_URL       the platform, http://127.0.0.1:8000 by default
# LLMOPS_API_KEY   a key with the right to deploy; else X-User-Id and X-User-Roles are sent, for header mode:
# LLMOPS_USER      $USER by default, with LLMOPS_ROLES, operator by default
# LLMOPS_TIMEOUT   seconds to wait, 300 by default
#
# Ends with 0 when it is done, 1 when it failed or took too long, 2 when it was called wrongly.
set -euo pipefail

fail() {
  echo "$2" >&2
  exit "$1"
}
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
  exit 0
fi
usage() {
  sed -n '4,5s/^# *//p' "$0" >&2
  exit 2
}
need() {
  command -v "$1" > /dev/null || fail 2 "This needs $1."
}

without_api=false
if [ "${1:-}" = --without-api ]; then
  without_api=true
  shift
fi
endpoint=${1:-}
namespace=${2:-}
[ $# -le 2 ] || usage
[[ $endpoint =~ ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]] || usage
[[ -z $namespace || $namespace =~ ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$ ]] || usage

if $without_api; then
  [ -n "$namespace" ] || usage
  need kubectl
  own=(--namespace "$namespace" --selector "llm-ops.io/endpoint=$endpoint")
  [ -n "$(kubectl get deployments "${own[@]}" --output name)" ] || fail 1 "No Deployment of $endpoint is in $namespace."
  # the HPA first: it would scale up again
  kubectl delete horizontalpodautoscalers "${own[@]}" --ignore-not-found
  kubectl scale deployments "${own[@]}" --replicas=0
  kubectl delete ingresses,services,deployments "${own[@]}" --ignore-not-found
  echo "$endpoint is gone from $namespace. Nothing was restored."
  exit 0
fi

need curl
need jq
api="${LLMOPS_URL:-http://127.0.0.1:8000}/llm-ops/v1/serving/endpoints/$endpoint"
if [ -n "${LLMOPS_API_KEY:-}" ]; then
  headers="Authorization: Bearer $LLMOPS_API_KEY"
else
  headers="X-User-Id: ${LLMOPS_USER:-${USER:-operator}}"$'\n'"X-User-Roles: ${LLMOPS_ROLES:-operator}"
fi

# Prints the data of an answer; ends with the platform's own words and remedy where it refuses.
call() {
  local answer
  # by standard input: arguments are seen by everybody on the machine
  answer=$(curl --silent --show-error --max-time 30 --request "$1" --header @- "$api$2" <<< "$headers") ||
    fail 1 "The platform at ${LLMOPS_URL:-http://127.0.0.1:8000} does not answer."
  jq --exit-status '.status == "success"' <<< "$answer" > /dev/null 2>&1 ||
    fail 1 "$(jq --raw-output '.message, (.data.remedy // empty)' <<< "$answer" 2> /dev/null || echo "$answer")"
  jq .data <<< "$answer"
}
field() {
  jq --raw-output ".$1" <<< "$endpoint_now"
}

endpoint_now=$(call GET '')
place="llm-ops-$(field environment)"
[ -z "$namespace" ] || [ "$namespace" = "$place" ] || fail 1 "$endpoint is in $place, not in $namespace."
echo "$(field route) in $(field environment): revision $(field revision), $(field status). Plan: $(field rollbackPlan)"

endpoint_now=$(call POST /rollback)
to_zero=$(jq 'any(.conditions[]; .reason == "ScaledToZero")' <<< "$endpoint_now")
wanted=$(field targetRevision)
deadline=$((SECONDS + ${LLMOPS_TIMEOUT:-300}))
told=''
while true; do
  state="revision $(field revision) of $(field targetRevision), $(field status)"
  [ "$state" = "$told" ] || echo "  $state"
  told=$state
  if [ "$to_zero" = true ]; then
    [ "$(field status)" != stopped ] || break
  else
    [ "$(field status)" != healthy ] || [ "$(field revision)" -lt "$wanted" ] || break
  fi
  if [ $SECONDS -ge "$deadline" ]; then
    jq --raw-output '.conditions[] | "  \(.type): \(.reason): \(.message) \(.remedy)"' <<< "$endpoint_now" >&2
    fail 1 "It is not done after ${LLMOPS_TIMEOUT:-300} s."
  fi
  sleep 1
  endpoint_now=$(call GET '')
done
if [ "$to_zero" = true ]; then
  echo 'There was no earlier revision: it is scaled to 0.'
else
  echo "Revision $(field revision) serves."
fi
