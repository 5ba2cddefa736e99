// Key providers for people.
import type { KeyProvider } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { internalKms, isInternalKms, kmsName } from './kms-name.ts'
import { readableTime } from './readable-time.ts'

export const keyProviderView: View<KeyProvider> = {
  ids: (provider) => [provider.arnFingerPrint],
  text: (provider) =>
    formatFields([
      ['fingerprint', provider.arnFingerPrint],
      ['name', nameOf(provider)],
      ['description', provider.description],
      ['current', provider.current ? 'yes' : 'no'],
      ['arn', kmsName(provider.arn)],
      ['alias', aliasOf(provider)],
      ['role', provider.roleArn],
      ['role access', provider.roleAccess],
      ['kind', isInternalKms(provider.arn) ? internalKms : provider.keyprovider],
      ['multi-region', provider.multiRegion === undefined ? undefined : provider.multiRegion ? 'yes' : 'no'],
      ['replicas', provider.replicaKeys?.map((replica) => `${replica.region}  ${replica.arn}`)],
      ['DR', provider.drCompliant === undefined ? undefined : disasterRecovery(provider, true)],
      ['health', provider.health && [provider.health.state, provider.health.cause, provider.health.advice]],
      ['warnings', provider.warnings?.map(({ code, region, message }) => `${code} in ${region}: ${message}`)],
      // The internal KMS was never created: its `createdAt` is not a time.
      ['created', isInternalKms(provider.arn) ? undefined : readableTime(provider.createdAt)],
      ['promoted', readableTime(provider.promotedToCurrentAt)],
      ['demoted', readableTime(provider.demotedFromCurrentAt)],
      ['tenant', provider.tenantId],
    ]),
}

export const keyProviderListView: View<KeyProvider[]> = {
  ids: (providers) => providers.map((provider) => provider.arnFingerPrint),
  text: (providers) =>
    formatTable(
      ['FINGERPRINT', 'NAME', 'CURRENT', 'ARN', 'DR'],
      providers.map((provider) => [
        provider.arnFingerPrint,
        // Beside it nothing is known.
        provider.tampered === true ? '(tampered)' : nameOf(provider),
        provider.current ? 'yes' : '-',
        provider.tampered === true ? '-' : kmsName(provider.arn),
        provider.tampered === true ? '-' : disasterRecovery(provider, false),
      ]),
    ),
}

function aliasOf({ alias }: KeyProvider): string | undefined {
  if (alias === undefined) return undefined
  return alias.message === undefined ? alias.arn : `${alias.arn}  ${alias.state}: ${alias.message}`
}

/** For people. */
export function nameOf({ name, arn }: Pick<KeyProvider, 'name' | 'arn'>): string {
  return isInternalKms(arn) ? internalKms : name
}

// Whether the key also works in the region for disaster recovery.
function disasterRecovery({ drCompliant, complianceError }: KeyProvider, withMessage: boolean): string {
  if (drCompliant === undefined) return '-'
  if (drCompliant) return 'ok'
  if (complianceError === undefined || complianceError.code === '') return 'no'
  const { code, region, message } = complianceError
  return withMessage ? `${code} in ${region}: ${message}` : `${code} in ${region}`
}
