// Scripts for the AWS CLI. They make the key or complete it, and grant its use. They can be run again: what exists is kept.
import type { IdentityProvider, KeyPolicies } from './key-policy.ts'
import { shellQuote } from './quote.ts'

const head = `#!/usr/bin/env bash
set -euo pipefail

fail() {
  printf '%s\\n' "$1" >&2
  exit 1
}

errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

use_account() {
  local caller
  caller=$(aws sts get-caller-identity --region "$region" --query Account --output text)
  [ "$caller" = "$account" ] || fail "These are credentials of the account $caller, not of $account."
}

# Prints the ARN of a key in a region. Prints nothing if there is none.
find_key() {
  if aws kms describe-key --region "$1" --key-id "$2" --query KeyMetadata.Arn --output text 2>"$errors"; then
    return
  fi
  grep -q NotFoundException "$errors" || fail "$(cat "$errors")"
}

# A key that AWS has just made or replicated is not ready for some seconds.
wait_for_key() {
  local state
  for _ in $(seq 60); do
    state=$(aws kms describe-key --region "$1" --key-id "$2" --query KeyMetadata.KeyState --output text)
    case $state in
      Enabled) return ;;
      Creating | Updating) sleep 1 ;;
      *) fail "The key $2 in $1 is not enabled, but $state." ;;
    esac
  done
  fail "The key $2 in $1 is still $state after a minute."
}
`

const policyFunctions = `
# Whether a policy is AWS's own default or that of an earlier run for this tenant, and nobody has added a statement.
may_be_replaced() {
  local statements ours='"kms:EncryptionContext:tenantId"[[:space:]]*:[[:space:]]*'
  statements=$(grep -o '"Effect"' <<<"$1" | wc -l)
  case $1 in
    *'"key-default-1"'*) [ "$statements" -eq 1 ] && [[ $1 == *':root"'* && $1 == *'"kms:*"'* ]] ;;
    *'"keyhold"'*) [ "$statements" -eq 3 ] && [[ $1 =~ $ours"\\"$tenant\\"" ]] ;;
    *) return 1 ;;
  esac
}

put_policy() {
  local current
  current=$(aws kms get-key-policy --region "$1" --key-id "$2" --policy-name default --query Policy --output text)
  may_be_replaced "$current" || [ "\${REPLACE_POLICY:-}" = yes ] ||
    fail "The key in $1 has a policy of its own. Add the statements by hand, or run this with REPLACE_POLICY=yes."
  aws kms put-key-policy --region "$1" --key-id "$2" --policy-name default --policy "$policy"
}

put_alias() {
  local named
  named=$(find_key "$1" "$alias_name")
  if [ -z "$named" ]; then
    aws kms create-alias --region "$1" --alias-name "$alias_name" --target-key-id "$2"
  elif [ "\${named##*/}" != "\${2##*/}" ]; then
    fail "The alias $alias_name in $1 names another key: $named."
  fi
}
`

const replicate = `
for other in "\${others[@]}"; do
  replica=$(find_key "$other" "$key_id")
  if [ -z "$replica" ]; then
    aws kms replicate-key --region "$region" --key-id "$key_id" --replica-region "$other" \\
      --policy "$policy" --query ReplicaKeyMetadata.Arn --output text >&2
  fi
  wait_for_key "$other" "$key_id"
  put_policy "$other" "$key_id"
done
`

/** The script that gives Keyhold its policies. It makes the key unless the request has named it, and missing replicas. */
export function awsCliScript({ accountId, keyArn, aliasName, regions, tenantId }: KeyPolicies): string {
  const [own, ...others] = regions
  if (own === undefined) throw new Error('a key has a region')
  const hasReplicas = others.length > 0
  return [
    head,
    policyFunctions,
    `\n${assigned({
      account: accountId,
      ...{ region: own.region, tenant: tenantId },
      ...(keyArn === undefined && { alias_name: aliasName }),
      policy: JSON.stringify(own.policy, undefined, 2),
    })}`,
    hasReplicas ? `others=(${others.map(({ region }) => shellQuote(region)).join(' ')})\n` : '',
    '\nuse_account\n',
    keyArn === undefined ? makeKey(tenantId) : knownKey(keyArn),
    hasReplicas && keyArn === undefined ? requireMultiRegion : '',
    `key_id=\${key##*/}\nwait_for_key "$region" "$key_id"\nput_policy "$region" "$key_id"\n`,
    keyArn === undefined ? 'put_alias "$region" "$key_id"\n' : '',
    hasReplicas ? replicate : '',
    hasReplicas && keyArn === undefined
      ? 'for other in "${others[@]}"; do put_alias "$other" "$key_id"; done\n'
      : '',
    `\nprintf '%s\\n' "$key"\n`,
  ].join('')
}

/** The script that makes the grants, in place of a key policy that names Keyhold. */
export function awsCliGrants({ accountId, keyArn, aliasName, regions, grants }: KeyPolicies): string {
  const [own] = regions
  if (own === undefined) throw new Error('a key has a region')
  return [
    head,
    `\n${assigned({ account: accountId, region: own.region })}`,
    `\nuse_account\nkey=$(find_key "$region" ${shellQuote(keyArn ?? aliasName)})\n`,
    `[ -n "$key" ] || fail 'There is no such key.'\nkey_id=\${key##*/}\n`,
    ...regions.map(({ region }) => {
      const quoted = shellQuote(region)
      const lines = grants.map(({ name, granteePrincipal, operations, encryptionContextEquals }) =>
        [
          `aws kms create-grant --region ${quoted} --key-id "$key_id" --name ${shellQuote(name)}`,
          `--grantee-principal ${shellQuote(granteePrincipal)} --operations ${operations.join(' ')}`,
          `--constraints ${shellQuote(JSON.stringify({ EncryptionContextEquals: encryptionContextEquals }))}`,
          '--query GrantId --output text',
        ].join(' \\\n  '),
      )
      return `\nwait_for_key ${quoted} "$key_id"\n${lines.join('\n')}\n`
    }),
  ].join('')
}

/** The command that makes the identity provider, once in the account of the role. It needs no thumbprint. */
export function awsCliIdentityProvider({ url, clientIds }: IdentityProvider): string {
  return `aws iam create-open-id-connect-provider --url ${shellQuote(url)} --client-id-list ${clientIds.map(shellQuote).join(' ')}\n`
}

const requireMultiRegion = `case $key in
  *:key/mrk-*) ;;
  *) fail "The key $key is a single-region key, which cannot have replicas." ;;
esac
`

function knownKey(keyArn: string): string {
  return `key=$(find_key "$region" ${shellQuote(keyArn)})\n[ -n "$key" ] || fail 'There is no such key.'\n`
}

function makeKey(tenantId: string): string {
  return `key=$(find_key "$region" "$alias_name")
if [ -z "$key" ]; then
  key=$(aws kms create-key --region "$region" --multi-region --policy "$policy" \\
    --description ${shellQuote(`The key of the Keyhold tenant ${tenantId}`)} --query KeyMetadata.Arn --output text)
  printf 'made %s\\n' "$key" >&2
  put_alias "$region" "$key"
fi
`
}

function assigned(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${shellQuote(value)}\n`)
    .join('')
}
