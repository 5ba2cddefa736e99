// The next step, for the errors where it is known.
import { KeyholdApiError, KeyholdClientError, KeyholdItemError } from '@keyhold/client'
import { KeyholdError } from '@keyhold/client/node'
import { CliError } from './cli-error.ts'
import { isTemporary } from './exit-code-of.ts'
import { rootCause } from './root-cause.ts'

const correctPolicy =
  'correct the key policy or the grant in AWS, or the policy that the message names, wait a minute for AWS to apply it, then try again'

const hints: Readonly<Record<string, string>> = {
  ERR_UNAUTHENTICATED:
    'does the token belong to this server, has it not ended, and may it be used from this address? A start with new data makes new tokens',
  ERR_FORBIDDEN:
    "keyprovider and data-key need a tenant admin's token (KEYHOLD_TOKEN), tenant and api-key an operator's (KEYHOLD_OPERATOR_TOKEN), encrypt and decrypt a service's (KEYHOLD_SERVICE_TOKEN)",
  ERR_TENANT_NOT_FOUND: 'keyhold tenant ls shows the tenants',
  ERR_TENANT_LOCKED: 'a tenant admin can end it: keyhold unlock',
  ERR_TENANT_IN_USE: 'keyhold tenant delete schedules the deletion of all that it holds',
  ERR_API_KEY_LAST_OPERATOR: 'keyhold api-key rm --last-operator ends it all the same',
  ERR_API_KEY_NOT_FOUND: 'keyhold api-key ls shows the API keys',
  ERR_KEY_NAME_NOT_FOUND: 'keyhold data-key ls shows the names',
  ERR_KEY_VERSION_RETIRED:
    'its key version is below the minimum; a tenant admin can lower the minimum: keyhold data-key set-minimum-version',
  ERR_KEY_PROVIDER_NOT_FOUND: 'keyhold keyprovider list shows the fingerprints',
  ERR_KEY_PROVIDER_EXISTS: 'keyhold keyprovider ls shows it',
  ERR_REPLICAS_OLDER:
    'keyhold-server upgrade-check names the replicas that run; an old one counts as gone 30 seconds after it has stopped',
  ERR_KEY_PROVIDER_IN_USE:
    'migrate to another key provider, wait until it has completed, then delete this one',
  ERR_KEY_SINGLE_REGION: 'create a multi-Region key in AWS, and a replica of it',
  'Encryption-88': correctPolicy,
  ERR_KMS_DENIED: correctPolicy,
  ERR_KMS_KEY_DISABLED: 'enable the key in AWS, then try again',
  ERR_KMS_KEY_PENDING_DELETION: 'cancel the deletion of the key in AWS and enable it, then try again',
  ERR_KMS_KEY_PENDING_IMPORT: 'import the same key material into the key again, then try again',
  ERR_KMS_EXTERNAL_KEY_DENIED: 'authorize AWS KMS at the external key store, then try again',
  ERR_KMS_EXTERNAL_KEY_DISABLED: 'enable the key in the external key manager, then try again',
  ERR_KMS_OWN_POLICY:
    'the key needs no change: the operator of this installation must correct a policy of its own AWS account',
  ERR_KMS_ISSUER:
    'the key needs no change: the operator of this installation must see to the public pages of its issuer (keyhold-server issuer check)',
  ERR_ROLE_TRUST_TOO_WIDE:
    'let the trust policy of the role compare the sub of the token with StringEquals: keyhold keyprovider policy prints it',
  ERR_KMS_BUDGET: 'try again in some seconds; keyhold usage kms shows the calls to AWS KMS',
  ERR_MIGRATION_RUNNING:
    'keyhold keyprovider migration-details shows it; another one can start when it has completed',
  ERR_MIGRATION_NOT_FOUND: 'keyhold keyprovider migrate starts one',
  ERR_MIGRATION_ENDED: 'keyhold migration ls shows what became of it',
  ERR_MIGRATION_FAILURE_NOT_FOUND: 'keyhold migration failures shows which are set aside',
  ERR_MIGRATION_REPORT_NOT_FOUND:
    'it is signed when the key job ends; keyhold migration show shows its phase',
  ERR_DESTRUCTION_NOT_FOUND: 'keyhold destruction ls shows them',
  ERR_DESTRUCTION_SCHEDULED: 'keyhold destruction ls shows when it is due',
  ERR_DESTRUCTION_ENDED: 'keyhold destruction show has the record; nothing brings the keys back',
  ERR_DECRYPTION_FAILED:
    'tenant and --context must be the same as for the encryption, and no byte may have changed',
  ERR_SEALED: 'start the server with the root key of its database: without it, no tenant key can be opened',
  ERR_QUARANTINED:
    'on the server: put the newer database back, or run keyhold-server confirm-restore, which shows what it is older by',
  ERR_CLIENT_URL_INVALID: 'correct KEYHOLD_URL or --server',
  ERR_CLIENT_URL_INSECURE: 'use https, or pass --insecure where nobody else listens',
  ERR_CLIENT_TIMEOUT: 'the server may have done it all the same: look before you repeat it',
  ERR_CLIENT_BAD_REPLY: 'is KEYHOLD_URL or --server the address of a Keyhold?',
}

const hintsForCauses: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: is the server running, and is KEYHOLD_URL or --server right?',
  ERR_CLI_PROXY: 'correct HTTPS_PROXY, or name the server in NO_PROXY if it is reached without a proxy',
  ENOTFOUND: 'no machine has this name: is KEYHOLD_URL or --server right?',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS there: is it http?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server does not speak TLS there: is it http?',
  CERT_HAS_EXPIRED: "renew the server's certificate",
  ERR_TLS_CERT_ALTNAME_INVALID: "use the name that stands in the server's certificate",
}

const untrusted = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]

// The SDK repeats every call after these.
const refusedBeforeAll: ReadonlySet<string> = new Set(['HTTP-429', 'ERR_TOO_MANY_UNKNOWN_KEYS'])

export function hintFor(error: unknown): string | undefined {
  if (error instanceof CliError) return error.hint
  if (error instanceof KeyholdItemError || error instanceof KeyholdError) return hints[error.code]
  if (error instanceof KeyholdApiError || error instanceof KeyholdClientError) {
    const hint = hintForCause(error) ?? hints[error.code]
    if (hint !== undefined || !isTemporary(error)) return hint
    const { retryAfterSeconds } = error
    const when = retryAfterSeconds === undefined ? 'later' : `in ${retryAfterSeconds} s`
    const which = refusedBeforeAll.has(error.code) ? '' : ' for commands that change nothing'
    return `try again ${when}; --retry 10 does it${which}`
  }
  return undefined
}

function hintForCause(error: Error): string | undefined {
  return hintForCode(rootCause(error)?.code ?? '')
}

/** The next step for a code of the system, or of TLS. */
export function hintForCode(code: string): string | undefined {
  if (untrusted.includes(code)) {
    return "name your own authority's certificate with --ca-file, or pass --insecure to trust anybody"
  }
  return hintsForCauses[code]
}
