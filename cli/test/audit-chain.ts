// Chains of audit records as a server has them. Their bytes (docs/formats.md) are written here a second time.
import type { Audit, AuditHead } from '@keyhold/client'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const { x } = publicKey.export({ format: 'jwk' })
export const keySet = { keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid: 'the-key', alg: 'EdDSA', use: 'sig' }] }

const lp = (text: string) => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(Buffer.byteLength(text))
  return Buffer.concat([length, Buffer.from(text)])
}
const u16 = (number: number) => Buffer.from([number >> 8, number & 255])
const u64 = (number: number) => Buffer.from(number.toString(16).padStart(16, '0'), 'hex')

export function hashOf(previous: string, audit: Omit<Audit, 'hash'>): string {
  const { tenantId = '', sequence, id, at, actor, action, target, traceId = '', details } = audit
  const pairs = Object.entries(details).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return createHash('sha256')
    .update('keyhold/audit/1\0')
    .update(Buffer.from(previous, 'hex'))
    .update(Buffer.concat([lp(tenantId), u64(sequence), u64(Date.parse(at))]))
    .update(Buffer.from(id.replaceAll('-', ''), 'hex'))
    .update(Buffer.concat([actor.id, actor.role ?? '', action, target.kind, target.id, traceId].map(lp)))
    .update(u16(pairs.length))
    .update(Buffer.concat(pairs.flatMap(([key, value]) => [lp(key), lp(value)])))
    .digest('hex')
}

const zeros = '0'.repeat(64)

/** Gives records their hashes, and numbers them. */
export function chained(audits: readonly Omit<Audit, 'hash'>[]): Audit[] {
  let hash = zeros
  return audits.map((audit, index) => {
    const numbered = { ...audit, sequence: index + 1 }
    hash = hashOf(hash, numbered)
    return { ...numbered, hash }
  })
}

export function record(index: number, changes: Partial<Audit> = {}): Omit<Audit, 'hash'> {
  return {
    tenantId: 'acme',
    sequence: index,
    id: `01890000-0000-7000-8000-${String(index).padStart(12, '0')}`,
    at: `2026-01-02T03:04:05.00${index}Z`,
    actor: { id: 'abcdefghij012345', role: 'tenant-admin' },
    action: 'keyprovider.create',
    target: { kind: 'key-provider', id: `fingerprint-${index}` },
    traceId: '0'.repeat(32),
    details: { keyArn: `arn:${index}`, ä: '€' },
    ...changes,
  }
}

/** A compact JWS of the key in `keySet`, or of another one. */
export function signed(payload: object, kid = 'the-key', by = privateKey): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${part({ alg: 'EdDSA', kid })}.${part(payload)}`
  return `${input}.${sign(null, Buffer.from(input), by).toString('base64url')}`
}

/** The signed head of a chain. */
export function headOf(audits: readonly Audit[], tenantId: string | null = 'acme'): AuditHead {
  const head = {
    type: 'keyhold/audit-head/1' as const,
    tenantId,
    sequence: audits.length,
    hash: audits.at(-1)?.hash ?? zeros,
    signedAt: '2026-01-02T03:04:05.678Z',
  }
  return { jws: signed(head), head }
}

export interface SignedCheckpoint {
  checkpoint: Record<string, unknown>
  jws: string
}

/** Checkpoints of a chain after these numbers of records, each of which names the one before. */
export function checkpointsOf(
  audits: readonly Audit[],
  after: readonly number[],
  changes: object = {},
): SignedCheckpoint[] {
  let previous = zeros
  return after.map((sequence, index) => {
    const checkpoint = {
      ...{
        type: 'keyhold/audit-checkpoint/1',
        tenantId: 'acme',
        sequence,
        hash: audits[sequence - 1]?.hash ?? zeros,
      },
      ...{ number: index + 1, previous, signedAt: '2026-01-02T03:04:05.678Z', ...changes },
    }
    const jws = signed(checkpoint)
    previous = createHash('sha256').update(jws).digest('hex')
    return { checkpoint, jws }
  })
}

/** The lines of an export, as values. */
export function exportOf(
  audits: readonly Audit[],
  checkpoints: readonly SignedCheckpoint[],
  head: AuditHead = headOf(audits),
): object[] {
  return [
    { export: { type: 'keyhold/audit-export/1', tenantId: head.head.tenantId } },
    { head: head.head, jws: head.jws },
    ...checkpoints,
    ...audits.map((each) => ({ record: each })),
  ]
}
