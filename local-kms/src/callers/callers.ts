// Who calls: the administrators that every account has, the principals of a JSON file, and sessions of roles.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parsePolicy, type Policy } from '../policy/parse-policy.ts'
import { type Role, Roles } from './roles.ts'

const DEFAULT_ACCOUNT = '123456789012'
// Far more than tests begin; forgetting them all only makes clients assume their roles again.
const MAX_SESSIONS = 10_000
const PRINCIPAL_ARN = /^arn:aws:iam::(\d{12}):(?:root|user\/.+|role\/.+)$/

export interface Caller {
  readonly secretAccessKey: string
  /** Set for temporary credentials: requests must then carry exactly this token. */
  readonly sessionToken?: string | undefined
  readonly account: string
  readonly arn: string
  /** Of a session: the role whose session it is. */
  readonly roleArn?: string
  /** Of a session: from then on its credentials are refused. */
  readonly expiresAt?: number
  /** What the caller's own account lets it do. Absent: nothing. */
  readonly identityPolicy?: Policy | undefined
}

const ADMINISTRATOR = parsePolicy(
  '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["kms:*","sts:*"],"Resource":"*"}}',
  'identity',
)

export class Callers {
  /** What sessions are begun of. */
  readonly roles: Roles
  readonly #listed: ReadonlyMap<string, Caller>
  readonly #administrators = new Map<string, Caller>()

  readonly #sessions = new Map<string, Caller>()

  constructor(listed: ReadonlyMap<string, Caller> = new Map(), roles: Roles = new Roles()) {
    this.#listed = listed
    this.roles = roles
  }

  find(accessKeyId: string): Caller | undefined {
    return this.#listed.get(accessKeyId) ?? this.#session(accessKeyId) ?? this.#administrator(accessKeyId)
  }

  /** Begins a session of a role; answers its access key, and the caller with the secrets. */
  begin(role: Role, sessionName: string, expiresAt: number): { accessKeyId: string; caller: Caller } {
    const accessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`
    const caller: Caller = {
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(96).toString('base64'),
      account: role.account,
      arn: `arn:aws:sts::${role.account}:assumed-role/${role.name}/${sessionName}`,
      roleArn: role.arn,
      expiresAt,
    }
    if (this.#sessions.size >= MAX_SESSIONS) this.#sessions.clear()
    this.#sessions.set(accessKeyId, caller)
    return { accessKeyId, caller }
  }

  // What it may do is what its role may do now; without the role nothing is left of it.
  #session(accessKeyId: string): Caller | undefined {
    const caller = this.#sessions.get(accessKeyId)
    const role = caller?.roleArn === undefined ? undefined : this.roles.find(caller.roleArn)
    return caller === undefined || role === undefined ? undefined : { ...caller, identityPolicy: role.policy }
  }

  #administrator(accessKeyId: string): Caller | undefined {
    const account = accessKeyId === 'test' ? DEFAULT_ACCOUNT : accessKeyId
    if (!/^\d{12}$/.test(account)) return undefined
    let caller = this.#administrators.get(account)
    if (caller === undefined) {
      caller = {
        secretAccessKey: 'test',
        account,
        arn: `arn:aws:iam::${account}:root`,
        identityPolicy: ADMINISTRATOR,
      }
      this.#administrators.set(account, caller)
    }
    return caller
  }
}

/** @throws Error that names the file and the entry when the file is not a list of principals. */
export function readPrincipalsFile(path: string): Callers {
  const list = readJson(path)
  if (!Array.isArray(list)) throw new Error(`${path}: expected a JSON array of principals`)
  const callers = new Map<string, Caller>()
  const roles = new Roles()
  for (const [index, entry] of list.entries()) {
    try {
      const fields = fieldsOf(entry)
      if (fields.trust !== undefined) {
        roles.put({ arn: String(fields.arn), trust: fields.trust, policy: fields.policy })
        if (fields.accessKeyId === undefined) continue
      }
      const [accessKeyId, caller] = readPrincipal(fields)
      if (callers.has(accessKeyId)) throw new Error('its accessKeyId is listed twice')
      callers.set(accessKeyId, caller)
    } catch (cause) {
      throw new Error(`${path}: entry ${index}: ${cause instanceof Error ? cause.message : ''}`, { cause })
    }
  }
  return new Callers(callers, roles)
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : 'unreadable'}`, { cause })
  }
}

type Fields = Partial<Record<string, unknown>>

function fieldsOf(entry: unknown): Fields {
  return typeof entry === 'object' && entry !== null ? { ...entry } : {}
}

function readPrincipal(fields: Fields): [string, Caller] {
  const { accessKeyId, secretAccessKey, sessionToken, arn, policy } = fields
  if (typeof accessKeyId !== 'string' || !/^\w{4,128}$/.test(accessKeyId)) {
    throw new Error('"accessKeyId" expected 4 to 128 letters or digits')
  }
  if (typeof secretAccessKey !== 'string' || secretAccessKey === '') {
    throw new Error('"secretAccessKey" expected text')
  }
  if (sessionToken !== undefined && typeof sessionToken !== 'string') {
    throw new Error('"sessionToken" expected text')
  }
  const account = typeof arn === 'string' ? PRINCIPAL_ARN.exec(arn)?.[1] : undefined
  if (typeof arn !== 'string' || account === undefined) {
    throw new Error('"arn" expected arn:aws:iam::<account>:role/<name> or …:user/<name>')
  }
  const identityPolicy = policy === undefined ? undefined : parsePolicy(JSON.stringify(policy), 'identity')
  return [accessKeyId, { secretAccessKey, sessionToken, account, arn, identityPolicy }]
}
