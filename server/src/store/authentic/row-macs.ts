// Signs the rows that steer, and verifies them before they decide anything. Whoever can write to the database has no root
// key, and so cannot make a row that passes.
import {
  deriveMacKey,
  encodeRow,
  isRowMac,
  KeyholdError,
  rootKeyIdOfMac,
  rowMac,
  type ErrorCode,
  type RowColumnType,
} from '@keyhold/core'
import { createHmac, type KeyObject } from 'node:crypto'
import { createRightMacs } from './right-macs.ts'
import {
  steeringKinds,
  type KeyColumn,
  type SignedRow,
  type SteeringKind,
  type StoredRow,
} from './steering-kinds.ts'

declare const isAuthentic: unique symbol

/** A row that the verifier let pass. Nothing else makes one. */
export type Authentic<Row> = Row & { readonly [isAuthentic]: true }

/** The root key in use, and what the file of it says about MACs. */
export interface MacRing {
  /** 16 lower-case hex characters. */
  rootKeyId: string
  rootKey: KeyObject
  installationId: string
  /**
   * Whether a row without a MAC, or with a wrong one, decides nothing. False only until the operator has adopted the rows of
   * an installation that is older than MACs: then such a row is reported and used.
   */
  requiresMacs: boolean
}

/**
 * Unsigned: the row has no MAC. Forged: it has a wrong one. Missing: there must be one. Older: it is right, and this replica
 * has seen a newer one. Incomplete: it is right, but others that belong to it are missing, or there are more.
 */
export type RowFault = 'unsigned' | 'forged' | 'missing' | 'older' | 'incomplete'

export interface FaultyRow {
  kind: SteeringKind | 'cipherkey'
  table: string
  /** The values of its primary key, separated by "/"; of very long ones the beginning. */
  key: string
  /** As the row says; undefined: it concerns the installation, or does not say it. */
  tenantId: string | undefined
  fault: RowFault
  /** Whether it was used nevertheless. */
  used: boolean
}

/** The uses of bytes over a text. No kind of row has one of these names. */
export type TagPurpose = 'apiKeyId' | 'sessionId' | 'linkId' | 'csrf' | 'login'

export interface RowMacs {
  /** Before this, nothing can be signed or verified: the replica is sealed. */
  open(ring: MacRing): void

  /** From now on nothing can be signed or verified: whoever asks gets an error with this code. */
  seal(code: ErrorCode): void

  /** Whether this replica has no root key, or must not use it: then nothing can be signed or verified. */
  isSealed(): boolean

  /**
   * Whether a row was met in the last minute that is signed under a root key which is not in the ring: then this replica's
   * root key file is older than that of others.
   */
  isOutdated(): boolean

  /** Whether rows without a right MAC decide nothing. Throws `ERR_SEALED`. */
  requiresMacs(): boolean

  /**
   * The MAC of a row as it will be stored. Its times must be whole milliseconds that are known before the insert.
   *
   * @throws KeyholdError `ERR_SEALED`
   */
  sign<Kind extends SteeringKind>(kind: Kind, row: SignedRow<Kind>): Buffer

  /**
   * Bytes over a text that is not in a row: nobody without the root key makes them. 32 bytes.
   *
   * @param purpose - of which there is one for each use, and no kind of row with that name
   * @throws KeyholdError `ERR_SEALED`
   */
  tagOf(purpose: TagPurpose, text: string): Buffer

  /**
   * Lets a row pass that Keyhold wrote.
   *
   * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED`
   */
  verify<Kind extends SteeringKind, Row extends StoredRow<Kind>>(kind: Kind, row: Row): Authentic<Row>

  /**
   * The same for lists, which show faulty rows beside the others. Undefined: nothing is wrong, or it is not required yet.
   *
   * @throws KeyholdError `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED`
   */
  faultOf<Kind extends SteeringKind>(kind: Kind, row: StoredRow<Kind>): RowFault | undefined

  /**
   * Refuses a row for a fault that its MAC does not tell of; before the adoption it only reports it.
   *
   * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`
   */
  reject<Kind extends SteeringKind>(
    kind: Kind,
    row: Pick<SignedRow<Kind>, KeyColumn<Kind>>,
    fault: RowFault,
  ): void

  /**
   * Says what is wrong with a row without telling of it, whether MACs are required or not: for who looks through all rows.
   * Outdated: the MAC is made under a root key that is not in the ring.
   *
   * @throws KeyholdError `ERR_SEALED`
   */
  inspect<Kind extends SteeringKind>(kind: Kind, row: StoredRow<Kind>): RowFault | 'outdated' | undefined

  /**
   * Tells of a cipherkey that does not open though its tenant key does. It has no MAC: what it says is bound into its wrap.
   */
  tellUnopened(cipherkey: { tenantId: string; dataKeyId: string; version: number }): void

  /** How many MACs were computed since the start. */
  count(): number
}

// Whoever plants such a row must not keep replicas from being ready for longer than it is there.
const outdatedMs = 60_000
// Whoever plants a row chooses how long its key is.
const maxKeyLength = 512
const maxTenantIdLength = 128

export interface RowMacsOptions {
  /** Hears of each row under a root key that is not in the ring, each time that it is met. */
  onOutdated?: (row: Pick<FaultyRow, 'table' | 'key'>, rootKeyId: string) => void
  /** Monotonic, in milliseconds. */
  clock?: () => number
}

/** @param report - hears of each faulty row, each time that it is met */
export function createRowMacs(
  report: (row: FaultyRow) => void = () => undefined,
  { onOutdated = () => undefined, clock = () => performance.now() }: RowMacsOptions = {},
): RowMacs {
  let ring: MacRing | undefined
  let sealedAs: ErrorCode = 'ERR_SEALED'
  let outdatedAtMs = Number.NEGATIVE_INFINITY
  let count = 0
  const keys = new Map<string, KeyObject>()
  // One request reads the fence of its tenant several times.
  const rights = createRightMacs()

  function opened(): MacRing {
    if (ring === undefined) throw new KeyholdError(sealedAs)
    return ring
  }

  function keyOf({ rootKey, installationId }: MacRing, kind: SteeringKind | TagPurpose): KeyObject {
    const known = keys.get(kind)
    if (known !== undefined) return known
    const key = deriveMacKey(rootKey, installationId, kind)
    keys.set(kind, key)
    return key
  }

  function inspect<Kind extends SteeringKind>(
    kind: Kind,
    row: StoredRow<Kind>,
  ): RowFault | 'outdated' | undefined {
    const current = opened()
    const mac = macIn(kind, row)
    if (mac === null) return 'unsigned'
    const madeUnder = rootKeyIdOfMac(mac)
    if (madeUnder === undefined) return 'forged'
    if (madeUnder !== current.rootKeyId) return 'outdated'
    const bytes = bytesOf(kind, row)
    if (bytes === undefined) return 'forged'
    const isAgain = kind === 'fence' && rights.has(mac, bytes)
    if (isAgain) return undefined
    count++
    if (!isRowMac(keyOf(current, kind), current.rootKeyId, bytes, mac)) return 'forged'
    if (kind === 'fence') rights.add(mac, bytes)
    return undefined
  }

  function look<Kind extends SteeringKind>(kind: Kind, row: StoredRow<Kind>): RowFault | undefined {
    const fault = inspect(kind, row)
    if (fault !== 'outdated') return fault
    const madeUnder = rootKeyIdOfMac(macIn(kind, row) ?? Buffer.alloc(0)) ?? ''
    outdatedAtMs = clock()
    onOutdated({ table: steeringKinds[kind].table, key: keyIn(kind, row) }, madeUnder)
    throw new KeyholdError('ERR_ROOT_KEY_OUTDATED', {
      message: `A row of ${steeringKinds[kind].table} is authenticated under the root key ${madeUnder}, which this replica does not hold: give it the root key file that the other replicas have.`,
    })
  }

  /** Answers whether it is used nevertheless. */
  function tell(kind: SteeringKind, row: object, fault: RowFault): boolean {
    const used = !opened().requiresMacs
    const { table } = steeringKinds[kind]
    const key = keyIn(kind, row).slice(0, maxKeyLength).toWellFormed()
    report({ kind, table, key, tenantId: tenantIn(kind, row), fault, used })
    return used
  }

  function faultOf<Kind extends SteeringKind>(kind: Kind, row: StoredRow<Kind>): RowFault | undefined {
    const fault = look(kind, row)
    return fault === undefined || tell(kind, row, fault) ? undefined : fault
  }

  return {
    open(next) {
      ring = next
      keys.clear()
      rights.clear()
      outdatedAtMs = Number.NEGATIVE_INFINITY
    },
    seal(code) {
      ring = undefined
      sealedAs = code
      keys.clear()
      rights.clear()
    },
    isOutdated: () => clock() - outdatedAtMs < outdatedMs,
    isSealed: () => ring === undefined,
    requiresMacs: () => opened().requiresMacs,
    sign(kind, row) {
      const current = opened()
      count++
      return rowMac(keyOf(current, kind), current.rootKeyId, encodeRow(kind, sortedColumns[kind], row))
    },
    tagOf(purpose, text) {
      const current = opened()
      count++
      return createHmac('sha256', keyOf(current, purpose)).update(text).digest()
    },
    verify<Kind extends SteeringKind, Row extends StoredRow<Kind>>(kind: Kind, row: Row) {
      const fault = faultOf(kind, row)
      if (fault !== undefined) throw notAuthentic(kind, row, fault)
      return row as Authentic<Row>
    },
    faultOf,
    reject(kind, row, fault) {
      if (!tell(kind, row, fault)) throw notAuthentic(kind, row, fault)
    },
    inspect,
    tellUnopened({ tenantId, dataKeyId, version }) {
      const key = `${tenantId}/${dataKeyId}/${version}`
      report({ kind: 'cipherkey', table: 'cipherkeys', key, tenantId, fault: 'forged', used: false })
    },
    count: () => count,
  }
}

// As encodeRow wants them: names of columns are ASCII, so units sort like bytes.
const sortedColumns = Object.fromEntries(
  Object.entries(steeringKinds).map(([kind, { columns }]) => [
    kind,
    Object.entries(columns).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]),
) as unknown as Record<SteeringKind, [string, RowColumnType][]>

/** Undefined: a value that Keyhold never writes, such as a time that is infinite. */
function bytesOf<Kind extends SteeringKind>(kind: Kind, row: StoredRow<Kind>): Buffer | undefined {
  const values: Readonly<Record<string, unknown>> = row
  const forgotten = sortedColumns[kind].find(([name]) => values[name] === undefined)
  if (forgotten !== undefined) throw new TypeError(`a row of ${kind} was read without its ${forgotten[0]}`)
  try {
    return encodeRow(kind, sortedColumns[kind], row)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

function macIn<Kind extends SteeringKind>(kind: Kind, row: StoredRow<Kind>): Buffer | null {
  const mac: unknown = Object.getOwnPropertyDescriptor(row, steeringKinds[kind].mac)?.value
  // Undefined: the query forgot the column.
  if (mac === null || Buffer.isBuffer(mac)) return mac
  throw new TypeError(`a row of ${kind} was read without its MAC`)
}

const words: Record<RowFault, string> = {
  unsigned: 'was not written by Keyhold, or is an altered one',
  forged: 'was not written by Keyhold, or is an altered one',
  missing: 'is missing',
  older: 'is older than one that this replica has seen: the database has gone back',
  incomplete: 'belongs to others, of which some are missing or too many',
}

function notAuthentic(kind: SteeringKind, row: object, fault: RowFault): KeyholdError {
  const { table } = steeringKinds[kind]
  // Others that are older are so by the manifest of their tenant.
  const isOlder = fault === 'older' && 'generation' in steeringKinds[kind].columns && kind !== 'apiKey'
  const advice = isOlder
    ? 'An operator puts the newer database back, or decides for this one with "keyhold-server confirm-restore".'
    : 'An operator finds it with "keyhold-server doctor --integrity".'
  return new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', {
    message: `A row of ${table} ${words[fault]}: ${keyIn(kind, row)}. ${advice}`,
    details: { table, key: keyIn(kind, row) },
  })
}

function tenantIn(kind: SteeringKind, row: object): string | undefined {
  const values = row as Readonly<Record<string, unknown>>
  const tenantId = kind === 'fence' ? values.id : (values.tenant_id ?? values.tenantId)
  return typeof tenantId === 'string' && tenantId.length <= maxTenantIdLength ? tenantId : undefined
}

function keyIn(kind: SteeringKind, row: object): string {
  const values = row as Readonly<Record<string, unknown>>
  return steeringKinds[kind].key.map((column) => String(values[column])).join('/')
}
