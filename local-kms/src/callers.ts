// Who calls: the administrators that every account has, and the principals of a JSON file.
import { readFileSync } from 'node:fs'
import { parsePolicy, type Policy } from './policy/document.ts'

const DEFAULT_ACCOUNT = '123456789012'
const PRINCIPAL_ARN = /^arn:aws:iam::(\d{12}):(?:root|user\/.+|role\/.+)$/

export interface Caller {
  readonly secretAccessKey: string
  /** Set for temporary credentials: requests must then carry exactly this token. */
  readonly sessionToken?: string | undefined
  readonly account: string
  readonly arn: string
  /** What the caller's own account lets it do. Absent: nothing. */
  readonly identityPolicy?: Policy | undefined
}

const ADMINISTRATOR = parsePolicy(
  '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}',
  'identity',
)

export class Callers {
  readonly #listed: ReadonlyMap<string, Caller>
  readonly #administrators = new Map<string, Caller>()

  constructor(listed: ReadonlyMap<string, Caller> = new Map()) {
    this.#listed = listed
  }

  find(accessKeyId: string): Caller | undefined {
    return this.#listed.get(accessKeyId) ?? this.#administrator(accessKeyId)
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
  for (const [index, entry] of list.entries()) {
    try {
      const [accessKeyId, caller] = readPrincipal(entry)
      if (callers.has(accessKeyId)) throw new Error('its accessKeyId is listed twice')
      callers.set(accessKeyId, caller)
    } catch (cause) {
      throw new Error(`${path}: entry ${index}: ${cause instanceof Error ? cause.message : ''}`, { cause })
    }
  }
  return new Callers(callers)
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : 'unreadable'}`, { cause })
  }
}

function readPrincipal(entry: unknown): [string, Caller] {
  const fields: Partial<Record<string, unknown>> =
    typeof entry === 'object' && entry !== null ? { ...entry } : {}
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
