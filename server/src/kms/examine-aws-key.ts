// Tests everything about a key, in every region, whatever fails on the way. It also tests that the key is not too open: a
// tenant that does not exist must be denied, and so must a caller without the tenant's external id.
import type { KeyMetadata } from '@aws-sdk/client-kms'
import {
  KeyholdError,
  probeTenantId,
  parseKeyArn,
  type CustomerRole,
  type KeyArn,
  type KeyCheck,
  type KeyExamination,
  type KeyInspection,
} from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import { answeringKey, checkAliasTarget } from './metadata/aliased-key.ts'
import type { AwsCall } from './aws-call.ts'
import { subjectOf } from './issuer/identity-token.ts'
import { identityProviderRefusal, webIdentityAction } from './issuer/issuer-faults.ts'
import { checkUsable, createKeyActions, type KeyActions, type RegionalKeyName } from './aws-key-actions.ts'
import { checkSame, whenMade, type InspectOptions } from './inspect-aws-key.ts'
import { createKeyFindings, whetherDenied, type KeyFindings } from './key-findings.ts'
import { compliant, complianceErrorOf, replicasOf } from './key-regions.ts'

/** Examines the key that a key ARN or alias ARN names. It throws only for an invalid ARN. */
export async function examineAwsKey(
  call: AwsCall,
  arn: string,
  { tenantId, drRegions, role: asRegistered }: InspectOptions,
  onCheck?: (check: KeyCheck) => void,
): Promise<KeyExamination> {
  const role = asRegistered && anew(asRegistered)
  const asked = parseKeyArn(arn)
  const { region } = asked
  const own = createKeyFindings(region, onCheck)
  if (role !== undefined) {
    if ('externalId' in role) await tryWithoutExternalId(own, call, { tenantId, role }, arn)
    else await tryAsProbe(own, call, { tenantId, role }, arn)
  }

  const actions = createKeyActions(call, { tenantId, role })
  const metadata = await own.attempt('DescribeKey', 'Keyhold may look at the key.', () =>
    actions.describe(arn, region),
  )
  const key = metadata === undefined ? asked : (answeringKey(metadata) ?? asked)
  if (metadata !== undefined) await checkMetadata(own, asked, key, metadata)
  if (key.keyId !== undefined) await tryActions(own, actions, { keyArn: key.arn, region }, tenantId)

  const replicaKeys = metadata === undefined ? [] : replicasOf(key, metadata)
  const inReplicas = await Promise.all(
    replicaKeys.map((replica) =>
      examineReplica(actions, replica, tenantId, createKeyFindings(replica.region, onCheck)),
    ),
  )
  const complianceError =
    metadata === undefined
      ? undefined
      : complianceErrorOf(
          region,
          drRegions.get(region),
          metadata.MultiRegion === true,
          inReplicas.map((findings) => ({ region: findings.region, error: complianceErrorIn(findings) })),
        )
  if (complianceError !== undefined) noteReplicas(own, complianceError, replicaKeys)
  const checks = [...own.checks, ...inReplicas.flatMap((findings) => findings.checks)]
  const error = own.error()
  if (error !== undefined || metadata === undefined || complianceError === undefined) {
    return { checks, error: error ?? new KeyholdError('ERR_KMS_FAILED'), inspection: undefined }
  }
  const warnings = checks
    .filter(({ outcome, check }) => outcome === 'warning' && check !== 'Replica')
    .map(({ code, region: at, message }) => ({ code, region: at, message }))
  const inspection: KeyInspection = {
    keyArn: key.arn,
    multiRegion: metadata.MultiRegion === true,
    replicaKeys,
    drCompliant: complianceError.code === '',
    complianceError,
    ...(warnings.length > 0 && { warnings }),
  }
  return { checks, error: undefined, inspection }
}

// Through a role that Keyhold can assume with any external id, one tenant would reach another's key.
async function tryWithoutExternalId(
  findings: KeyFindings,
  call: AwsCall,
  { tenantId, role }: { tenantId: string; role: CustomerRole },
  arn: string,
): Promise<void> {
  const actions = createKeyActions(call, { tenantId, role: { arn: role.arn, externalId: randomUUID() } })
  const outcome = await whetherDenied(() => actions.describe(arn, findings.region))
  if (outcome !== 'allowed' && outcome.details.action === 'AssumeRole') {
    if (outcome.code === 'Encryption-88') {
      findings.note('ExternalId', 'passed', '', 'With another external id the role cannot be assumed.')
    } else findings.fail('ExternalId', outcome)
    return
  }
  findings.fail('ExternalId', new KeyholdError('ERR_ROLE_WITHOUT_EXTERNAL_ID'))
}

// A session that is kept would show what the trust policy said ten minutes ago.
function anew(role: CustomerRole): CustomerRole {
  return 'externalId' in role ? role : { ...role, attempt: randomUUID() }
}

// A trust policy without the condition on the subject, or with a wildcard in it, lets every tenant of this installation in.
async function tryAsProbe(
  findings: KeyFindings,
  call: AwsCall,
  { tenantId, role }: { tenantId: string; role: CustomerRole },
  arn: string,
): Promise<void> {
  const actions = createKeyActions(call, {
    tenantId,
    role: anew({ arn: role.arn, subjectTenantId: probeTenantId }),
  })
  const outcome = await whetherDenied(() => actions.describe(arn, findings.region))
  if (outcome !== 'allowed' && outcome.details.action === webIdentityAction) {
    // Without an identity provider AWS has not looked at the subject at all.
    if (outcome.code === 'Encryption-88' && outcome.details.refusedBy !== identityProviderRefusal) {
      findings.note('TokenSubject', 'passed', '', "With another tenant's token the role cannot be assumed.")
    } else findings.fail('TokenSubject', outcome)
    return
  }
  const message = `The role ${role.arn} lets the identity token of any tenant in: its trust policy must compare the "sub" of the token with ${subjectOf(tenantId)} by StringEquals.`
  findings.fail('TokenSubject', new KeyholdError('ERR_ROLE_TRUST_TOO_WIDE', { message }))
}

async function checkMetadata(
  findings: KeyFindings,
  asked: KeyArn,
  key: KeyArn,
  metadata: KeyMetadata,
): Promise<void> {
  const isAlias = asked.keyId === undefined
  if (isAlias) {
    await findings.attempt(
      'Alias',
      `The alias names ${key.arn}.`,
      () => {
        checkAliasTarget(asked, key, metadata)
      },
      { keyArn: key.arn },
    )
    if (findings.isHopeless()) return
  }
  await findings.attempt('KeyState', 'The key is enabled and made for symmetric encryption.', () => {
    if (key.keyId === undefined || (!isAlias && key.arn !== asked.arn))
      throw new KeyholdError('ERR_KMS_KEY_NOT_FOUND')
    checkUsable(metadata, findings.region)
  })
}

/** Tests each action, even after another one is denied, so that the customer corrects the policy only once. */
async function tryActions(
  findings: KeyFindings,
  actions: KeyActions,
  key: RegionalKeyName,
  tenantId: string,
): Promise<void> {
  if (findings.isHopeless()) {
    skip(findings)
    return
  }
  const made = await findings.attempt('GenerateDataKey', 'Keyhold may make keys for this tenant.', () =>
    actions.generate(key, tenantId),
  )
  if (made === undefined) {
    findings.note('Decrypt', 'skipped', '', 'Not tried, since there is nothing to decrypt.', {
      because: 'nothing-to-decrypt',
    })
    findings.note('ContextCondition', 'skipped', '', 'Not tried, since this tenant is denied already.', {
      because: 'tenant-denied',
    })
    return
  }
  await findings.attempt('Decrypt', 'Keyhold may open them again.', async () => {
    checkSame(made.plaintext, await actions.decrypt(key, tenantId, made.blob), key.region)
  })
  if (findings.isHopeless()) return
  await tryAsNobody(findings, actions, key, made.blob)
}

function skip(findings: KeyFindings): void {
  for (const check of ['GenerateDataKey', 'Decrypt', 'ContextCondition'] as const) {
    findings.note(check, 'skipped', '', 'Not tried, because of what failed before.', {
      because: 'failed-before',
    })
  }
}

async function tryAsNobody(
  findings: KeyFindings,
  actions: KeyActions,
  key: RegionalKeyName,
  blob: Uint8Array,
): Promise<void> {
  const outcomes = await Promise.all([
    whetherDenied(() => actions.generate(key, probeTenantId)),
    // AWS KMS checks the permission before the ciphertext: only an allowed caller learns that it does not open.
    whetherDenied(() => actions.decrypt(key, probeTenantId, blob), ['ERR_KMS_INVALID_CIPHERTEXT']),
  ])
  const allowed = ['GenerateDataKey', 'Decrypt'].filter((_, index) => outcomes[index] === 'allowed')
  if (allowed.length > 0) {
    const message = `The policy of the provided key is too wide [${key.region}] [${allowed.join(', ')}]: it admits every tenant. Add the condition StringEquals kms:EncryptionContext:tenantId; to a grant, the constraint EncryptionContextEquals.`
    findings.note('ContextCondition', 'warning', 'ERR_KEY_POLICY_TOO_WIDE', message, {
      actions: allowed.join(', '),
    })
    return
  }
  const failure = outcomes.find((outcome) => outcome !== 'allowed' && outcome.code !== 'Encryption-88')
  if (failure === undefined || failure === 'allowed') {
    findings.note('ContextCondition', 'passed', '', 'Another tenant than this one is denied.')
  } else findings.note('ContextCondition', 'skipped', failure.code, failure.message, failure.details)
}

async function examineReplica(
  actions: KeyActions,
  replica: RegionalKeyName,
  tenantId: string,
  findings: KeyFindings,
): Promise<KeyFindings> {
  const metadata = await findings.attempt('DescribeKey', 'Keyhold may look at the replica.', () =>
    actions.describe(replica.keyArn, replica.region),
  )
  if (metadata !== undefined) {
    let latest: KeyMetadata | undefined = metadata
    await findings.attempt('KeyState', 'The replica is enabled.', () =>
      whenMade(async () => {
        const looked = latest ?? (await actions.describe(replica.keyArn, replica.region))
        latest = undefined
        checkUsable(looked, replica.region)
      }),
    )
  }
  await tryActions(findings, actions, replica, tenantId)
  return findings
}

function complianceErrorIn(findings: KeyFindings): KeyInspection['complianceError'] {
  const error = findings.error()
  return error === undefined
    ? compliant
    : { code: error.code, region: findings.region, message: error.message }
}

function noteReplicas(
  findings: KeyFindings,
  { code, message, region: at }: KeyInspection['complianceError'],
  replicas: readonly RegionalKeyName[],
): void {
  if (code !== '') findings.note('Replica', 'warning', code, message, { at })
  else {
    const regions = replicas.map(({ region }) => region).join(', ')
    findings.note('Replica', 'passed', '', `The key can stand in for its own region in ${regions}.`, {
      regions,
    })
  }
}
